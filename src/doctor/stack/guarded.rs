//! The services that the policy guards by an account line.

use twostep_core::policy::{Enrollment, Gate};
use twostep_hostconf::sshd::services::services as sshd_services;

use crate::context::Context;

/// The services that need an account pam_twostep line: those of `[enrollment]` and `[gate]`.
pub(super) fn guarded(context: &Context<'_>) -> Vec<String> {
    if context.hides_policy() {
        return Vec::new();
    }
    let policy = context.policy.as_ref();
    let enrollment = policy.map_or_else(Enrollment::default, |policy| policy.enrollment.clone());
    let mut guarded = [enrollment.services, gates(context)].concat();
    if guarded.iter().any(|service| service == "sshd") {
        guarded.extend(sshd_services(context.root)); // the policy names sshd, whatever its service is
    }
    guarded
}

/// The services at which the account line refuses a login that has bypassed the code.
pub(super) fn gates(context: &Context<'_>) -> Vec<String> {
    context.policy.as_ref().map_or_else(Gate::default, |policy| policy.gate.clone()).services
}
