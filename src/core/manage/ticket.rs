//! Issues tickets.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::os::account::Account;
use crate::proof::code::{LONG_CODE_BYTES, LongCode};
use crate::proof::ticket::Ticket;
use crate::store::{Change, Store, StoredRecord};
use crate::time::UnixTime;

use super::act::{Act, ActError, ActLog, Acts, WithStore};
use super::failure::Failure;

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Issues a ticket that replaces an earlier one. Gives the ticket and its expiry to `hand_over` before anything is
    /// stored; if that fails, nothing is stored. Returns whether the policy asks for tickets.
    pub fn ticket(
        &mut self,
        account: &Account,
        valid: Duration,
        hand_over: impl FnOnce(&LongCode, UnixTime) -> Result<(), Failure>,
    ) -> Result<bool, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let (policy, now) = (machine.policy()?, machine.now()?);
            if store.is_enrolled(account)? {
                return Err(ActError::NeedsNoTicket);
            }
            store.state(account)?;
            let mut random = Zeroizing::new([0; LONG_CODE_BYTES]);
            machine.fill(random.as_mut_slice())?;
            let (code, expires) = (LongCode::new(*random), now.plus(valid.as_secs()));
            let ticket = Ticket::issue(&code, account.uid, expires);
            hand_over(&code, expires)?;

            let record =
                store.open_or_create(account, |devices| policy.verification.window_end(devices, now));
            record
                .and_then(|record| {
                    record.change(|_, state| Ok((Change::state(state.with_ticket(Some(ticket))), ())))
                })
                .map_err(ActError::HandedOverInVain)?;
            let more = format!(" expires={}", expires.seconds());
            Ok(Act::done("ticket", more, policy.enrollment.require_ticket))
        })
    }
}
