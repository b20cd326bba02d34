//! Storing what an enrollment has proved. The order of writing is what makes it all or nothing.

use crate::attempts::State;
use crate::os::Fault;
use crate::os::account::Account;
use crate::recovery::RecoveryCodes;
use crate::time::UnixTime;
use crate::totp::Authenticator;
use crate::verdict::{Denial, TicketFault};

use super::credential::{Confirmed, Credential};
use super::{Durability, LockedState, Store, check_state_owner};

impl Store {
    /// Takes the lock of `account`. If there is no state, one is created with the mark that `fresh` gives for the authenticators
    /// that are there: every code of theirs may have been used.
    pub fn lock_or_create(
        &self,
        account: &Account,
        fresh: impl FnOnce(&[Authenticator]) -> UnixTime,
    ) -> Result<LockedState, Fault> {
        if let Some(state) = self.lock(account.uid)? {
            check_state_owner(state.state(), account)?;
            return Ok(state);
        }
        let credential = self.credential(account.uid)?;
        let mark = fresh(credential.as_ref().map_or(&[], |credential| &credential.authenticators));
        // Whoever creates it first: the lock is taken on what is there then.
        self.create_state(account.uid, State::new(&account.name, mark))?;
        let gone = || Fault(format!("the state of {} was removed", account.name));
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
    pub fn enroll(&self, account: &Account, confirmed: Confirmed) -> Result<(), Denial> {
        let mut locked = self.lock_or_create(account, |_| confirmed.mark)?;
        if self.is_enrolled(account.uid)? {
            return Err(Denial::EnrolledMeanwhile);
        }
        check_ticket(&confirmed, locked.state())?;
        let before = locked.state().clone();
        let Confirmed { id, authenticator, mark, recovery, .. } = confirmed;
        // In place of what an enrollment that was broken off may have left.
        let burnt = before.burn(mark).with_recovery(recovery.unwrap_or(RecoveryCodes::NONE));
        let enrolled = burnt.with_ticket(None).unlock();
        let credential = Credential {
            uid: account.uid,
            name: account.name.clone(),
            id,
            authenticators: vec![authenticator],
        };
        locked.save(burnt, Durability::Flushed)?;
        if !self.create_credential(&credential)? {
            // Put there by somebody who takes no lock: these recovery codes must not work for it.
            locked.save(before.burn(mark), Durability::Flushed)?;
            return Err(Denial::EnrolledMeanwhile);
        }
        Ok(locked.save(enrolled, Durability::Flushed)?)
    }

    /// Adds an authenticator to `credential`, which is what is stored of `account` under its lock. The order is the same;
    /// recovery codes stay as they are.
    pub fn enroll_further(
        &self,
        account: &Account,
        mut locked: LockedState,
        mut credential: Credential,
        confirmed: Confirmed,
    ) -> Result<(), Denial> {
        credential
            .check_room(confirmed.label())
            .map_err(|conflict| Denial::Unavailable(conflict.to_string()))?;
        let burnt = locked.state().burn(confirmed.mark);
        credential.authenticators.push(confirmed.authenticator);
        let unlocked = burnt.unlock();
        locked.save(burnt, Durability::Flushed)?;
        self.write_credential(account, &credential)?;
        Ok(locked.save(unlocked, Durability::Flushed)?)
    }
}

/// The ticket must still be the one that was shown: an administrator may have withdrawn it.
fn check_ticket(confirmed: &Confirmed, state: &State) -> Result<(), Denial> {
    let Some(shown) = confirmed.ticket else { return Ok(()) };
    if state.ticket.is_some_and(|ticket| ticket.hash == shown.hash) {
        return Ok(());
    }
    Err(Denial::WrongTicket(TicketFault::None))
}
