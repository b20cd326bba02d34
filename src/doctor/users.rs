//! The people of whom something is stored.

use std::path::PathBuf;

use twostep_core::fault::Fault;
use twostep_core::paths::{STATES, STORE, USERS};
use twostep_core::policy::is_rewritten;
use twostep_core::proof::state::State;
use twostep_core::proof::totp;
use twostep_core::store::files::Store;
use twostep_core::store::files::credential::{Credential, CredentialErrorKind};
use twostep_core::store::{StateError, StoreError};
use twostep_core::time::UnixTime;
use twostep_core::verdict::is_soon;
use twostep_hostconf::location::Location;
use twostep_hostconf::nsswitch;

use crate::below_root;
use crate::context::Context;
use crate::files;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::people::People;

/// Failures before the last one allowed at which to speak up.
const NEAR: u16 = 5;
/// Recovery codes at which to speak up.
const FEW_CODES: u8 = 2;
/// What `reset` opens.
const UNTIL_THEN: &str =
    "Until then they are not enrolled, and get in without a code where the policy leaves it to them.";

/// Checks everybody of whom something is stored. A store that cannot be opened is another check's matter.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let Ok(store) = Store::open(context.root) else { return Vec::new() };
    let uids = store.uids().map(|(uids, _)| uids).unwrap_or_default();
    uids.into_iter().flat_map(|uid| person(context, &store, uid)).collect()
}

/// One person, and what is stored of them.
struct Person<'a> {
    context: &'a Context<'a>,
    uid: u32,
    /// What to call them in a command: the name, or the uid of an account that is gone.
    name: String,
    credential: Option<Credential>,
}

fn person(context: &Context<'_>, store: &Store, uid: u32) -> Vec<Finding> {
    let account = People::of(context.root).name(uid);
    let name = account.clone().ok().flatten().unwrap_or_else(|| uid.to_string());
    let stored = store.snapshot(uid);
    match (stored.credential, stored.state) {
        _ if !files::of_person(context, uid).is_empty() => Vec::new(), // told there
        (Ok(credential), Ok(state)) => {
            let person = Person { context, uid, name, credential };
            match account {
                Ok(Some(account)) => person.check(&account, state.as_ref()),
                Ok(None) => person.gone().into_iter().collect(),
                Err(_) => Vec::new(),
            }
        }
        (credential, state) => {
            let faults = [credential.err(), state.err()].into_iter().flatten();
            faults.map(|error| unreadable(context, error, &name)).collect()
        }
    }
}

/// What is in the file cannot be understood.
fn unreadable(context: &Context<'_>, error: StoreError, name: &str) -> Finding {
    let text = if is_of_newer_version(&error) {
        "A newer version of twostep wrote it: install that version again.".to_owned()
    } else {
        format!(
            "Restore it from a backup, or run 'twostep reset {name}' and let them enroll anew. {UNTIL_THEN}"
        )
    };
    let (path, what) = match error {
        StoreError::Credential { path, error } => (path, error.to_string()),
        StoreError::State { path, error, .. } => (path, format!("it {error}")),
        StoreError::Fault(Fault::File { path, problem }) => (path, format!("it {problem}")),
        other @ (StoreError::Fault(_)
        | StoreError::StateRemoved { .. }
        | StoreError::EnrolledMeanwhile
        | StoreError::NotTheirs(_)) => (PathBuf::from(STORE), other.to_string()),
    };
    Finding::problem(
        Id::UsersFileDamaged,
        Location::file(below_root::path(context.root, &path).display().to_string()),
        what,
        format!("The logins of {name} are refused."),
        Remedy::Advice { text },
    )
}

/// Whether nothing is lost, so that a reset would throw an enrollment away.
fn is_of_newer_version(error: &StoreError) -> bool {
    match error {
        StoreError::Credential { error, .. } => matches!(error.kind, CredentialErrorKind::UnknownVersion(_)),
        StoreError::State { error, .. } => matches!(error, StateError::UnknownVersion(_)),
        StoreError::Fault(_)
        | StoreError::StateRemoved { .. }
        | StoreError::EnrolledMeanwhile
        | StoreError::NotTheirs(_) => false,
    }
}

