//! The users with a record.

mod findings;

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

use crate::accounts::Accounts;
use crate::below_root;
use crate::context::Context;
use crate::files;
use crate::finding::Finding;

/// A user with so few attempts left is reported.
const NEAR: u16 = 5;
/// A user with so few recovery codes left is reported.
const FEW_CODES: u8 = 2;

/// Checks each record. `files` reports a store that cannot be opened.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let Ok(store) = Store::open(context.root) else { return Vec::new() };
    let uids = store.uids().map(|(uids, _)| uids).unwrap_or_default();
    let owner = files::owner_of_store(context);
    // `files` reports the others.
    let are_fit = |uid| owner.as_ref().is_none_or(|owner| files::of_user(context, owner, uid).is_empty());
    uids.into_iter().filter(|uid| are_fit(*uid)).flat_map(|uid| user(context, &store, uid)).collect()
}

struct StoredUser<'a> {
    context: &'a Context<'a>,
    uid: u32,
    /// The argument of commands: the name, or the uid of an account that does not exist.
    name: String,
    credential: Option<Credential>,
}

fn user(context: &Context<'_>, store: &Store, uid: u32) -> Vec<Finding> {
    let account = Accounts::of(context).name(uid);
    let name = account.clone().ok().flatten().unwrap_or_else(|| uid.to_string());
    let stored = store.snapshot(uid);
    match (stored.credential, stored.state) {
        (Ok(credential), Ok(state)) => {
            let user = StoredUser { context, uid, name, credential };
            match account {
                Ok(Some(account)) => user.check(&account, state.as_ref()),
                Ok(None) => user.gone().into_iter().collect(),
                Err(_) => Vec::new(),
            }
        }
        (credential, state) => {
            let faults = [credential.err(), state.err()].into_iter().flatten();
            faults.map(|error| unreadable(context, error, &name)).collect()
        }
    }
}

fn unreadable(context: &Context<'_>, error: StoreError, name: &str) -> Finding {
    let of_newer_version = is_of_newer_version(&error);
    let (path, what) = match error {
        StoreError::Credential { path, error } => (path, error.to_string()),
        StoreError::State { path, error, .. } => (path, format!("it {error}")),
        StoreError::Fault(Fault::File { path, problem }) => (path, format!("it {problem}")),
        other @ (StoreError::Fault(_)
        | StoreError::StateRemoved { .. }
        | StoreError::EnrolledMeanwhile
        | StoreError::NotTheirs(_)) => (PathBuf::from(STORE), other.to_string()),
    };
    let location = Location::file(below_root::path(context.root, &path).display().to_string());
    findings::file_damaged(location, what, name, of_newer_version)
}

/// Whether a newer version wrote the file, so that a reset would lose an enrollment.
fn is_of_newer_version(error: &StoreError) -> bool {
    match error {
        StoreError::Credential { error, .. } => matches!(error.kind, CredentialErrorKind::UnknownVersion(_)),
        StoreError::State { error, .. } => {
            matches!(error, StateError::UnknownVersion(_) | StateError::Later)
        }
        StoreError::Fault(_)
        | StoreError::StateRemoved { .. }
        | StoreError::EnrolledMeanwhile
        | StoreError::NotTheirs(_) => false,
    }
}

impl StoredUser<'_> {
    fn check(&self, account: &str, state: Option<&State>) -> Vec<Finding> {
        let named = |name: &str| name == account;
        let mine = self.credential.as_ref().is_none_or(|credential| named(&credential.name))
            && state.is_none_or(|state| named(&state.name));
        if !mine {
            return vec![self.uid_has_another_name(account, state)];
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

    /// A state without a credential may stay when its account is deleted: no login succeeds by it.
    fn gone(&self) -> Option<Finding> {
        let credential = self.credential.as_ref()?;
        let elsewhere = nsswitch::remote_sources(self.context.root).join(", ");
        if !elsewhere.is_empty() {
            let stored = &credential.name;
            return Some(findings::account_not_found(self.secret(), self.uid, stored, &elsewhere));
        }
        Some(findings::account_gone(self.secret(), self.uid, &credential.name))
    }

    fn uid_has_another_name(&self, account: &str, state: Option<&State>) -> Finding {
        let of_state = || state.map(|state| state.name.as_str());
        let stored = self
            .credential
            .as_ref()
            .map(|credential| credential.name.as_str())
            .filter(|name| *name != account);
        let stored = stored.or_else(of_state).unwrap_or_default();
        let location = if self.credential.is_some() { self.secret() } else { self.state() };
        let is_rewritten = is_rewritten(stored, account);
        findings::uid_has_another_name(location, self.uid, stored, account, is_rewritten)
    }

    fn lockout(&self, state: &State) -> Option<Finding> {
        let failures = state.hosts.codes;
        let limit = self.context.policy.as_ref().map(|policy| policy.verification.lockout_after);
        let waits = state.hosts.waits_until(self.context.now).is_some();
        let (location, name) = (self.state(), &self.name);
        match limit {
            Some(limit) if failures >= limit => Some(findings::locked_out(location, name, failures)),
            Some(limit) if failures > 0 && failures >= limit.saturating_sub(NEAR) => {
                Some(findings::near_lockout(location, name, failures, limit))
            }
            _ => waits.then(|| findings::must_wait(location, name, failures)),
        }
    }

    /// A mark that is soon reached needs no fix.
    fn mark(&self, state: &State) -> Option<Finding> {
        let now = self.context.now;
        let skew = self.context.policy.as_ref().map_or(0, |policy| policy.verification.skew_steps);
        let authenticators =
            self.credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
        let window_end = totp::window_end(authenticators, now, skew.into());
        (state.is_ahead_of(window_end) && !is_soon(state.mark, now)).then(|| self.ahead(state, now))
    }

    fn ahead(&self, state: &State, now: UnixTime) -> Finding {
        let days = state.mark.since(now).unwrap_or(0) / 86_400;
        findings::code_in_the_future(self.state(), &self.name, days)
    }

    fn recovery(&self, state: &State) -> Option<Finding> {
        let left = state.recovery.left().filter(|left| *left <= FEW_CODES && self.credential.is_some())?;
        Some(findings::few_recovery_codes(self.state(), &self.name, left))
    }
}
