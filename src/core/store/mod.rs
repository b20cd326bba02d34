//! What is stored for each account: a credential and a state.

mod error;
pub mod files;
pub mod not_theirs;

use crate::proof::state::State;
use crate::verdict::Denial;

use files::credential::Credential;

pub use error::{StateError, StoreError};

/// What a write must survive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The death of this process.
    Written,
    /// The loss of power.
    Flushed,
}

/// A locked state: what `verify` judges a ticket against.
pub trait StateRecord {
    /// The state as it was last saved.
    fn state(&self) -> &State;
    /// Saves the next state.
    fn save(&mut self, next: State, how: Durability) -> Result<(), Denial>;
}

/// A locked state with its credential: what `verify` judges a code against.
pub trait Record: StateRecord {
    /// The credential as it was read under the lock.
    fn credential(&self) -> &Credential;
}
