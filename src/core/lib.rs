//! The decisions of twostep: who must prove what, and whether a code proves it.
//!
//! One login takes this line; each module uses only those above it in the list below:
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
//! The PAM module and the command supply the person to talk to ([`dialogue::conversation::Conversation`],
//! [`login::application::Host`]);
//! [`machine::System`] supplies files, accounts and the clock.
#![deny(missing_docs)]

pub mod fault;
pub mod paths;
pub mod time;

pub mod verdict;

pub mod proof;

pub mod policy;

pub mod pam;

pub mod os;

pub mod store;

pub mod verify;

pub mod dialogue;

pub mod login;

pub mod manage;

pub mod helper;

pub mod machine;

#[cfg(test)]
mod test_support;
