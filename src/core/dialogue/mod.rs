//! The dialogues with a user: the conversation, the enrollment, its screen, the QR code.

pub(crate) mod ask;
pub mod conversation;
pub mod enroll;
pub mod qr;
pub mod screen;
