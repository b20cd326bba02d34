//! Changes files of other programs: service files of PAM, settings of sshd. Each change can be taken back.
//!
//! Each file uses only those before it:
//!
//! ```text
//! marks, file -> plan -> journal
//! reload
//! ```

pub mod file;
pub mod journal;
pub mod marks;
pub mod plan;
pub mod reload;
