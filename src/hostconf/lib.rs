//! The settings of other programs: what libpam, sshd and the kernel read on this machine, and what they do with it.
//!
//! Only facts stand here. Nothing here says whether a setting is good, and nothing here changes one.
//!
//! `pam` and `sshd` do not know each other. Both read by `tree` and name what they read by `location`.
#![deny(missing_docs)]

pub mod location;
pub mod login_defs;
pub mod mounts;
pub mod pam;
pub mod sshd;
pub mod tree;
