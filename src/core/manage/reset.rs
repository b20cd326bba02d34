//! Removes a credential and the facts that belong to it.

use crate::policy::Verification;
use crate::proof::state::State;
use crate::store::{Change, CredentialChange, Store, UncheckedRecord};

use super::act::{Act, ActError, ActLog, Acts, Target, WithStore};

/// The result of a reset.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    /// There was no record.
    NoRecord,
    /// Everything was removed, except the mark and an administrator's requirement.
    Done {
        /// Whether there was a credential.
        had_credential: bool,
        /// Whether the state could not be read, so that requirement and mark were lost.
        state_was_lost: bool,
    },
}

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Removes the secret file and empties the state. The mark stays, so that no old code becomes valid again. The
    /// credential goes last: if this is interrupted, the user is still enrolled, and not half removed.
    pub fn reset(&mut self, target: &Target) -> Result<Reset, ActError> {
        self.carry_out(target, |machine, store| {
            let name = target.account.as_ref().map(|account| account.name.as_str());
            // The mark of this state is lost, so every code up to now counts as used.
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
