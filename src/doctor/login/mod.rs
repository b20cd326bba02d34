//! One login as it really is, for `twostep policy explain`: the lines that libpam reads for a service, and what sshd asks for before.
//!
//! The policy says who needs a code. Whether a code is asked for depends on both.

pub mod pam;
pub mod sshd;
