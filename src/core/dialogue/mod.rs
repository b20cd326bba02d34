//! Talking to a person: the conversation, the dialogue in which somebody enrolls, the QR code.

pub(crate) mod ask;
pub mod conversation;
pub mod enroll;
pub mod qr;
