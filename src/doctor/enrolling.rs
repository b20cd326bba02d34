//! Enrollment inside a login: whether it happens at all, and how long people need for it.

use twostep_core::time::Period;

use crate::context::Context;
use crate::obligation;

/// Seconds that people get: two codes come up to a minute apart, and the recovery codes want to be written down.
pub(crate) const TIME_TO_ENROLL: u64 = 300;

/// What happens to whoever is not done in time.
pub(crate) const WHY_SHORT: &str = "Enrolling takes a minute or two, and more with the recovery codes to write down. Whoever is cut off has to begin \
                             anew.";

/// Whether anybody may come to enroll in a login by `service`; not if the policy cannot be read.
pub(crate) fn is_possible(context: &Context<'_>, service: &str) -> bool {
    context.policy.as_ref().is_some_and(|policy| {
        let enrolls = policy.enrollment.services.iter().any(|one| one == service);
        enrolls && policy.enrollment.period == Period::DEFAULT && obligation::exists(context, service)
    })
}
