//! From what was found to what is stored.

use std::collections::HashMap;

use twostep_core::manage::act::ActError;
use twostep_core::os::account::Account;
use twostep_core::policy::Verification;
use twostep_core::proof::totp::{self, Authenticator, SHORTEST_SECRET};
use twostep_core::store::files::Store;
use twostep_core::store::files::credential::{MOST_AUTHENTICATORS, check_label};
use twostep_core::time::UnixTime;

use crate::act_error::explain;
use crate::administrator::Administrator;
use crate::failure::Failure;

use super::found::{ImportedEntry, Problem, Token, Used};
use super::report::{Outcome, Row};

/// How many steps from now a last code is looked for.
const SEARCHED: u64 = 100;

/// What all sources have in common.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What the phones or apps shall be called
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How it is done.
pub(crate) struct ImportOptions<'a> {
    /// The other program, for the log.
    pub from: &'static str,
    /// What authenticators are called; all but the first of a person have a number behind it.
    pub label: &'a str,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

impl Options {
    /// How people are moved in from this program.
    pub(crate) fn for_source(&self, from: &'static str) -> Result<ImportOptions<'_>, Failure> {
        // The number of a further one stands behind it.
        check_label(&format!("{} 8", self.label))
            .map_err(|problem| Failure::refused(problem.to_string(), "Choose another --label."))?;
        Ok(ImportOptions { from, label: &self.label, dry_run: self.dry_run })
    }
}

/// An administrator who moves people in.
pub(crate) struct Moving<'a> {
    administrator: &'a Administrator,
    options: ImportOptions<'a>,
    store: Store,
    rules: Verification,
    now: UnixTime,
    /// Whose each secret is that is stored here, or was found already.
    held: HashMap<Vec<u8>, u32>,
}

impl<'a> Moving<'a> {
    /// Reads what is stored: no secret may be two people's.
    pub(crate) fn new(administrator: &'a Administrator, options: ImportOptions<'a>) -> Result<Self, Failure> {
        let store = administrator.store()?;
        let mut held = HashMap::new();
        let (uids, _) = store.uids()?;
        for uid in uids {
            let credential = store.snapshot(uid).credential?;
            for authenticator in credential.iter().flat_map(|credential| &credential.authenticators) {
                held.insert(authenticator.expose_secret().to_vec(), uid);
            }
        }
        let (rules, now) = (administrator.rules()?, administrator.now()?);
        Ok(Self { administrator, options, store, rules, now, held })
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.now
    }

    /// Moves one person in, with all that was found of them.
    pub(crate) fn person(&mut self, account: &Account, entries: Vec<ImportedEntry>) -> Vec<Row> {
        let (mut rows, mut told, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        let done = if self.options.dry_run { Outcome::WouldImport } else { Outcome::Imported };
        for ImportedEntry { place, found } in entries {
            let row = Row::new(account.name.clone(), account.uid, place);
            match self.authenticator(account, found, tokens.len()) {
                Ok((authenticator, token)) => {
                    told.push(row.with(done).noting(self.notes(&token)));
                    tokens.push((authenticator, token));
                }
                Err(Not::Needed) => rows.push(row.with(Outcome::Unchanged)),
                Err(Not::Possible(problem)) => rows.push(row.refuse(&problem)),
            }
        }
        let stored = if tokens.is_empty() { Ok(()) } else { self.store(account, tokens) };
        rows.extend(told.into_iter().map(|row| match &stored {
            Ok(()) => row,
            Err(problem) => row.refuse(problem),
        }));
        rows
    }

    /// The authenticator that is made of what was found, for somebody of whom `before` were found already.
    fn authenticator(
        &mut self,
        account: &Account,
        found: Result<Token, Problem>,
        before: usize,
    ) -> Result<(Authenticator, Token), Not> {
        let token = found.map_err(|problem| Not::Possible(problem.to_owned()))?;
        let not = |problem: &str| Err(Not::Possible(problem.to_owned()));
        match self.held.get(token.secret.as_slice()) {
            Some(&uid) if uid != account.uid => {
                return not("another account has this secret: each needs one of its own. Enroll anew");
            }
            Some(_) => return Err(Not::Needed),
            None => {}
        }
        let label = match before {
            0 => self.options.label.to_owned(),
            MOST_AUTHENTICATORS.. => {
                return not(&format!("{MOST_AUTHENTICATORS} authenticators are the most of one person"));
            }
            n => format!("{} {}", self.options.label, n.saturating_add(1)),
        };
        let Token { algorithm, digits, period, .. } = token;
        let made = Authenticator::imported(label, &token.secret, algorithm, digits, period, Some(self.now));
        let authenticator = made.map_err(|problem| Not::Possible(problem.to_string()))?;
        self.held.insert(token.secret.to_vec(), account.uid);
        Ok((authenticator, token))
    }

    fn notes(&self, token: &Token) -> Vec<String> {
        let mut notes = token.notes.clone();
        let bits = token.secret.len().saturating_mul(8);
        if token.secret.len() < SHORTEST_SECRET {
            notes.push(format!(
                "its secret has {bits} bits, and new ones have 160: let them enroll anew some day"
            ));
        }
        let skew = u64::from(self.rules.skew_steps);
        if token.ahead.unsigned_abs() > skew {
            let seconds = token.ahead.unsigned_abs().saturating_mul(token.period.seconds());
            let way = if token.ahead > 0 { "ahead" } else { "behind" };
            notes.push(format!(
                "the phone's clock was {seconds} s {way}: no code is accepted until it is set right"
            ));
        }
        if token.reach > skew {
            notes.push(format!(
                "codes of {} steps to each side were accepted; the policy's skew-steps is {skew}",
                token.reach
            ));
        }
        notes
    }

    fn store(&self, account: &Account, tokens: Vec<(Authenticator, Token)>) -> Result<(), String> {
        if self.store.has_credential(account.uid).map_err(|fault| fault.to_string())? {
            return Err(explain(&account.into(), ActError::AlreadyEnrolled).what().to_owned());
        }
        if self.options.dry_run {
            return Ok(());
        }
        let skew = u64::from(self.rules.skew_steps);
        let marks =
            tokens.iter().map(|(authenticator, token)| mark(authenticator, &token.used, self.now, skew));
        let mark = marks.max().unwrap_or(self.now);
        let authenticators = tokens.into_iter().map(|(authenticator, _)| authenticator).collect();
        let stored = self
            .administrator
            .carry_out(&account.into(), |acts| acts.import(account, self.options.from, authenticators, mark));
        stored.map_err(|failure| failure.what().to_owned())
    }
}

/// Why nothing is stored of what was found.
enum Not {
    /// It is here already.
    Needed,
    Possible(String),
}

/// When the last step begins whose code is used up.
fn mark(authenticator: &Authenticator, used: &Used, now: UnixTime, skew: u64) -> UnixTime {
    let all_until_now = || totp::window_end(std::slice::from_ref(authenticator), now, skew);
    match used {
        Used::Until(moment) => *moment,
        Used::Nothing => UnixTime::new(0),
        Used::Perhaps => all_until_now(),
        Used::Code(code) => {
            let steps = authenticator.step_at(now).around(SEARCHED);
            let shown = steps.filter(|&step| authenticator.shows(code, step)).last();
            shown.map_or_else(all_until_now, twostep_core::time::Step::begins)
        }
    }
}
