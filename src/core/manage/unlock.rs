//! Ends a lockout.

use crate::policy::Verification;
use crate::proof::state::State;
use crate::store::{Change, Snapshot, Store, StoreError, UncheckedRecord};
use crate::time::UnixTime;
use crate::verdict::is_soon;

use super::act::{Act, ActError, ActLog, Acts, Target, WithStore};

/// The result of an unlock.
#[derive(Debug, PartialEq, Eq)]
pub enum Unlocked {
    /// There was no record.
    NoRecord,
    /// The failures were forgotten.
    Done {
        /// Codes that had failed in a row at programs that run as root.
        failures: u16,
        /// Whether the mark is so far in the future that codes are still refused.
        is_ahead: bool,
    },
}

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Forgets the failures and, if `resets_clock`, a mark that is in the future.
    pub fn unlock(&mut self, target: &Target, resets_clock: bool) -> Result<Unlocked, ActError> {
        self.carry_out(target, |machine, store| {
            let now = machine.now()?;
            let rules = if resets_clock { Some(machine.policy()?.verification) } else { None };
            let Some(record) = store.open_unchecked(target.uid)? else {
                return Ok(Act::unchanged(Unlocked::NoRecord));
            };
            record.change(|stored| {
                let Some(state) = stored.state.clone()? else {
                    return Ok((Change::NONE, Act::unchanged(Unlocked::NoRecord)));
                };
                let failures = state.hosts.codes;
                let mut next = state.unlock();
                if let Some(rules) = &rules {
                    next = reset_clock(rules, stored, &next, now)?;
                }
                let is_ahead = next.mark > now && !is_soon(next.mark, now);
                let more = format!(" failures={failures} reset-clock={resets_clock}");
                let done = Act::done("unlock", more, Unlocked::Done { failures, is_ahead });
                Ok((Change::state(next), done))
            })
        })
    }
}

/// Sets back a mark that is far ahead. A mark that is near stays: its code may have been used a moment ago.
fn reset_clock(
    rules: &Verification,
    stored: &Snapshot,
    state: &State,
    now: UnixTime,
) -> Result<State, ActError> {
    let credential = stored.credential.as_ref().map_err(StoreError::clone)?;
    let authenticators = credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
    let window_end = rules.window_end(authenticators, now);
    if state.is_ahead_of(window_end) && is_soon(state.mark, now) {
        return Err(ActError::MarkIsSoon(state.mark));
    }
    Ok(state.reset_clock(window_end))
}
