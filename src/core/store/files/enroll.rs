//! Storing what an enrollment has proved. The order of writing is what makes it all or nothing.

use crate::os::account::Account;
use crate::proof::recovery::RecoveryCodes;
use crate::proof::state::State;
use crate::proof::totp::Authenticator;
use crate::time::UnixTime;
use crate::verdict::{Denial, TicketFault};

use crate::store::StoreError;

use super::credential::{Credential, NewEnrollment};
use super::{Durability, LockedState, Store, check_state_owner};

impl Store {
    /// Takes the lock of `account`. If there is no state, one is created with the mark that `fresh` gives for the authenticators
    /// that are there: every code of theirs may have been used.
    pub(crate) fn lock_or_create(
        &self,
        account: &Account,
        fresh: impl FnOnce(&[Authenticator]) -> UnixTime,
    ) -> Result<LockedState, StoreError> {
        if let Some(state) = self.lock(account.uid)? {
            check_state_owner(state.state(), account)?;
            return Ok(state);
        }
        let credential = self.credential(account.uid)?;
        let mark = fresh(credential.as_ref().map_or(&[], |credential| &credential.authenticators));
        // Whoever creates it first: the lock is taken on what is there then.
        self.create_state(account.uid, State::new(&account.name, mark))?;
        let gone = || StoreError::StateRemoved { uid: account.uid };
        let state = self.lock(account.uid)?.ok_or_else(gone)?;
        check_state_owner(state.state(), account)?;
        Ok(state)
    }

    /// Stores the first authenticator of `account`, where there is none, all under the lock:
    ///
    /// 1. the state: both codes burnt, the new recovery codes in place, which no other credential takes;
    /// 2. the secret, created whole or not at all: from here on the person is enrolled;
    /// 3. the state: the ticket used up, a lockout ended.
    ///
    /// Who is killed before 2 has stored nothing that counts, and may use the same ticket again.
    pub(crate) fn enroll(&self, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
        let mut locked = self.lock_or_create(account, |_| enrollment.mark)?;
        if self.is_enrolled(account.uid)? {
            return Err(Denial::EnrolledMeanwhile);
        }
        check_ticket(&enrollment, locked.state())?;
        let NewEnrollment { id, authenticator, mark, recovery, .. } = enrollment;
        let credential = Credential {
            uid: account.uid,
            name: account.name.clone(),
            id,
            authenticators: vec![authenticator],
        };
        self.create(&mut locked, &credential, mark, recovery.unwrap_or(RecoveryCodes::NONE))
    }

    /// Stores what another program had of `account`, where there is no credential, in the same order: codes up to `mark` are
    /// used up, and there are no recovery codes.
    pub(crate) fn import(
        &self,
        account: &Account,
        credential: &Credential,
        mark: UnixTime,
    ) -> Result<(), Denial> {
        let mut locked = self.lock_or_create(account, |_| mark)?;
        if self.is_enrolled(account.uid)? {
            return Err(Denial::EnrolledMeanwhile);
        }
        self.create(&mut locked, credential, mark, RecoveryCodes::NONE)
    }

    fn create(
        &self,
        locked: &mut LockedState,
        credential: &Credential,
        mark: UnixTime,
        recovery: RecoveryCodes,
    ) -> Result<(), Denial> {
        let before = locked.state().clone();
        // In place of what an enrollment that was broken off may have left.
        let burnt = before.burn(mark).with_recovery(recovery);
        let enrolled = burnt.with_ticket(None).unlock();
        locked.save(burnt, Durability::Flushed)?;
        if !self.create_credential(credential)? {
            // Put there by somebody who takes no lock: these recovery codes must not work for it.
            locked.save(before.burn(mark), Durability::Flushed)?;
            return Err(Denial::EnrolledMeanwhile);
        }
        Ok(locked.save(enrolled, Durability::Flushed)?)
    }

    /// Adds an authenticator to `credential`, which is what is stored of `account` under its lock. The order is the same;
    /// recovery codes stay as they are.
    pub(crate) fn enroll_further(
        &self,
        account: &Account,
        mut locked: LockedState,
        mut credential: Credential,
        enrollment: NewEnrollment,
    ) -> Result<(), Denial> {
        credential.check_room(enrollment.label()).map_err(Denial::unavailable)?;
        let burnt = locked.state().burn(enrollment.mark);
        credential.authenticators.push(enrollment.authenticator);
        let unlocked = burnt.unlock();
        locked.save(burnt, Durability::Flushed)?;
        self.write_credential(account, &credential)?;
        Ok(locked.save(unlocked, Durability::Flushed)?)
    }
}

