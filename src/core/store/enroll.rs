//! Stores the result of an enrollment.

use crate::os::account::Account;
use crate::proof::recovery::RecoveryCodes;
use crate::proof::state::State;
use crate::proof::ticket::Ticket;
use crate::time::UnixTime;
use crate::verdict::{Denial, TicketFault};

use super::files::credential::{Credential, NewEnrollment};
use super::{Change, CredentialChange, Store, StoredRecord};

/// Stores the first authenticator of `account`, if it has none. Both codes are then used, the new recovery codes valid,
/// the ticket used up, and a lockout ended.
pub(crate) fn enroll(store: &impl Store, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
    let NewEnrollment { id, authenticator, mark, recovery, ticket } = enrollment;
    let authenticators = vec![authenticator];
    let credential = Credential { uid: account.uid, name: account.name.clone(), id, authenticators };
    let recovery = recovery.unwrap_or(RecoveryCodes::NONE);
    let record = store.open_or_create(account, |_| mark)?;
    record.change(|present, state| {
        check_none(present)?;
        check_ticket(ticket, state)?;
        Ok((first(&credential, state, mark, &recovery), ()))
    })
}

/// Stores the authenticators that another program had of `account`, if it has no credential. Codes up to `mark` are
/// used up, and there are no recovery codes.
pub(crate) fn import(
    store: &impl Store,
    account: &Account,
    credential: &Credential,
    mark: UnixTime,
) -> Result<(), Denial> {
    let record = store.open_or_create(account, |_| mark)?;
    record.change(|present, state| {
        check_none(present)?;
        Ok((first(credential, state, mark, &RecoveryCodes::NONE), ()))
    })
}

fn check_none(present: Option<&Credential>) -> Result<(), Denial> {
    present.map_or(Ok(()), |_| Err(Denial::EnrolledMeanwhile))
}

fn first(credential: &Credential, state: &State, mark: UnixTime, recovery: &RecoveryCodes) -> Change {
    // This replaces what a cancelled enrollment may have left.
    let state = state.burn(mark).with_recovery(recovery.clone()).with_ticket(None).unlock();
    Change { state: Some(state), credential: CredentialChange::Stored(credential.clone()) }
}

/// Adds an authenticator to `credential`, which is stored with `state`. Recovery codes stay as they are.
pub(crate) fn further(
    credential: &Credential,
    state: &State,
    enrollment: &NewEnrollment,
) -> Result<Change, Denial> {
    credential.check_room(enrollment.label()).map_err(Denial::unavailable)?;
    let mut credential = credential.clone();
    credential.authenticators.push(enrollment.authenticator.clone());
    let state = state.burn(enrollment.mark).unlock();
    Ok(Change { state: Some(state), credential: CredentialChange::Stored(credential) })
}

/// Puts an authenticator in the place of the one with the same label, whose codes are then worth nothing. Recovery codes
/// stay as they are: they belong to the credential's id.
pub(crate) fn replacement(
    credential: &Credential,
    state: &State,
    enrollment: &NewEnrollment,
) -> Result<Change, Denial> {
    let mut credential = credential.clone();
    let old = credential.authenticators.iter_mut().find(|one| one.label == enrollment.label());
    *old.ok_or(Denial::NotEnrolled { cause: None })? = enrollment.authenticator.clone();
    let state = state.burn(enrollment.mark).unlock();
    Ok(Change { state: Some(state), credential: CredentialChange::Stored(credential) })
}

