//! The helper: a program that is not root has it judge codes, and users without root enroll through it. Specified in
//! docs/HELPER-PROTOCOL.md.
//!
//! The client sends one [`message::HelperRequest`]. The helper ends with the result. Before that, it may ask and tell
//! the user things, as through any other [`Conversation`](crate::dialogue::conversation::Conversation).

pub mod client;
mod denial;
pub(crate) mod error;
pub mod message;
