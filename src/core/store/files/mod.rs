//! The record of each account in files: a secret file and a state file, both named by the uid.
//!
//! M1 A file MUST be opened relative to the descriptor of the store's folder, in which only its owner can change names.
//!    Neither the file nor the folder between MAY be a link.
//! M2 Owner, mode, type and link count MUST be checked on the descriptor that is then read.
//! M3 An accepted step MUST be on disk before `advance` with [`Durability::Flushed`](super::Durability::Flushed) returns.
//! M4 A file that does not parse MUST deny the login; it MUST NOT be replaced by a default.
//! M5 "Not enrolled" MUST mean that both directories passed their checks and the name gave ENOENT relative to the
//!    descriptor of its directory. Every other error denies.
//! M6 A login MUST write only the older slot, so that a torn write falls back to the other, which was flushed before.
//! M7 A slot MUST be called settled only after it was flushed. A process that finds the newer slot only charged MUST
//!    flush it before it writes the other one.
//! M8 The lock MUST be held from reading the state to the last write, and be on the file that the name means.
//! M9 The user who started the host MUST NOT be able to stop it while it holds the lock.
//! M10 At an enrollment the state MUST be on disk before the secret, and a first secret MUST NOT replace another.

pub mod credential;
mod folders;
mod record;
pub mod slot;
mod state_file;

use crate::os::account::Account;
use crate::proof::state::State;
use crate::proof::totp::Authenticator;
use crate::time::UnixTime;

use super::not_theirs::check_state;
use super::{Snapshot, StoreError};

use credential::Credential;
pub use folders::Store;
pub(crate) use folders::is_enrolled;
pub use record::{LocalRecord, UncheckedFiles};

impl super::Store for Store {
    type Record<'s> = LocalRecord<'s>;
    type Unchecked<'s> = UncheckedFiles<'s>;

    fn is_enrolled(&self, who: &Account) -> Result<bool, StoreError> {
        Ok(self.has_credential(who.uid)?)
    }

    fn is_required(&self, who: &Account) -> Result<bool, StoreError> {
        let state = self.read_state(who.uid)?.filter(|state| state.requirement.is_some());
        state.as_ref().map_or(Ok(()), |state| check_state(state, who))?;
        Ok(state.is_some())
    }

    fn credential(&self, who: &Account) -> Result<Option<Credential>, StoreError> {
        self.read_own_credential(who)
    }

    fn state(&self, who: &Account) -> Result<Option<State>, StoreError> {
        let state = self.read_state(who.uid)?;
        state.as_ref().map_or(Ok(()), |state| check_state(state, who))?;
        Ok(state)
    }

    fn snapshot(&self, uid: u32) -> Snapshot {
        Self::snapshot(self, uid)
    }

    fn open(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Option<LocalRecord<'_>>, StoreError> {
        if let Some(state) = self.lock(who.uid)? {
            return LocalRecord::of(self, who, state, false).map(Some);
        }
        let Some(credential) = self.read_credential(who.uid)? else { return Ok(None) };
        let state = State::new(&who.name, fresh(&credential.authenticators));
        let is_new = self.create_state(who.uid, state)?;
        LocalRecord::of(self, who, self.lock_created(who.uid)?, is_new).map(Some)
    }

    fn open_or_create(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<LocalRecord<'_>, StoreError> {
        if let Some(record) = self.open(who, &fresh)? {
            return Ok(record);
        }
        self.create_state(who.uid, State::new(&who.name, fresh(&[])))?;
        LocalRecord::of(self, who, self.lock_created(who.uid)?, false)
    }

    fn open_unchecked(&self, uid: u32) -> Result<Option<UncheckedFiles<'_>>, StoreError> {
        let record = UncheckedFiles {
            store: self,
            uid,
            locked: self.lock(uid)?,
            credential: self.read_credential(uid),
        };
        let is_nothing = record.locked.is_none() && matches!(record.credential, Ok(None));
        Ok((!is_nothing).then_some(record))
    }

    fn replace_lost_state(&self, uid: u32, state: State) -> Result<bool, StoreError> {
        Ok(Self::replace_lost_state(self, uid, state)?)
    }
}

#[cfg(test)]
mod tests;
