//! An act: its result is logged before any caller learns of it.

use crate::fault::Fault;
use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::os::names::Names;
use crate::store::not_theirs::NotTheirs;
use crate::store::{Store, StoreError};
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::failure::Failure;

/// The subject of an act: an account, or the uid of an account that is gone.
#[derive(Clone, Debug)]
pub struct Target {
    /// The uid of the record.
    pub uid: u32,
    /// The account, if it still exists.
    pub account: Option<Account>,
}

impl Target {
    /// The subject with this uid, whose account is one of `names`.
    pub fn of(uid: u32, names: &Names) -> Result<Self, Failure> {
        Ok(Self { uid, account: names.by_uid(uid)? })
    }

    /// The name, or the uid of an account that is gone.
    pub fn name(&self) -> String {
        self.account.as_ref().map_or_else(|| format!("uid {}", self.uid), |account| account.name.clone())
    }
}

impl From<&Account> for Target {
    fn from(account: &Account) -> Self {
        Self { uid: account.uid, account: Some(account.clone()) }
    }
}

/// A machine whose store this process may open.
pub trait WithStore: Machine {
    /// The store that is opened.
    type Store: Store;
    /// Opens and checks the store. A dialogue takes minutes, so the store is opened more than once.
    fn store(&self) -> Result<Self::Store, Fault>;
}

/// Keeps the log of acts.
pub trait ActLog {
    /// Logs that `act` was done. `more` begins with a blank, or is empty. A log that is down does not fail the act.
    fn log_act(&mut self, act: &str, target: &Target, more: &str);
}

/// The result of an act. Only logging the act gives access to its facts.
#[must_use]
pub(super) struct Act<F> {
    /// The name of the act and the rest of its line; none if nothing was changed.
    line: Option<(&'static str, String)>,
    facts: F,
}

impl<F> Act<F> {
    /// The act is done, and on disk.
    pub(super) fn done(act: &'static str, more: impl Into<String>, facts: F) -> Self {
        Self { line: Some((act, more.into())), facts }
    }

    /// The act had nothing to change.
    pub(super) fn unchanged(facts: F) -> Self {
        Self { line: None, facts }
    }

    pub(super) fn log(self, target: &Target, log: &mut impl ActLog) -> F {
        if let Some((act, more)) = &self.line {
            log.log_act(act, target, more);
        }
        self.facts
    }
}

/// The acts of an administrator on other accounts, without a question to the user. When the facts of an act are
/// returned, it is stored, flushed and logged.
pub struct Acts<'a, M: WithStore, L> {
    pub(super) machine: &'a M,
    log: L,
    /// The store that the act before this one has used.
    store: Option<M::Store>,
}

impl<'a, M: WithStore, L: ActLog> Acts<'a, M, L> {
    /// The acts on the store of `machine`.
    pub fn new(machine: &'a M, log: L) -> Self {
        Self { machine, log, store: None }
    }

    /// The only way from an act to the store, and back to its caller. After an act that failed, the next one opens the
    /// store again.
    pub(super) fn carry_out<F>(
        &mut self,
        target: &Target,
        act: impl FnOnce(&M, &M::Store) -> Result<Act<F>, ActError>,
    ) -> Result<F, ActError> {
        let store = self.store.take().map_or_else(|| self.machine.store(), Ok)?;
        let done = act(self.machine, &store)?;
        self.store = Some(store);
        Ok(done.log(target, &mut self.log))
    }
}

/// Why an act was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum ActError {
    /// A file, lock, clock or look-up failed, or the secret could not be handed over.
    Failed(Failure),
    /// The secret was handed over but could not be stored, so it is useless.
    HandedOverInVain(StoreError),
    /// The user is enrolled and needs no ticket.
    NeedsNoTicket,
    /// The account has another credential.
    AlreadyEnrolled,
    /// The mark is only a little ahead of the clock: its code may have been used a moment ago.
    MarkIsSoon(UnixTime),
    /// The name in the record still belongs to another account.
    NameInUse {
        /// The name in the record.
        name: String,
        /// The uid of the account that has it.
        uid: u32,
    },
    /// The name in the record may not be a spelling of the account's name.
    NotSurelySame {
        /// The name in the record.
        name: String,
    },
    /// The secret file holds another uid.
    Misplaced(NotTheirs),
    /// Another program changed the record between check and lock.
    ChangedMeanwhile,
}

impl From<Failure> for ActError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Fault> for ActError {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.into())
    }
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Denial> for ActError {
    fn from(denial: Denial) -> Self {
        Self::Failed(denial.into())
    }
}
