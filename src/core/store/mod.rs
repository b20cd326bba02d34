//! The record of each account: a credential and a state.
//!
//! The contract of every store; `tests` checks it. M1 to M10 in [`files`] say how the files keep it.
//!
//! ST1 [`Store::is_enrolled`] and [`Store::is_required`] MUST say no only if that is certain. Every doubt is an error.
//! ST2 A part that cannot be read MUST be an error; it MUST NOT be replaced by a default.
//! ST3 [`Store::credential`], [`Store::state`], [`Store::open`] and [`Store::open_or_create`] MUST fail unless the
//!     record belongs to the account, by name and uid. The functions that take a uid check nothing: they are for
//!     showing, and for the acts that forget a record or give it to another account.
//! ST4 `next` MUST be applied to the state that the write replaces. If another write came first, `next` runs again on
//!     the result of that write; so it is pure.
//! ST5 A refusal of `next` MUST write nothing, and MUST leave [`Record::state`] as it was saved last.
//! ST6 What was saved MUST survive the death of this process. After [`Durability::Flushed`], [`Record::settle`] and
//!     [`StoredRecord::change`] it MUST survive the loss of power. A [`Durability::Written`] save may be held back
//!     until one of these, as long as neither a user nor another program learns of the outcome before.
//! ST7 An unknown outcome of a write MUST be found out by the write's id, or be an error. It is never a success, and the same
//!     write is never made twice.
//! ST8 After one unknown outcome every lost race MUST look for that write's id before `next` runs again: the write may have
//!     been applied late.
//! ST9 [`Record::advance`] MUST fail if the credential is no longer the one that [`Record::credential`] gave.
//! ST10 [`StoredRecord::change`] MUST save credential and state, or neither. If it is interrupted between the two, a
//!      code works only if it works before or after the change, and a used code does not work.

pub(crate) mod enroll;
mod error;
pub mod files;
pub mod not_theirs;

use crate::os::account::Account;
use crate::proof::state::State;
use crate::proof::totp::Authenticator;
use crate::time::UnixTime;
use crate::verdict::Denial;

use files::credential::Credential;

pub use error::{StateError, StoreError};

/// What a saved write must survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The death of this process.
    Written,
    /// A loss of power.
    Flushed,
}

/// The result of [`Record::advance`]: the state was saved, `next` refused, or the store failed.
pub type Advanced = Result<Result<(), Denial>, StoreError>;

/// A record that no other program changes unnoticed. `verify` judges against it.
pub trait Record {
    /// The credential, if there is one.
    fn credential(&self) -> Option<&Credential>;
    /// The state as it was last saved.
    fn state(&self) -> &State;
    /// Saves the state that `next` returns for the present one.
    fn advance(&mut self, survives: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced;
    /// Makes every saved state survive a loss of power.
    fn settle(&mut self) -> Result<(), StoreError>;
}

/// A record of a store.
pub trait StoredRecord: Record {
    /// A fact about the record that an administrator must know.
    fn remark(&self) -> Option<&'static str>;
    /// Saves the change that `next` returns for credential and state. Returns the other result of `next`.
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(Option<&Credential>, &State) -> Result<(Change, T), E>,
    ) -> Result<T, E>;
}

/// A record that may belong to another account, or have no state.
pub trait UncheckedRecord {
    /// Saves the change that `next` returns for the record. Returns the other result of `next`. A missing state is not
    /// created.
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(&Snapshot) -> Result<(Change, T), E>,
    ) -> Result<T, E>;
}

/// A change of a record.
pub struct Change {
    /// The next state; none if it stays.
    pub state: Option<State>,
    /// The change of the credential.
    pub credential: CredentialChange,
}

/// A change of a credential.
pub enum CredentialChange {
    /// The credential stays as it is.
    Kept,
    /// This credential is stored: as the first, or instead of the one that `next` was given.
    Stored(Credential),
    /// The credential is removed.
    Removed,
}

impl Change {
    /// The change that writes nothing.
    pub const NONE: Self = Self { state: None, credential: CredentialChange::Kept };

    /// The change that saves this state and keeps the credential.
    pub fn state(next: State) -> Self {
        Self { state: Some(next), ..Self::NONE }
    }
}

/// The record under one uid, as far as it can be read.
pub struct Snapshot {
    /// The credential, if there is one.
    pub credential: Result<Option<Credential>, StoreError>,
    /// The state, if there is one.
    pub state: Result<Option<State>, StoreError>,
    /// Whether the state can hold when a code was accepted. In format 1 it cannot.
    pub holds_grants: bool,
}

/// Keeps records. A fact that is read without opening a record may change at once. It may only decide what the user is
/// asked.
pub trait Store {
    /// A record that was opened.
    type Record<'s>: StoredRecord
    where
        Self: 's;
    /// A record whose account is not known.
    type Unchecked<'s>: UncheckedRecord
    where
        Self: 's;

    /// Whether there is a credential.
    fn is_enrolled(&self, who: &Account) -> Result<bool, StoreError>;
    /// Whether an administrator requires a second step. The requirement of another account is an error: it is neither
    /// inherited nor ignored.
    fn is_required(&self, who: &Account) -> Result<bool, StoreError>;
    /// The credential, if there is one.
    fn credential(&self, who: &Account) -> Result<Option<Credential>, StoreError>;
    /// The state, if there is one.
    fn state(&self, who: &Account) -> Result<Option<State>, StoreError>;
    /// The record under `uid`, for showing.
    fn snapshot(&self, uid: u32) -> Snapshot;

    /// Opens the record, if there is one. A credential without a state (configuration management, a partial restore)
    /// gets one with the mark that `fresh` gives for its authenticators: each of their codes may have been used.
    fn open(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Option<Self::Record<'_>>, StoreError>;
    /// Opens the record like [`Self::open`]. If there is none, creates one without a credential.
    fn open_or_create(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Self::Record<'_>, StoreError>;
    /// Opens the record under `uid`, if there is one. Fails if the state cannot be read.
    fn open_unchecked(&self, uid: u32) -> Result<Option<Self::Unchecked<'_>>, StoreError>;
    /// Replaces a state that no program can read by `state`. False if the state can be read, or there is none.
    fn replace_lost_state(&self, uid: u32, state: State) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests;
