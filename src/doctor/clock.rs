//! The machine's clock.

use twostep_core::os::clock;
use twostep_core::time::UnixTime;
use twostep_hostconf::location::Location;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// 2026-01-01: twostep is younger, so a clock that shows less is wrong.
const OLDEST: UnixTime = UnixTime::new(1_767_225_600);

/// Checks the clock, which is this machine's and no other root's.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if !context.root.is_machine() {
        return Vec::new();
    }
    let wrong = clock::now().is_ok_and(|now| now < OLDEST).then(wrong);
    let alone = (clock::is_synchronised() == Some(false)).then(|| alone(context));
    wrong.or(alone).into_iter().collect()
}

fn wrong() -> Finding {
    Finding::problem(
        Id::MachineClockWrong,
        location(),
        "it shows a year before 2026",
        "Every code is refused: apps and machine must agree on the time.",
        Remedy::Advice { text: "Set the clock, then 'timedatectl set-ntp true' keeps it right.".to_owned() },
    )
}

fn alone(context: &Context<'_>) -> Finding {
    let tolerated = context.policy.as_ref().map(|policy| {
        let seconds =
            policy.enrollment.period.seconds().saturating_mul(policy.verification.skew_steps.into());
        format!(" by more than {seconds} s")
    });
    Finding::warning(
        Id::MachineClockNotKept,
        location(),
        "nothing keeps it right, as far as the kernel knows",
        format!("When it is off{}, right codes are refused.", tolerated.unwrap_or_default()),
        Remedy::Advice {
            text: "Install chrony or systemd-timesyncd, then 'timedatectl set-ntp true'. Where the host of a virtual machine \
                   sets its clock, all is well."
                .to_owned(),
        },
    )
}

fn location() -> Location {
    Location::file("clock")
}
