//! Ending a lockout.

use crate::login::machine::Machine;
use crate::proof::state::State;
use crate::store::Durability;
use crate::store::files::Store;
use crate::time::UnixTime;
use crate::verdict::is_soon;

use super::act::{Act, ActError, ActLog, Acts, Target};

/// What came of an unlocking.
#[derive(Debug, PartialEq, Eq)]
pub enum Unlocked {
    /// Nothing was stored.
    NoRecord,
    /// The failures are forgotten.
    Done {
        /// Codes that had failed in a row at programs that run as root.
        failures: u16,
        /// Whether the mark lies so far in the future that codes are still refused.
        is_ahead: bool,
    },
}

impl<M: Machine, L: ActLog> Acts<'_, M, L> {
    /// Forgets the failures and, if asked to, a mark that lies in the future.
    pub fn unlock(&mut self, target: &Target, resets_clock: bool) -> Result<Unlocked, ActError> {
        self.carry_out(target, |machine, store| {
            let now = machine.now()?;
            let Some(mut locked) = store.lock(target.uid)? else {
                return Ok(Act::unchanged(Unlocked::NoRecord));
            };
            let failures = locked.state().hosts.codes;
            let mut next = locked.state().unlock();
            if resets_clock {
                // Under the lock: a login may just have moved the mark.
                next = reset_clock(machine, store, target, &next, now)?;
            }
            let is_ahead = next.mark > now && !is_soon(next.mark, now);
            locked.save(next, Durability::Flushed)?;
            let more = format!(" failures={failures} reset-clock={resets_clock}");
            Ok(Act::done("unlock", more, Unlocked::Done { failures, is_ahead }))
        })
    }
}

/// Puts back a mark that lies far ahead. One that is soon reached stays: its code was perhaps used a moment ago.
fn reset_clock(
    machine: &impl Machine,
    store: &Store,
    target: &Target,
    state: &State,
    now: UnixTime,
) -> Result<State, ActError> {
    let credential = store.credential(target.uid)?;
    let authenticators = credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
    let window_end = machine.policy()?.verification.window_end(authenticators, now);
    if state.is_ahead_of(window_end) && is_soon(state.mark, now) {
        return Err(ActError::MarkIsSoon(state.mark));
    }
    Ok(state.reset_clock(window_end))
}
