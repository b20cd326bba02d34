//! A record of the files, under its lock.

use crate::os::account::Account;
use crate::proof::state::State;
use crate::store::not_theirs::check_state;
use crate::store::{
    Advanced, Change, Durability, Record, Snapshot, StoreError, StoredRecord, UncheckedRecord,
};
use crate::verdict::Denial;

use super::credential::Credential;
use super::folders::Store;
use super::state_file::LockedState;

/// A record of the files, under its lock.
pub struct LocalRecord<'s> {
    store: &'s Store,
    uid: u32,
    state: LockedState,
    credential: Option<Credential>,
    is_new: bool,
}

impl<'s> LocalRecord<'s> {
    /// The record of `who`, whose state is locked, with the credential read under that lock. `is_new` says whether the
    /// state was created because the credential had none.
    pub(super) fn of(
        store: &'s Store,
        who: &Account,
        state: LockedState,
        is_new: bool,
    ) -> Result<Self, StoreError> {
        check_state(state.state(), who)?;
        let credential = store.read_own_credential(who)?;
        Ok(Self { store, uid: who.uid, state, credential, is_new })
    }
}

impl Record for LocalRecord<'_> {
    fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    fn state(&self) -> &State {
        self.state.state()
    }

    fn advance(&mut self, survives: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced {
        match next(self.state.state()) {
            Ok(next) => Ok(Ok(self.state.save(next, survives)?)),
            Err(refused) => Ok(Err(refused)),
        }
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(self.state.save(self.state.state().clone(), Durability::Flushed)?)
    }
}

impl StoredRecord for LocalRecord<'_> {
    fn remark(&self) -> Option<&'static str> {
        if self.state.fell_back {
            return Some(
                "one slot of the state was damaged (power loss or a disk fault): used the older one",
            );
        }
        self.is_new
            .then_some("a credential had no state: created one, which counts the present codes as used")
    }

    fn change<T, E: From<StoreError>>(
        mut self,
        next: impl Fn(Option<&Credential>, &State) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        let (change, told) = next(self.credential.as_ref(), self.state.state())?;
        self.store.save(self.uid, Some(&mut self.state), self.credential.is_none(), change)?;
        Ok(told)
    }
}

/// The files under one uid. Without a state there is no lock, and no login: the first login would create the state from
/// the credential.
pub struct UncheckedFiles<'s> {
    pub(super) store: &'s Store,
    pub(super) uid: u32,
    pub(super) locked: Option<LockedState>,
    pub(super) credential: Result<Option<Credential>, StoreError>,
}

impl UncheckedRecord for UncheckedFiles<'_> {
    fn change<T, E: From<StoreError>>(
        mut self,
        next: impl Fn(&Snapshot) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        let state = self.locked.as_ref().map(|locked| locked.state().clone());
        let stored = Snapshot { credential: self.credential, state: Ok(state), holds_grants: false };
        let (change, told) = next(&stored)?;
        let is_first = matches!(stored.credential, Ok(None));
        self.store.save(self.uid, self.locked.as_mut(), is_first, change)?;
        Ok(told)
    }
}
