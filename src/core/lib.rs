//! The decisions of twostep: which user must prove what, and whether a code proves it.
//!
//! docs/ARCHITECTURE.md has the steps of a login, and a table of the storeys. The storeys are the modules below; each
//! uses only those above it. A test checks that.
//!
//! The PAM module and the command supply the conversation with the user ([`dialogue::conversation::Conversation`],
//! [`login::application::Application`]). [`machine::System`] supplies files, accounts and the clock.

#![deny(missing_docs)]

pub mod fault;
pub mod paths;
pub mod time;
pub mod zeroizing;

pub mod document;

pub mod verdict;

pub mod proof;

pub mod policy;

pub mod pam;

pub mod os;

pub mod store;

pub mod verify;

pub mod words;

pub mod dialogue;

pub mod login;

pub mod manage;

pub mod helper;

pub mod machine;

#[cfg(test)]
mod test_support;
