//! sshd: whether it comes to PAM at all, whether it can ask there, and who gets in without.
//!
//! A machine may start several sshds, and run some that were started otherwise: each is judged by its own settings. Each file
//! uses only those before it:
//!
//! ```text
//! fate, setting -> pam_service -> rules, unseen;  rules -> doors;  unseen -> refusal;  these, stale -> one_sshd
//! ```

mod doors;
mod fate;
mod one_sshd;
mod pam_service;
mod refusal;
mod rules;
mod setting;
mod stale;
mod unseen;

use twostep_hostconf::sshd::launches::Launches;

use crate::context::{Context, Visibility};
use crate::finding::Finding;

/// Checks each sshd, as far as its PAM service or that of another one has a line of ours.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let launches = Launches::of(context.root);
    let mut findings: Vec<_> =
        launches.known.iter().flat_map(|launch| one_sshd::check(context, launch)).collect();
    // Others cannot see whether it is unclear, or only hidden from them.
    if context.visibility == Visibility::Whole && pam_service::is_guarded(context, pam_service::USUAL) {
        findings.extend(launches.unclear.into_iter().map(unseen::options));
    }
    findings
}
