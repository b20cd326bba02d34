//! The helper: how a program that is not root has its codes judged, and people without root enroll. Specified in
//! docs/HELPER-PROTOCOL.md.
//!
//! The client sends one [`message::HelperRequest`]. The helper ends with what came of it; before, it may ask and tell the person
//! things, as through any other [`Conversation`](crate::dialogue::conversation::Conversation).

pub mod client;
mod denial;
pub(crate) mod error;
pub mod message;
