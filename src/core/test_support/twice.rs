//! A store that runs each `next` on another state first, like a store that has lost a race.

use crate::os::account::Account;
use crate::proof::recovery::RecoveryCodes;
use crate::proof::state::{Count, State};
use crate::proof::totp::Authenticator;
use crate::store::files::credential::Credential;
use crate::store::files::{self, LocalRecord, UncheckedFiles};
use crate::store::{
    Advanced, Change, Durability, Record, Snapshot, Store, StoreError, StoredRecord, UncheckedRecord,
};
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::REQUIRED;

/// A state that another program may have made of `state`: without ticket and recovery codes, and with other failures.
pub(crate) fn another(state: &State) -> State {
    let count = Count { codes: 1, recovery: 1, last: UnixTime::new(0), ..Count::NONE };
    let (ticket, recovery) = (None, RecoveryCodes::NONE);
    let requirement = state.requirement.xor(REQUIRED);
    State { hosts: count, helper: count, requirement, ticket, recovery, ..state.clone() }
}

/// The files.
pub(crate) struct Twice(pub files::Store);

/// A record of the files.
pub(crate) struct TwiceRecord<R>(R);

impl<R: Record> Record for TwiceRecord<R> {
    fn credential(&self) -> Option<&Credential> {
        self.0.credential()
    }
    fn state(&self) -> &State {
        self.0.state()
    }
    fn advance(&mut self, survives: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced {
        let _ = next(&another(self.state()));
        self.0.advance(survives, next)
    }
    fn settle(&mut self) -> Result<(), StoreError> {
        self.0.settle()
    }
}

impl<R: StoredRecord> StoredRecord for TwiceRecord<R> {
    fn remark(&self) -> Option<&'static str> {
        self.0.remark()
    }
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(Option<&Credential>, &State) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        let other = another(self.0.state());
        let _ = (
            next(None, &other),
            next(self.0.credential(), &other),
            next(self.0.credential(), self.0.state()),
        );
        self.0.change(next)
    }
}

impl<R: UncheckedRecord> UncheckedRecord for TwiceRecord<R> {
    fn change<T, E: From<StoreError>>(
        self,
        next: impl Fn(&Snapshot) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        self.0.change(|stored| {
            let state = stored.state.clone().map(|state| state.as_ref().map(another));
            let holds_grants = stored.holds_grants;
            let _ = next(&Snapshot { credential: Ok(None), state: state.clone(), holds_grants });
            let _ = next(&Snapshot { credential: stored.credential.clone(), state, holds_grants });
            next(stored)
        })
    }
}

impl Store for Twice {
    type Record<'s> = TwiceRecord<LocalRecord<'s>>;
    type Unchecked<'s> = TwiceRecord<UncheckedFiles<'s>>;

    fn is_enrolled(&self, who: &Account) -> Result<bool, StoreError> {
        self.0.is_enrolled(who)
    }
    fn is_required(&self, who: &Account) -> Result<bool, StoreError> {
        self.0.is_required(who)
    }
    fn credential(&self, who: &Account) -> Result<Option<Credential>, StoreError> {
        self.0.credential(who)
    }
    fn state(&self, who: &Account) -> Result<Option<State>, StoreError> {
        self.0.state(who)
    }
    fn snapshot(&self, uid: u32) -> Snapshot {
        self.0.snapshot(uid)
    }
    fn open(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Option<Self::Record<'_>>, StoreError> {
        Ok(self.0.open(who, fresh)?.map(TwiceRecord))
    }
    fn open_or_create(
        &self,
        who: &Account,
        fresh: impl Fn(&[Authenticator]) -> UnixTime,
    ) -> Result<Self::Record<'_>, StoreError> {
        Ok(TwiceRecord(self.0.open_or_create(who, fresh)?))
    }
    fn open_unchecked(&self, uid: u32) -> Result<Option<Self::Unchecked<'_>>, StoreError> {
        Ok(self.0.open_unchecked(uid)?.map(TwiceRecord))
    }
    fn replace_lost_state(&self, uid: u32, state: State) -> Result<bool, StoreError> {
        Store::replace_lost_state(&self.0, uid, state)
    }
}
