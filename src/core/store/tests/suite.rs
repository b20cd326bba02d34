//! Tests with one program at a time.

use super::{Site, credential, on_each};
use crate::os::account::Account;
use crate::proof::state::{Requirement, State};
use crate::store::files::credential::Credential;
use crate::store::{
    Change, CredentialChange, Durability, Record, Store, StoreError, StoredRecord, UncheckedRecord,
};
use crate::test_support::{ada, change, phone};
use crate::time::UnixTime;
use crate::verdict::{Denial, TicketFault};

/// A requirement as every record can hold it.
const REQUIRED: Option<Requirement> = Some(Requirement { since: None });

on_each!(
    says_no_only_where_that_is_certain,
    takes_no_record_of_another_account,
    makes_a_state_with_the_mark_of_its_authenticators,
    saves_what_next_makes_of_the_state,
    saves_nothing_that_next_refuses,
    changes_credential_and_state_together,
    changes_nothing_that_next_refuses,
    gives_the_record_of_any_account_to_unchecked_acts,
);

const MARK: UnixTime = UnixTime::new(30);

fn state() -> State {
    State::new("ada", MARK)
}

fn fresh<T>(_: &[T]) -> UnixTime {
    UnixTime::new(9999)
}

fn eve() -> Account {
    Account { name: "eve".to_owned(), ..ada() }
}

/// The name and the state in the record, whichever account it belongs to.
fn stored(store: &impl Store) -> (Option<String>, Option<State>) {
    let stored = store.snapshot(7);
    let credential = stored.credential.unwrap();
    (credential.map(|credential| credential.to_toml().to_string()), stored.state.unwrap())
}

/// ST1, ST2
fn says_no_only_where_that_is_certain(site: &impl Site) {
    let store = site.store(1);
    assert_eq!((store.is_enrolled(&ada()), store.is_required(&ada())), (Ok(false), Ok(false)));
    assert_eq!(stored(&store), (None, None));
    site.plant(Some(credential("ada")), Some(state()));
    assert_eq!((store.is_enrolled(&ada()), store.is_required(&ada())), (Ok(true), Ok(false)));
    change(&store, |_, state| Change::state(state.with_requirement(REQUIRED)));
    assert_eq!(store.is_required(&ada()), Ok(true));
    site.spoil();
    assert!(store.is_enrolled(&ada()).is_err() && store.is_required(&ada()).is_err());
    assert!(store.credential(&ada()).is_err() && store.state(&ada()).is_err());
    let snapshot = store.snapshot(7);
    assert!(snapshot.credential.is_err() && snapshot.state.is_err());
    assert!(store.open(&ada(), fresh).is_err() && store.open_or_create(&ada(), fresh).is_err());
    assert!(store.open_unchecked(7).is_err());
}

/// ST3
fn takes_no_record_of_another_account(site: &impl Site) {
    let is_refused = |who: &Account| {
        let store = site.store(1);
        let opened = [store.open(who, fresh).err(), store.open_or_create(who, fresh).err()];
        opened.iter().all(|error| matches!(error, Some(StoreError::NotTheirs(_))))
    };
    let store = site.store(1);
    site.plant(None, Some(state()));
    assert!(is_refused(&eve()) && !is_refused(&ada()), "a state alone");
    site.plant(Some(credential("ada")), None);
    assert!(is_refused(&eve()) && !is_refused(&ada()));
    assert!(matches!(store.credential(&eve()), Err(StoreError::NotTheirs(_))));
    assert!(matches!(store.state(&eve()), Err(StoreError::NotTheirs(_))));
    assert_eq!(store.is_required(&eve()), Ok(false), "nothing is required of ada");
    change(&store, |_, state| Change::state(state.with_requirement(REQUIRED)));
    assert!(matches!(store.is_required(&eve()), Err(StoreError::NotTheirs(_))), "nor passed over");

    for (name, uid) in [("eve", 7), ("ada", 8)] {
        let theirs = Credential { uid, ..credential(name) };
        change_unchecked(&store, || Change {
            state: None,
            credential: CredentialChange::Stored(theirs.clone()),
        });
        assert!(is_refused(&ada()), "{name} {uid}");
    }
}

fn change_unchecked(store: &impl Store, next: impl Fn() -> Change) {
    let record = store.open_unchecked(7).unwrap().unwrap();
    record.change(|_| Ok::<_, StoreError>((next(), ()))).unwrap();
}

