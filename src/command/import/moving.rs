//! Stores what was found.

use std::collections::HashMap;

use twostep_core::machine::LocalMachine;
use twostep_core::manage::act::{ActError, Acts};
use twostep_core::os::account::Account;
use twostep_core::policy::Verification;
use twostep_core::proof::totp::{self, Authenticator, SHORTEST_SECRET};
use twostep_core::store::files::Store;
use twostep_core::store::files::credential::{MOST_AUTHENTICATORS, check_label};
use twostep_core::time::UnixTime;

use crate::act_error::explain;
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::log::Log;
use crate::words::{import as words, import_notes as notes};

use super::found::{ImportedEntry, Problem, Token, Used};
use super::report::{Outcome, Row};

/// A used code is looked for among so many steps before and after now.
const SEARCHED: u64 = 100;

/// The options of all sources.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A name for these phones or apps
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
    /// Show what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How the secrets are stored.
pub(crate) struct ImportOptions<'a> {
    /// The other program, for the log.
    pub from: &'static str,
    /// The label of authenticators. All except the first of a user have a number behind it.
    pub label: &'a str,
    /// Whether nothing is stored.
    pub dry_run: bool,
}

impl Options {
    /// The options for the program `from`.
    pub(crate) fn for_source(&self, from: &'static str) -> Result<ImportOptions<'_>, Failure> {
        // A further authenticator has a number behind its label.
        check_label(&format!("{} 8", self.label))
            .map_err(|problem| Failure::refused(problem.to_string(), words::LABEL_THEN))?;
        Ok(ImportOptions { from, label: &self.label, dry_run: self.dry_run })
    }
}

/// An import into the store.
pub(crate) struct Moving<'a> {
    acts: Acts<'a, LocalMachine, &'a Log>,
    options: ImportOptions<'a>,
    store: Store,
    rules: Verification,
    now: UnixTime,
    /// The uid of each secret that is stored, or was found before.
    held: HashMap<Vec<u8>, u32>,
}

impl<'a> Moving<'a> {
    /// Reads all secrets that are stored, because two users must not have one secret.
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
        Ok(Self { acts: administrator.acts(), options, store, rules, now, held })
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.now
    }

    /// Stores all that was found of one user.
    pub(crate) fn user(&mut self, account: &Account, entries: Vec<ImportedEntry>) -> Vec<Row> {
        let (mut rows, mut new, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        let done = if self.options.dry_run { Outcome::WouldImport } else { Outcome::Imported };
        for ImportedEntry { place, found } in entries {
            let row = Row::new(account.name.clone(), account.uid, place);
            match self.authenticator(account, found, tokens.len()) {
                Ok((authenticator, token)) => {
                    new.push(row.with(done).noting(self.notes(&token)));
                    tokens.push((authenticator, token));
                }
                Err(Not::Needed) => rows.push(row.with(Outcome::Unchanged)),
                Err(Not::Possible(problem)) => rows.push(row.refuse(problem)),
            }
        }
        let stored = if tokens.is_empty() { Ok(()) } else { self.store(account, tokens) };
        rows.extend(new.into_iter().map(|row| match &stored {
            Ok(()) => row,
            Err(failure) => {
                let then = Some(failure.then()).filter(|then| !then.is_empty());
                row.refuse(failure.what()).noting(then.map(str::to_owned).into_iter().collect())
            }
        }));
        rows
    }

    /// The authenticator made of what was found. `before` authenticators of that user were found earlier.
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
                return not(notes::SECRET_OF_ANOTHER);
            }
            Some(_) => return Err(Not::Needed),
            None => {}
        }
        let label = match before {
            0 => self.options.label.to_owned(),
            MOST_AUTHENTICATORS.. => {
                return not(&notes::too_many(MOST_AUTHENTICATORS));
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
            notes.push(notes::short_secret(bits));
        }
        let skew = u64::from(self.rules.skew_steps);
        if token.ahead.unsigned_abs() > skew {
            let seconds = token.ahead.unsigned_abs().saturating_mul(token.period.seconds());
            let note = if token.ahead > 0 { notes::clock_ahead } else { notes::clock_behind };
            notes.push(note(seconds));
        }
        if token.reach > skew {
            notes.push(notes::wide_window(token.reach, skew));
        }
        notes
    }

    fn store(&mut self, account: &Account, tokens: Vec<(Authenticator, Token)>) -> Result<(), Failure> {
        if self.store.has_credential(account.uid)? {
            return Err(explain(&account.into(), ActError::AlreadyEnrolled));
        }
        if self.options.dry_run {
            return Ok(());
        }
        let skew = u64::from(self.rules.skew_steps);
        let marks =
            tokens.iter().map(|(authenticator, token)| mark(authenticator, &token.used, self.now, skew));
        let mark = marks.max().unwrap_or(self.now);
        let authenticators = tokens.into_iter().map(|(authenticator, _)| authenticator).collect();
        let done = self.acts.import(account, self.options.from, authenticators, mark);
        done.map_err(|error| explain(&account.into(), error))
    }
}

/// Why something that was found is not stored.
enum Not {
    /// It is stored already.
    Needed,
    Possible(String),
}

/// The mark: when the last step begins whose code is used up.
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
