//! What holds whatever comes in: for each kind of foreign bytes one function that takes any and panics if a promise is broken.
//!
//! `tests/corpus.rs` calls them with every file below `fuzz/corpus`, as a plain test; `fuzz/targets` lets libFuzzer call
//! them. docs/FUZZING.md says what each promises.

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
