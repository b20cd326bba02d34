//! What is stored for each account: a credential and a state.

pub mod files;

use crate::proof::state::State;
use crate::verdict::Denial;

use files::credential::Credential;

/// What a write must survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The death of this process.
    Written,
    /// The loss of power.
    Flushed,
}

/// One locked record: what `verify` works on.
pub trait Record {
    /// The authenticators.
    fn credential(&self) -> &Credential;
    /// The state as it was last saved.
    fn state(&self) -> &State;
    /// Saves the next state.
    fn save(&mut self, next: State, how: Durability) -> Result<(), Denial>;
}
