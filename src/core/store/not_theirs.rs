//! A record under a uid may belong to another account: the uid was given to another user, or the account was renamed.

use std::fmt;

use crate::os::account::Account;
use crate::proof::state::State;

/// A record of another account, with the account for which it was looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotTheirs {
    /// The part of the record: the secret or the state.
    pub part: Part,
    /// The name in the record.
    pub stored: String,
    /// The uid in the record.
    pub stored_uid: u32,
    /// The name of the account.
    pub account: String,
    /// The uid of the account.
    pub uid: u32,
}

/// A part of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The secret file.
    Secret,
    /// The state file.
    State,
}

impl fmt::Display for NotTheirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, stored, stored_uid, account, uid } = self;
        let part = match part {
            Part::Secret => "secret",
            Part::State => "state",
        };
        write!(
            f,
            "the {part} of uid {uid} belongs to '{stored}' (uid {stored_uid}), not to '{account}': if the account was renamed, \
             run 'twostep rebind {account}'; if another user has the uid now, run 'twostep reset {account}'"
        )
    }
}

/// Fails unless `state` belongs to `account`: a re-used uid must not inherit failures or requirements.
pub(crate) fn check_state(state: &State, account: &Account) -> Result<(), NotTheirs> {
    if state.name == account.name {
        return Ok(());
    }
    Err(NotTheirs {
        part: Part::State,
        stored: state.name.clone(),
        stored_uid: account.uid,
        account: account.name.clone(),
        uid: account.uid,
    })
}