/// Configuration management or a backup may bring a credential without a state.
fn makes_a_state_with_the_mark_of_its_authenticators(site: &impl Site) {
    let store = site.store(1);
    let fresh = |there: &[_]| UnixTime::new(50 + there.len() as u64);
    assert!(store.open(&ada(), fresh).unwrap().is_none());
    assert!(store.open_unchecked(7).unwrap().is_none());
    assert_eq!(stored(&store), (None, None));
    site.plant(Some(credential("ada")), None);
    let record = store.open(&ada(), fresh).unwrap().unwrap();
    assert_eq!(record.state(), &State::new("ada", UnixTime::new(51)));
    assert_eq!(record.credential().unwrap().id, "an id");
    drop(record);
    assert_eq!(store.open_or_create(&ada(), |_| MARK).unwrap().state().mark, UnixTime::new(51), "once");
}

/// ST4, ST6
fn saves_what_next_makes_of_the_state(site: &impl Site) {
    let store = site.store(1);
    let mut record = store.open_or_create(&ada(), |_| MARK).unwrap();
    assert!(record.credential().is_none() && record.state() == &state());
    let mut expected = state();
    for survives in [Durability::Written, Durability::Written, Durability::Flushed, Durability::Flushed] {
        expected.hosts.codes += 1;
        let next = |state: &State| {
            let mut next = state.clone();
            next.hosts.codes += 1;
            Ok(next)
        };
        assert_eq!(record.advance(survives, next), Ok(Ok(())));
        assert_eq!(record.state(), &expected);
    }
    assert_eq!(record.settle(), Ok(()));
    drop(record);
    assert_eq!(stored(&site.store(2)), (None, Some(expected)));
}

/// ST5
fn saves_nothing_that_next_refuses(site: &impl Site) {
    let store = site.store(1);
    let mut record = store.open_or_create(&ada(), |_| MARK).unwrap();
    for survives in [Durability::Written, Durability::Flushed] {
        let refused = record.advance(survives, |_| Err(Denial::WrongTicket(TicketFault::None)));
        assert_eq!(refused, Ok(Err(Denial::WrongTicket(TicketFault::None))));
        assert_eq!(record.state(), &state());
    }
    drop(record);
    assert_eq!(stored(&store), (None, Some(state())));
}

/// ST10
fn changes_credential_and_state_together(site: &impl Site) {
    let store = site.store(1);
    site.plant(None, Some(state()));
    let two = || {
        let mut two = credential("ada");
        two.authenticators.push(phone("tablet"));
        two
    };
    let expected = State { mark: MARK.plus(30), requirement: REQUIRED, ..state() };
    for next in [Some(credential("ada")), Some(two()), None] {
        let store_it = || next.clone().map_or(CredentialChange::Removed, CredentialChange::Stored);
        change(&store, |_, state| Change {
            state: Some(state.burn(MARK.plus(30)).with_requirement(REQUIRED)),
            credential: store_it(),
        });
        let text = next.map(|credential| credential.to_toml().to_string());
        assert_eq!(stored(&site.store(2)), (text, Some(expected.clone())));
    }
    change(&store, |_, _| Change { state: None, credential: CredentialChange::Stored(two()) });
    change(&store, |credential, _| {
        assert_eq!(credential.unwrap().authenticators.len(), 2);
        Change::NONE
    });
    assert_eq!(stored(&store).0.unwrap(), *two().to_toml());
}

/// ST5
fn changes_nothing_that_next_refuses(site: &impl Site) {
    let store = site.store(1);
    site.plant(Some(credential("ada")), Some(state()));
    let before = stored(&store);
    let record = store.open(&ada(), fresh).unwrap().unwrap();
    let refused: Result<(), _> = record.change(|_, _| Err(Denial::EnrolledMeanwhile));
    assert_eq!(refused, Err(Denial::EnrolledMeanwhile));
    let record = store.open_unchecked(7).unwrap().unwrap();
    let refused: Result<(), _> = record.change(|_| Err(Denial::EnrolledMeanwhile));
    assert_eq!(refused, Err(Denial::EnrolledMeanwhile));
    assert!(stored(&store) == before);
}

fn gives_the_record_of_any_account_to_unchecked_acts(site: &impl Site) {
    let store = site.store(1);
    site.plant(Some(credential("eve")), None);
    let record = store.open_unchecked(7).unwrap().unwrap();
    let told = record.change(|stored| {
        let name = stored.credential.clone()?.unwrap().name;
        assert!(stored.state.clone()?.is_none());
        let credential = CredentialChange::Stored(credential("ada"));
        Ok::<_, StoreError>((Change { state: None, credential }, name))
    });
    assert_eq!(told.as_deref(), Ok("eve"));
    assert!(store.state(&ada()).unwrap().is_none(), "none was created");
    let record = store.open_unchecked(7).unwrap().unwrap();
    let failed = record.change(|_| Ok::<_, StoreError>((Change::state(state()), ())));
    assert!(failed.is_err(), "none is created");
    change_unchecked(&store, || Change { state: None, credential: CredentialChange::Removed });
    assert!(store.open_unchecked(7).unwrap().is_none());
}
