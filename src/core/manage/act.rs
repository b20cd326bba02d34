//! An act: what is stored is logged before anybody hears of it.

use crate::fault::Fault;
use crate::login::machine::Machine;
use crate::os::account::{self, Account};
use crate::store::not_theirs::NotTheirs;
use crate::store::{Store, StoreError};
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::failure::Failure;

/// Whom an act is about: an account, or the uid of one that is gone.
#[derive(Clone, Debug)]
pub struct Target {
    /// The key of what is stored.
    pub uid: u32,
    /// The account, if it still exists.
    pub account: Option<Account>,
}

impl Target {
    /// Whose uid is `uid`, by the name service.
    pub fn of(uid: u32) -> Result<Self, Failure> {
        Ok(Self { uid, account: account::by_uid(uid)? })
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
    /// What is opened.
    type Store: Store;
    /// Opens the store, and checks it. A dialogue takes minutes, so it is opened more than once.
    fn store(&self) -> Result<Self::Store, Fault>;
}

/// Keeps the log of acts.
pub trait ActLog {
    /// Writes that `act` was done; `more` begins with a blank, or is empty. A log that is away changes nothing.
    fn log_act(&mut self, act: &str, target: &Target, more: &str);
}

/// What came of an act. Whoever wants to say its facts must log it: there is no other way to them.
#[must_use]
pub(super) struct Act<F> {
    /// The name of the act and what else stands in its line; none if nothing was changed.
    line: Option<(&'static str, String)>,
    facts: F,
}

impl<F> Act<F> {
    /// It is done, and on disk.
    pub(super) fn done(act: &'static str, more: impl Into<String>, facts: F) -> Self {
        Self { line: Some((act, more.into())), facts }
    }

    /// Nothing was to be changed.
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

/// What an administrator does to others, without asking them for anything. Each act is stored, flushed and logged when its facts
/// come back.
pub struct Acts<'a, M, L> {
    machine: &'a M,
    log: L,
}

impl<'a, M: WithStore, L: ActLog> Acts<'a, M, L> {
    /// On the store of `machine`.
    pub fn new(machine: &'a M, log: L) -> Self {
        Self { machine, log }
    }

    /// The only way from an act to the store, and back to whoever speaks.
    pub(super) fn carry_out<F>(
        &mut self,
        target: &Target,
        act: impl FnOnce(&M, &M::Store) -> Result<Act<F>, ActError>,
    ) -> Result<F, ActError> {
        let done = act(self.machine, &self.machine.store()?)?;
        Ok(done.log(target, &mut self.log))
    }
}

/// Why an act was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum ActError {
    /// A file, lock, clock or look-up failed, or nobody could be told what must be told first.
    Failed(Failure),
    /// What was handed over could not be stored, and so is worth nothing.
    HandedOverInVain(StoreError),
    /// Who is enrolled needs no ticket.
    NeedsNoTicket,
    /// Another credential is there.
    AlreadyEnrolled,
    /// The mark is only a little ahead of the clock: its code was perhaps used a moment ago.
    MarkIsSoon(UnixTime),
    /// The name in the record is still that of another account.
    NameInUse {
        /// The name in the record.
        name: String,
        /// The uid of the account that has it.
        uid: u32,
    },
    /// The name in the record is not surely another way to write the account's.
    NotSurelySame {
        /// The name in the record.
        name: String,
    },
    /// The secret file has another uid in it.
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
