//! The clock of the machine.

use twostep_core::os::clock;
use twostep_core::time::UnixTime;
use twostep_hostconf::location::Location;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// 2026-01-01: twostep is younger, so a clock that shows less is wrong.
const OLDEST: UnixTime = UnixTime::new(1_767_225_600);

/// Only on the machine itself: another root has no clock.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if !context.root.is_machine() {
        return Vec::new();
    }
    let wrong = clock::now().is_ok_and(|now| now < OLDEST).then(clock_wrong);
    let is_not_kept = clock::is_synchronised() == Some(false);
    let tolerance = context.policy.as_ref().map(|policy| {
        policy.enrollment.period.seconds().saturating_mul(policy.verification.skew_steps.into())
    });
    wrong.or(is_not_kept.then(|| clock_not_kept(tolerance))).into_iter().collect()
}

fn clock_wrong() -> Finding {
    Finding::problem(
        Id::MachineClockWrong,
        location(),
        "it shows a year before 2026",
        "Codes depend on the time, so every code is refused.",
        Remedy::Advice {
            text: "Set the clock, then run 'timedatectl set-ntp true' to keep it right.".to_owned(),
        },
    )
}

/// `tolerance`, in seconds, is how far the clock may be off; none if the policy is not known.
fn clock_not_kept(tolerance: Option<u64>) -> Finding {
    let by = tolerance.map_or_else(String::new, |seconds| format!(" by more than {seconds} s"));
    Finding::warning(
        Id::MachineClockNotKept,
        location(),
        "no time synchronization detected",
        format!("If the clock is off{by}, right codes are refused."),
        Remedy::Advice {
            text: "Install chrony or systemd-timesyncd, then run 'timedatectl set-ntp true'. Ignore this on a virtual machine \
                   whose host sets the clock."
                .to_owned(),
        },
    )
}

fn location() -> Location {
    Location::file("clock")
}