/// The ticket must still be the one that was shown: an administrator may have withdrawn it.
fn check_ticket(enrollment: &NewEnrollment, state: &State) -> Result<(), Denial> {
    let Some(shown) = enrollment.ticket else { return Ok(()) };
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
    use crate::proof::ticket::Ticket;
    use crate::test_support::{Scratch, ada, phone};

    const MARK: UnixTime = UnixTime::new(150);
    const LOCKED: Count = Count { codes: 20, recovery: 7, last: UnixTime::new(90) };

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
    fn with_ticket(name: &str) -> (Scratch, Store) {
        let scratch = Scratch::new(name);
        let store = scratch.store();
        let state = State { hosts: LOCKED, ticket: Some(ticket(8)), ..State::new("ada", UnixTime::new(1)) };
        store.create_state(7, state).unwrap();
        (scratch, store)
    }

    #[test]
    fn first_enrollment_burns_codes_unlocks_and_happens_once() {
        let (_scratch, store) = with_ticket("first");
        store.enroll(&ada(), enrollment("phone", Some(ticket(8)))).unwrap();
        let credential = store.owned_credential(&ada()).unwrap();
        assert_eq!((credential.id.as_str(), credential.authenticators[0].label.as_str()), ("an id", "phone"));
        let enrolled = State { recovery: one_code(), ..State::new("ada", MARK) };
        assert_eq!(store.state(7).unwrap().unwrap(), enrolled);

        let again = store.enroll(&ada(), enrollment("tablet", None));
        assert_eq!(again, Err(Denial::EnrolledMeanwhile));
        assert_eq!(store.owned_credential(&ada()).unwrap().authenticators[0].label, "phone");
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
        let mut locked = store.lock(7).unwrap().unwrap();
        locked.save(locked.state().with_recovery(one_code()), Durability::Flushed).unwrap();
        drop(locked);
        store.import(&ada(), &credential("phone"), MARK).unwrap();
        let labels = || -> Vec<String> {
            store.owned_credential(&ada()).unwrap().authenticators.into_iter().map(|one| one.label).collect()
        };
        assert_eq!(labels(), ["phone", "tablet"]);
        assert_eq!(store.state(7).unwrap().unwrap(), State::new("ada", MARK));

        let again = store.import(&ada(), &credential("other"), MARK.plus(30));
        assert_eq!(again, Err(Denial::EnrolledMeanwhile));
        assert_eq!(labels(), ["phone", "tablet"]);
        assert_eq!(store.state(7).unwrap().unwrap().mark, MARK);
    }

    #[test]
    fn an_enrollment_tells_how_many_recovery_codes_it_brings() {
        assert_eq!(enrollment("phone", None).recovery_codes(), 1);
        assert_eq!(NewEnrollment { recovery: None, ..enrollment("phone", None) }.recovery_codes(), 0);
    }

    #[test]
    fn a_ticket_that_was_withdrawn_or_replaced_enrolls_nobody() {
        let (_scratch, store) = with_ticket("ticket");
        let before = store.state(7).unwrap();
        let refused = store.enroll(&ada(), enrollment("phone", Some(ticket(9))));
        assert_eq!(refused, Err(Denial::WrongTicket(TicketFault::None)));
        assert!(!store.is_enrolled(7).unwrap());
        assert_eq!(store.state(7).unwrap(), before);
    }

    #[test]
    fn further_authenticator_burns_codes_and_keeps_recovery_codes() {
        let (_scratch, store) = with_ticket("further");
        store.enroll(&ada(), enrollment("phone", None)).unwrap();
        let further = |label, mark| {
            let mut locked = store.lock(7).unwrap().unwrap();
            locked.save(State { helper: LOCKED, ..locked.state().clone() }, Durability::Flushed).unwrap();
            let credential = store.owned_credential(&ada()).unwrap();
            let enrollment = NewEnrollment { mark, recovery: None, ..enrollment(label, None) };
            store.enroll_further(&ada(), locked, credential, enrollment)
        };
        further("tablet", MARK.plus(30)).unwrap();
        let labels: Vec<String> =
            store.owned_credential(&ada()).unwrap().authenticators.into_iter().map(|one| one.label).collect();
        assert_eq!(labels, ["phone", "tablet"]);
        let enrolled = State { recovery: one_code(), ..State::new("ada", MARK.plus(30)) };
        assert_eq!(store.state(7).unwrap().unwrap(), enrolled);

        assert!(matches!(further("phone", MARK.plus(60)), Err(Denial::Unavailable(_))), "of one label");
        assert_eq!(store.state(7).unwrap().unwrap().mark, MARK.plus(30));
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
        let locked = store.lock_or_create(&ada(), fresh).unwrap();
        assert_eq!(locked.state(), &State::new("ada", UnixTime::new(1)));
        drop(locked);
        assert!(store.lock_or_create(&ada(), |_| MARK).unwrap().state().mark < MARK, "it is there");
        assert!(store.lock_or_create(&eve, fresh).is_err());
    }
}
