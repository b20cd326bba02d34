//! The settings of other programs: what libpam, sshd, sudo, the C library and the kernel read on this machine, and what they do
//! with it.
//!
//! It holds facts: it does not judge a setting, and changes none.
//!
//! `pam` and `sshd` do not use each other. All read by `tree` and name what they read by `location`.

pub mod become_root;
pub mod elf;
pub mod location;
pub mod logged_in;
pub mod login_defs;
pub mod mounts;
pub mod nsswitch;
pub mod pam;
pub mod program;
pub mod shell;
pub mod sshd;
pub mod sudoers;
pub mod tree;
