//! The real machine: the files below a root, the name service, the clock.

mod helper;
mod local;
mod roster;
mod system;

pub use helper::HelperMachine;
pub use local::LocalMachine;
pub use roster::Roster;
pub use system::System;