impl Person<'_> {
    fn check(&self, account: &str, state: Option<&State>) -> Vec<Finding> {
        let named = |name: &str| name == account;
        let mine = self.credential.as_ref().is_none_or(|credential| named(&credential.name))
            && state.is_none_or(|state| named(&state.name));
        if !mine {
            return vec![self.re_used(account, state)];
        }
        let Some(state) = state else { return Vec::new() };
        [self.lockout(state), self.mark(state), self.recovery(state)].into_iter().flatten().collect()
    }

    fn secret(&self) -> Location {
        Location::file(format!("{USERS}/{}.toml", self.uid))
    }

    fn state(&self) -> Location {
        Location::file(format!("{STATES}/{}", self.uid))
    }

    /// A state may outlive its account: it holds nothing that lets anybody in.
    fn gone(&self) -> Option<Finding> {
        let credential = self.credential.as_ref()?;
        let elsewhere = nsswitch::remote_sources(self.context.root).join(", ");
        if !elsewhere.is_empty() {
            return Some(self.not_found(&credential.name, &elsewhere));
        }
        Some(Finding::warning(
            Id::UsersAccountGone,
            self.secret(),
            format!("the account of '{}' is gone", credential.name),
            format!(
                "Whoever gets the uid {} next could not log in, because of what is stored here.",
                self.uid
            ),
            Remedy::Advice { text: format!("If it is gone for good, run 'twostep reset {}'.", self.uid) },
        ))
    }

    /// A directory that is away, without a cache, says that it does not have those whom it has.
    fn not_found(&self, stored: &str, sources: &str) -> Finding {
        Finding::warning(
            Id::UsersAccountNotFound,
            self.secret(),
            format!(
                "no account has the uid {}, under which the second step of '{stored}' is stored",
                self.uid
            ),
            format!(
                "The account is gone, or the directory service ({sources}) may be away: it then says the same."
            ),
            Remedy::Advice {
                text: format!(
                    "Keep it until the directory service answers to 'getent passwd {stored}', or an administrator of the directory says that the account was deleted."
                ),
            },
        )
    }

    fn re_used(&self, account: &str, state: Option<&State>) -> Finding {
        let of_state = || state.map(|state| state.name.as_str());
        let stored = self
            .credential
            .as_ref()
            .map(|credential| credential.name.as_str())
            .filter(|name| *name != account);
        let stored = stored.or_else(of_state).unwrap_or_default();
        let location = if self.credential.is_some() { self.secret() } else { self.state() };
        let everybody = if is_rewritten(stored, account) {
            " If the directory service now writes all names otherwise, run 'twostep rebind --all --dry-run'."
        } else {
            ""
        };
        Finding::problem(
            Id::UsersUidHasAnotherName,
            location,
            format!("this is the second step of '{stored}', but uid {} is now '{account}'", self.uid),
            format!("The logins of {account} are refused: the uid may have been given to somebody else."),
            Remedy::Advice {
                text: format!(
                    "If '{stored}' was renamed, run 'twostep rebind {account}'. If not, run 'twostep reset {account}', and let them enroll anew. {UNTIL_THEN}{everybody}"
                ),
            },
        )
    }

    fn lockout(&self, state: &State) -> Option<Finding> {
        let failures = state.hosts.codes;
        let limit = self.context.policy.as_ref().map(|policy| policy.verification.lockout_after);
        let waits = state.hosts.waits_until(self.context.now).is_some();
        let name = &self.name;
        let (id, what) = match limit {
            Some(limit) if failures >= limit => {
                (Id::UsersLockedOut, format!("codes of {name} are disabled after {failures} failures"))
            }
            Some(limit) if failures > 0 && failures >= limit.saturating_sub(NEAR) => (
                Id::UsersNearLockout,
                format!("{name} has {failures} failures in a row; at {limit} codes are disabled"),
            ),
            _ if waits => {
                (Id::UsersMustWait, format!("{name} must wait: {failures} codes in a row were refused"))
            }
            _ => return None,
        };
        Some(Finding::warning(
            id,
            self.state(),
            what,
            "Somebody is guessing, or the clock of their phone is wrong; the log says how far.",
            Remedy::Advice {
                text: format!("Ask {name}. If it was themselves, run 'twostep unlock {name}'."),
            },
        ))
    }

    /// A mark that is soon reached mends itself.
    fn mark(&self, state: &State) -> Option<Finding> {
        let now = self.context.now;
        let skew = self.context.policy.as_ref().map_or(0, |policy| policy.verification.skew_steps);
        let authenticators =
            self.credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
        let window_end = totp::window_end(authenticators, now, skew.into());
        (state.is_ahead_of(window_end) && !is_soon(state.mark, now)).then(|| self.ahead(state, now))
    }

    fn ahead(&self, state: &State, now: UnixTime) -> Finding {
        let name = &self.name;
        let days = state.mark.since(now).unwrap_or(0) / 86_400;
        Finding::problem(
            Id::UsersCodeInTheFuture,
            self.state(),
            format!("the last code of {name} lies in the future, by {days} days"),
            "The clock is wrong, or was. All codes up to then are refused.",
            Remedy::Advice {
                text: format!("Set the clock, then run 'twostep unlock {name} --reset-clock'."),
            },
        )
    }

    fn recovery(&self, state: &State) -> Option<Finding> {
        let left = state.recovery.left().filter(|left| *left <= FEW_CODES && self.credential.is_some())?;
        let name = &self.name;
        let left = match left {
            0 => "no recovery code".to_owned(),
            1 => "1 recovery code".to_owned(),
            left => format!("{left} recovery codes"),
        };
        Some(Finding::warning(
            Id::UsersFewRecoveryCodes,
            self.state(),
            format!("{name} has {left} left"),
            "Without one, a lost phone means that they cannot log in.",
            Remedy::Advice { text: format!("With {name} beside you, run 'twostep recovery --user {name}'.") },
        ))
    }
}
