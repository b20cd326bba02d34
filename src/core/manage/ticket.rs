//! Issues tickets.

use std::time::Duration;

use crate::os::account::Account;
use crate::policy::Verification;
use crate::proof::code::{LONG_CODE_BYTES, LongCode};
use crate::proof::ticket::Ticket;
use crate::store::{Change, Store, StoredRecord};
use crate::time::UnixTime;
use crate::zeroizing::Zeroizing;

use super::act::{Act, ActError, ActLog, Acts, WithStore};
use super::failure::Failure;

/// A ticket that was made, and is not stored.
pub struct NewTicket<'a> {
    /// The account that it is for.
    pub account: &'a Account,
    /// What the user types.
    pub code: LongCode,
    /// From then on it is refused.
    pub expires: UnixTime,
    made: UnixTime,
    rules: Verification,
    are_asked_for: bool,
}

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Issues a ticket that replaces an earlier one. Gives the ticket and its expiry to `hand_over` before anything is
    /// stored; if that fails, nothing is stored. Returns whether the policy asks for tickets.
    pub fn ticket(
        &mut self,
        account: &Account,
        valid: Duration,
        hand_over: impl FnOnce(&LongCode, UnixTime) -> Result<(), Failure>,
    ) -> Result<bool, ActError> {
        let new = self.make_ticket(account, valid)?;
        hand_over(&new.code, new.expires)?;
        self.store_ticket(new)
    }

    /// The same for several accounts, whose tickets are handed over together, before any of them is stored. An account for
    /// which none can be made is left out of what `hand_over` gets. Returns the result of each account, in their order.
    pub fn tickets(
        &mut self,
        accounts: &[&Account],
        valid: Duration,
        hand_over: impl FnOnce(&[&NewTicket<'_>]) -> Result<(), Failure>,
    ) -> Result<Vec<Result<bool, ActError>>, Failure> {
        let made: Vec<_> = accounts.iter().map(|account| self.make_ticket(account, valid)).collect();
        let all: Vec<_> = made.iter().filter_map(|new| new.as_ref().ok()).collect();
        if !all.is_empty() {
            hand_over(&all)?;
        }
        Ok(made.into_iter().map(|new| self.store_ticket(new?)).collect())
    }

    fn make_ticket<'a>(&self, account: &'a Account, valid: Duration) -> Result<NewTicket<'a>, ActError> {
        let (machine, store) = (self.machine, self.machine.store()?);
        let (policy, made) = (machine.policy()?, machine.now()?);
        if store.is_enrolled(account)? {
            return Err(ActError::NeedsNoTicket);
        }
        store.state(account)?;
        let mut random = Zeroizing::new([0; LONG_CODE_BYTES]);
        machine.fill(random.as_mut_slice())?;
        let (code, expires) = (LongCode::new(*random), made.plus(valid.as_secs()));
        let are_asked_for = policy.enrollment.require_ticket;
        Ok(NewTicket { account, code, expires, made, rules: policy.verification, are_asked_for })
    }

    fn store_ticket(&mut self, new: NewTicket<'_>) -> Result<bool, ActError> {
        let NewTicket { account, code, expires, made, rules, are_asked_for } = new;
        self.carry_out(&account.into(), |_, store| {
            let ticket = Ticket::issue(&code, account.uid, expires);
            let record = store.open_or_create(account, |devices| rules.window_end(devices, made));
            record
                .and_then(|record| {
                    record.change(|_, state| Ok((Change::state(state.with_ticket(Some(ticket))), ())))
                })
                .map_err(ActError::HandedOverInVain)?;
            Ok(Act::done("ticket", format!(" expires={}", expires.seconds()), are_asked_for))
        })
    }
}
