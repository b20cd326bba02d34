//! sshd: whether it uses PAM, whether it can ask for a code, and which logins need none.
//!
//! A machine may start several sshds, and run some that were started differently. Each is judged by its own settings.
//! Each file uses only those before it:
//!
//! ```text
//! fate -> findings -> setting -> pam_service -> rules, unseen;  rules -> remedy_effect;  unseen -> refusal;  these, stale -> one_sshd
//! ```

mod fate;
mod findings;
mod one_sshd;
mod pam_service;
mod refusal;
mod remedy_effect;
mod rules;
mod setting;
mod stale;
mod unseen;

use twostep_hostconf::sshd::launches::Launches;

use crate::context::{Context, Visibility};
use crate::finding::Finding;
pub(crate) use pam_service::KEYWORD as PAM_SERVICE_KEYWORD;
pub(crate) use refusal::finding as refusal_finding;

/// Checks each sshd if a PAM service that it uses has a pam_twostep line, or the service `sshd` has one.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let launches = Launches::of(context.root);
    let mut findings: Vec<_> =
        launches.known.iter().flat_map(|launch| one_sshd::check(context, launch)).collect();
    // Without root, an sshd may be hidden rather than unclear.
    if context.visibility == Visibility::Whole && pam_service::is_guarded(context, pam_service::USUAL) {
        let unclear = launches.unclear.into_iter().map(findings::settings_unknown_without_options);
        findings.extend(unclear.map(|finding| finding.about([pam_service::USUAL])));
    }
    findings
}
