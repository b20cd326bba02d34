//! Forgetting a credential, and all that belongs to it.

use crate::policy::Verification;
use crate::proof::state::State;
use crate::store::{Change, CredentialChange, Store, UncheckedRecord};

use super::act::{Act, ActError, ActLog, Acts, Target, WithStore};

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

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Removes the secret file and empties the state; the mark stays, so that no old code becomes usable. The credential goes
    /// last: if this breaks off, the person is still enrolled, and not half forgotten.
    pub fn reset(&mut self, target: &Target) -> Result<Reset, ActError> {
        self.carry_out(target, |machine, store| {
            let name = target.account.as_ref().map(|account| account.name.as_str());
            // Its mark is lost, so every code up to now counts as used.
            let fresh =
                State::new(name.unwrap_or_default(), Verification::default().window_end(&[], machine.now()?));
            let state_was_lost = store.replace_lost_state(target.uid, fresh)?;
            let Some(record) = store.open_unchecked(target.uid)? else {
                return Ok(Act::unchanged(Reset::NoRecord));
            };
            record.change(|stored| {
                let state = stored.state.clone()?.map(|state| state.forget(name.unwrap_or(&state.name)));
                let had_credential = !matches!(stored.credential, Ok(None));
                let change = Change { state, credential: CredentialChange::Removed };
                let more = format!(" credential={had_credential}");
                Ok((change, Act::done("reset", more, Reset::Done { had_credential, state_was_lost })))
            })
        })
    }
}
