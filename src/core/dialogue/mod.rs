//! Talking to a person: the conversation, the dialogue in which somebody enrolls, the QR code.

pub mod conversation;
pub mod enroll;
pub mod qr;
