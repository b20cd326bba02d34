//! Enrollment during login: whether it can happen, and how long users need for it.

use twostep_core::time::Period;
use twostep_hostconf::location::Location;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::obligation;

/// In seconds: two codes are up to a minute apart, and the user writes down the recovery codes.
pub(crate) const TIME_TO_ENROLL: u64 = 300;

/// Whether some user may enroll in a login by `service`. False if the policy cannot be read.
pub(crate) fn is_possible(context: &Context<'_>, service: &str) -> bool {
    context.policy.as_ref().is_some_and(|policy| {
        let enrolls = policy.enrollment.services.iter().any(|one| one == service);
        enrolls && policy.enrollment.period == Period::DEFAULT && obligation::exists(context, service)
    })
}

/// `setting` of sshd or login(1) ends a login after `seconds`.
pub(crate) fn too_little_time(location: Location, setting: &str, seconds: u64, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::UsersTooLittleTime,
        location,
        format!("{setting} is {seconds} s: too short to enroll during login"),
        "Enrollment takes a minute or two, and longer to write down the recovery codes. Users who are cut off must start again.",
        remedy,
    )
}
