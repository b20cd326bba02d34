//! What is stored for each account: a record, which is a credential and a state.
//!
//! The contract of every store; `tests` checks it. M1 to M10 in [`files`] say how the files keep it.
//!
//! ST1 [`Store::is_enrolled`] and [`Store::is_required`] MUST say no only where that is certain. Every doubt is an error.
//! ST2 A part that cannot be read MUST be an error; it MUST NOT be replaced by a default.
//! ST3 [`Store::credential`], [`Store::state`], [`Store::open`] and [`Store::open_or_create`] MUST fail unless what is stored is
//!     the account's, by name and uid. What takes a uid checks nothing: it is for showing, and for the acts that forget a
//!     record or give it to another account.
//! ST4 `next` MUST be applied to the state that the write replaces. Where another write came first, `next` runs again on what
//!     that write left; so it is pure.
//! ST5 A refusal of `next` MUST write nothing, and MUST leave [`Record::state`] as it was saved last.
//! ST6 What was saved MUST survive the death of this process. After [`Durability::Flushed`], [`Record::settle`] and
//!     [`StoredRecord::change`] it MUST survive the loss of power. A [`Durability::Written`] save may be held back until one
//!     of these, where nobody learns of the outcome before.
//! ST7 An unknown outcome of a write MUST be found out by the write's id, or be an error. It is never a success, and the same
//!     write is never made twice.
//! ST8 After one unknown outcome every lost race MUST look for that write's id before `next` runs again: the write may have
//!     been applied late.
//! ST9 [`Record::advance`] MUST fail where the credential is no longer the one that [`Record::credential`] gave.
//! ST10 [`StoredRecord::change`] MUST save credential and state, or neither. Where it breaks off between the two, a code works
//!     only if it works before or after the change, and a used code does not.

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

/// What a write must survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The death of this process.
    Written,
    /// The loss of power.
    Flushed,
}

/// What came of [`Record::advance`]: saved, or refused by `next`; or the store failed.
pub type Advanced = Result<Result<(), Denial>, StoreError>;

/// A record that nobody else changes unnoticed: what `verify` judges against.
pub trait Record {
    /// The credential, if there is one.
    fn credential(&self) -> Option<&Credential>;
    /// The state as it was last saved.
    fn state(&self) -> &State;
    /// Saves what `next` makes of the state.
    fn advance(&mut self, survives: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced;
    /// Makes what was saved survive the loss of power.
    fn settle(&mut self) -> Result<(), StoreError>;
}

/// A record of a store.
pub trait StoredRecord: Record {
    /// What an administrator must know of it.
    fn remark(&self) -> Option<&'static str>;
    /// Saves what `next` makes of credential and state. Returns what `next` told besides.
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(Option<&Credential>, &State) -> Result<(Change, T), E>,
    ) -> Result<T, E>;
}

/// A record that may be another account's, or have no state.
pub trait UncheckedRecord {
    /// Saves what `next` makes of what is stored. Returns what `next` told besides. A state that is not there is not created.
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(&Snapshot) -> Result<(Change, T), E>,
    ) -> Result<T, E>;
}

/// What becomes of a record.
pub struct Change {
    /// The next state; none if it stays.
    pub state: Option<State>,
    /// What becomes of the credential.
    pub credential: CredentialChange,
}

/// What becomes of a credential.
pub enum CredentialChange {
    /// It stays as it is.
    Kept,
    /// This one is stored: the first, or in place of the one that `next` was given.
    Stored(Credential),
    /// It is forgotten.
    Removed,
}

impl Change {
    /// Nothing is written.
    pub const NONE: Self = Self { state: None, credential: CredentialChange::Kept };

    /// The credential stays.
    pub fn state(next: State) -> Self {
        Self { state: Some(next), ..Self::NONE }
    }
}

/// What is stored under one uid, as far as it can be read.
pub struct Snapshot {
    /// The credential, if there is one.
    pub credential: Result<Option<Credential>, StoreError>,
    /// The state, if there is one.
    pub state: Result<Option<State>, StoreError>,
}

/// Keeps records. What is read without opening a record may change at once: it decides what is asked, and no more.
pub trait Store {
    /// A record that was opened.
    type Record<'s>: StoredRecord
    where
        Self: 's;
    /// A record of which it is not known whose it is.
    type Unchecked<'s>: UncheckedRecord
    where
        Self: 's;

    /// Whether there is a credential.
    fn is_enrolled(&self, who: &Account) -> Result<bool, StoreError>;
    /// Whether an administrator requires a second step. That of another account is neither inherited nor passed over.
    fn is_required(&self, who: &Account) -> Result<bool, StoreError>;
    /// The credential, if there is one.
    fn credential(&self, who: &Account) -> Result<Option<Credential>, StoreError>;
    /// The state, if there is one.
    fn state(&self, who: &Account) -> Result<Option<State>, StoreError>;
    /// What is stored under `uid`, for showing.
    fn snapshot(&self, uid: u32) -> Snapshot;

    /// Opens the record, if there is one. A credential without a state (configuration management, a partial restore) gets one
    /// with the mark that `fresh` gives for its authenticators: every code of theirs may have been used.
    fn open(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Option<Self::Record<'_>>, StoreError>;
    /// The same, and creates a record without a credential where there is none.
    fn open_or_create(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Self::Record<'_>, StoreError>;
    /// Opens what is stored under `uid`, if anything is. It fails if the state cannot be read.
    fn open_unchecked(&self, uid: u32) -> Result<Option<Self::Unchecked<'_>>, StoreError>;
    /// Puts `state` in place of one that no program can read; false if it is not lost, or there is none.
    fn replace_lost_state(&self, uid: u32, state: State) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests;
