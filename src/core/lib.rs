//! The decisions of twostep: who must prove what, and whether a code proves it.
//!
//! One login runs through the modules in this order, and each module uses only those above it in the list below:
//!
//! ```text
//! pam -> store.peek -> policy -> prompt -> store.lock -> re-read -> charge -> compare -> accept -> settle -> verdict -> pam
//! ```
//!
//! The PAM module and the command supply the person to talk to ([`world::Conversation`], [`world::Host`]);
//! [`machine::System`] supplies files, accounts and the clock.

pub mod time;

pub mod code;
pub mod verdict;

pub mod attempts;
pub mod policy;
pub mod totp;

pub mod os;
pub mod store;

pub mod enrollment;
pub mod qr;
pub mod verify;

pub mod audit;
pub mod world;

pub mod login;
pub mod machine;
