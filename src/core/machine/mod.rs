//! The real machine: the files below a root, the name service, the clock.

mod helper;
mod local;
mod system;

pub use helper::HelperMachine;
pub use local::LocalMachine;
pub use system::System;
