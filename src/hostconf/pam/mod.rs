//! PAM's stacks: which lines libpam reads for a service, and where each way through them ends.
//!
//! Each file uses only those before it:
//!
//! ```text
//! library, module_file -> files, module_type -> modules -> pam_line -> pam_fault -> service    what libpam reads
//!                                                 -> ways, login       what it does: on every way, in one login
//! ```
//!
//! The single step of a way is the core's: `twostep_core::pam::walk`.

#[cfg(test)]
mod agreement;
pub mod files;
pub mod library;
pub mod login;
pub mod module_file;
pub mod module_type;
pub mod modules;
pub mod pam_fault;
pub mod pam_line;
pub mod service;
pub mod ways;
