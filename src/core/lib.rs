//! The decisions of twostep: who must prove what, and whether a code proves it.
//!
//! One login runs through the modules in this order, and each module uses only those above it in the list below:
//!
//! ```text
//! pam -> store.peek -> policy -> prompt -> store.lock -> re-read -> charge -> compare -> accept -> settle -> verdict -> pam
//! ```
//!
//! A login in which somebody enrolls has a second half, in PAM's account phase:
//!
//! ```text
//! pam -> store.peek -> policy -> dialogue -> kept on the handle | account phase -> store.lock -> state -> secret -> pam
//! ```
//!
//! The PAM module and the command supply the person to talk to ([`conversation::Conversation`], [`world::Host`]);
//! [`machine::System`] supplies files, accounts and the clock.

pub mod time;

pub mod code;
pub mod foreign;
pub mod forward;
pub mod verdict;

pub mod conversation;
pub mod recovery;
pub mod ticket;

pub mod attempts;
pub mod totp;

pub mod policy;
pub mod stack;

pub mod os;
pub mod store;

pub mod failure;
pub mod standing;

pub mod enrollment;
pub mod qr;
pub mod remote;
pub mod verify;

pub mod audit;
pub mod world;

mod visit;

pub mod account;
pub mod login;

pub mod machine;
pub mod manage;

#[cfg(test)]
mod doubles;
