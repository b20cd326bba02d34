//! Properties that hold for any input. For each kind of foreign bytes one function takes any bytes, and panics if a promise
//! is broken.
//!
//! `tests/corpus.rs` calls them with every file below `fuzz/corpus`. libFuzzer calls them through `fuzz/targets`.
//! docs/FUZZING.md lists the promises.

mod authenticate;
mod code;
mod doctor;
mod import;
mod log;
mod policy;
mod protocol;
mod request;
mod secret;
mod sections;
mod stack;
mod state;
mod ticket;

mod totp;
mod uri;

pub use authenticate::authenticate;
pub use code::code;
pub use doctor::doctor;
pub use import::import;
pub use log::log;
pub use policy::policy;
pub use protocol::protocol;
pub use request::request;
pub use secret::secret;
pub use stack::stack;
pub use state::state;
pub use ticket::ticket;
pub use uri::uri;
