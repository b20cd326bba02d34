//! Whether some user must have a second step at a service: by the policy, or by `twostep require`.

use twostep_core::policy::Mode;
use twostep_core::store::files::Store;

use crate::context::Context;

/// Whether some user must have a second step at `service`. False if the policy cannot be read.
pub(crate) fn exists(context: &Context<'_>, service: &str) -> bool {
    match context.policy.as_ref().map(|policy| policy.strictest(service, context.now)) {
        Some(Mode::Mandatory) => true,
        Some(Mode::OptIn) => is_required_of_somebody(context),
        Some(Mode::Exempt) | None => false,
    }
}

/// Whether `twostep require` was run for some user. `files` reports a store that cannot be opened.
fn is_required_of_somebody(context: &Context<'_>) -> bool {
    let Ok(store) = Store::open(context.root) else { return false };
    let uids = store.uids().map(|(uids, _)| uids).unwrap_or_default();
    uids.into_iter()
        .any(|uid| store.snapshot(uid).state.ok().flatten().is_some_and(|state| state.requirement.is_some()))
}