/// The ticket must still be the one that the user showed: an administrator may have withdrawn it.
fn check_ticket(shown: Option<Ticket>, state: &State) -> Result<(), Denial> {
    let Some(shown) = shown else { return Ok(()) };
    if state.ticket.is_some_and(|ticket| ticket.hash == shown.hash) {
        return Ok(());
    }
    Err(Denial::WrongTicket(TicketFault::None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::code::LongCode;
    use crate::proof::recovery::hash;
    use crate::proof::state::Count;
    use crate::proof::totp::Authenticator;
    use crate::store::{Record, files};
    use crate::test_support::{Scratch, ada, change, phone};

    const MARK: UnixTime = UnixTime::new(150);
    const LOCKED: Count = Count { codes: 20, recovery: 7, last: UnixTime::new(90), ..Count::NONE };

    fn one_code() -> RecoveryCodes {
        let mut codes = RecoveryCodes { salt: [1; 16], ..RecoveryCodes::NONE };
        codes.hashes[0] = hash(&LongCode::new([7; 10]), &[1; 16]);
        codes
    }

    fn enrollment(label: &str, ticket: Option<Ticket>) -> NewEnrollment {
        let (id, recovery) = ("an id".to_owned(), Some(one_code()));
        NewEnrollment { id, authenticator: phone(label), mark: MARK, recovery, ticket }
    }

    fn ticket(digit: u8) -> Ticket {
        Ticket::issue(&LongCode::new([digit; 10]), 7, UnixTime::new(9999))
    }

    /// A store in which ada is locked out and has a ticket.
    fn with_ticket(name: &str) -> (Scratch, files::Store) {
        let scratch = Scratch::new(name);
        let store = scratch.store();
        let state = State { hosts: LOCKED, ticket: Some(ticket(8)), ..State::new("ada", UnixTime::new(1)) };
        store.create_state(7, state).unwrap();
        (scratch, store)
    }

    #[test]
    fn first_enrollment_burns_codes_unlocks_and_happens_once() {
        let (_scratch, store) = with_ticket("first");
        enroll(&store, &ada(), enrollment("phone", Some(ticket(8)))).unwrap();
        let credential = store.credential(&ada()).unwrap().unwrap();
        assert_eq!((credential.id.as_str(), credential.authenticators[0].label.as_str()), ("an id", "phone"));
        let enrolled = State { recovery: one_code(), ..State::new("ada", MARK) };
        assert_eq!(store.snapshot(7).state.unwrap().unwrap(), enrolled);

        let again = enroll(&store, &ada(), enrollment("tablet", None));
        assert_eq!(again, Err(Denial::EnrolledMeanwhile));
        assert_eq!(store.credential(&ada()).unwrap().unwrap().authenticators[0].label, "phone");
    }

    #[test]
    fn import_burns_codes_unlocks_and_replaces_nobody() {
        let (_scratch, store) = with_ticket("import");
        let credential = |label: &str| Credential {
            uid: 7,
            name: "ada".to_owned(),
            id: "an id".to_owned(),
            authenticators: vec![phone(label), phone("tablet")],
        };
        change(&store, |_, state| Change::state(state.with_recovery(one_code())));
        import(&store, &ada(), &credential("phone"), MARK).unwrap();
        let labels = || -> Vec<String> {
            store
                .credential(&ada())
                .unwrap()
                .unwrap()
                .authenticators
                .into_iter()
                .map(|one| one.label)
                .collect()
        };
        assert_eq!(labels(), ["phone", "tablet"]);
        assert_eq!(store.snapshot(7).state.unwrap().unwrap(), State::new("ada", MARK));

        let again = import(&store, &ada(), &credential("other"), MARK.plus(30));
        assert_eq!(again, Err(Denial::EnrolledMeanwhile));
        assert_eq!(labels(), ["phone", "tablet"]);
        assert_eq!(store.snapshot(7).state.unwrap().unwrap().mark, MARK);
    }

    #[test]
    fn counts_recovery_codes_of_enrollment() {
        assert_eq!(enrollment("phone", None).recovery_codes(), 1);
        assert_eq!(NewEnrollment { recovery: None, ..enrollment("phone", None) }.recovery_codes(), 0);
    }

    #[test]
    fn enrolls_nobody_with_withdrawn_or_replaced_ticket() {
        let (_scratch, store) = with_ticket("ticket");
        let before = store.snapshot(7).state.unwrap();
        let refused = enroll(&store, &ada(), enrollment("phone", Some(ticket(9))));
        assert_eq!(refused, Err(Denial::WrongTicket(TicketFault::None)));
        assert!(!store.has_credential(7).unwrap());
        assert_eq!(store.snapshot(7).state.unwrap(), before);
    }

    #[test]
    fn further_authenticator_burns_codes_and_keeps_recovery_codes() {
        let (_scratch, store) = with_ticket("further");
        enroll(&store, &ada(), enrollment("phone", None)).unwrap();
        let further = |label, mark| {
            change(&store, |_, state| Change::state(State { helper: LOCKED, ..state.clone() }));
            let enrollment = NewEnrollment { mark, recovery: None, ..enrollment(label, None) };
            let record = store.open(&ada(), |_| MARK).unwrap().unwrap();
            record.change(|credential, state| {
                Ok((super::further(credential.unwrap(), state, &enrollment)?, ()))
            })
        };
        further("tablet", MARK.plus(30)).unwrap();
        let labels: Vec<String> = store
            .credential(&ada())
            .unwrap()
            .unwrap()
            .authenticators
            .into_iter()
            .map(|one| one.label)
            .collect();
        assert_eq!(labels, ["phone", "tablet"]);
        let enrolled = State { recovery: one_code(), ..State::new("ada", MARK.plus(30)) };
        assert_eq!(store.snapshot(7).state.unwrap().unwrap(), enrolled);

        assert!(matches!(further("phone", MARK.plus(60)), Err(Denial::Unavailable(_))), "of one label");
        assert_eq!(store.snapshot(7).state.unwrap().unwrap().mark, MARK.plus(30));
    }

    #[test]
    fn creates_state_for_present_authenticators_and_their_owner() {
        let scratch = Scratch::new("create");
        let store = scratch.store();
        let eve = Account { name: "eve".to_owned(), ..ada() };
        let credential = Credential {
            uid: 7,
            name: "ada".to_owned(),
            id: String::new(),
            authenticators: vec![phone("phone")],
        };
        store.create_credential(&credential).unwrap();
        let fresh = |there: &[Authenticator]| UnixTime::new(there.len() as u64);
        let record = store.open_or_create(&ada(), fresh).unwrap();
        assert_eq!(record.state(), &State::new("ada", UnixTime::new(1)));
        drop(record);
        assert!(store.open_or_create(&ada(), |_| MARK).unwrap().state().mark < MARK, "it is there");
        assert!(store.open_or_create(&eve, fresh).is_err());
    }
}
