//! Forgetting a credential, and all that belongs to it.

use crate::login::machine::Machine;
use crate::policy::Verification;
use crate::proof::state::State;
use crate::store::Durability;
use crate::store::files::Store;

use super::act::{Act, ActError, ActLog, Acts, Target};

/// What came of a reset.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    /// Nothing was stored.
    NoRecord,
    /// All is forgotten but the mark, and what an administrator requires.
    Done {
        /// Whether there was a credential.
        had_credential: bool,
        /// Whether the state could not be read, so that requirement and mark are lost.
        state_was_lost: bool,
    },
}

impl<M: Machine, L: ActLog> Acts<'_, M, L> {
    /// Removes the secret file and empties the state; the mark stays, so that no old code becomes usable. The credential goes
    /// last: if this breaks off, the person is still enrolled, and not half forgotten.
    pub fn reset(&mut self, target: &Target) -> Result<Reset, ActError> {
        self.carry_out(target, |machine, store| {
            let state_was_lost = store.is_state_lost(target.uid)?;
            if state_was_lost {
                replace_state(machine, store, target)?;
            }
            // Without a state there is no lock, and no login: the first one would create the state from the credential.
            let mut locked = store.lock(target.uid)?;
            if let Some(locked) = &mut locked {
                let name = target.account.as_ref().map_or(&locked.state().name, |account| &account.name);
                locked.save(locked.state().forget(name), Durability::Flushed)?;
            }
            let had_credential = store.remove_credential(target.uid)?;
            if locked.is_none() && !had_credential {
                return Ok(Act::unchanged(Reset::NoRecord));
            }
            let more = format!(" credential={had_credential}");
            Ok(Act::done("reset", more, Reset::Done { had_credential, state_was_lost }))
        })
    }
}

/// Writes anew a state that cannot be read. Its mark is lost, so every code up to now counts as used.
fn replace_state(machine: &impl Machine, store: &Store, target: &Target) -> Result<(), ActError> {
    let name = target.account.as_ref().map_or("", |account| &account.name);
    let mark = Verification::default().window_end(&[], machine.now()?);
    Ok(store.replace_state(target.uid, State::new(name, mark))?)
}
