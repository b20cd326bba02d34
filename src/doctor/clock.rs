//! The clock of the machine.

use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::store::files::Store;
use twostep_core::time::UnixTime;
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// 2026-01-01: twostep is younger, so a clock that shows less is wrong.
const OLDEST: UnixTime = UnixTime::new(1_767_225_600);

/// In seconds. A clock that nothing keeps may lose a second or more a day.
const CONFIRMED_FOR: u64 = 7 * 86_400;

/// Only on the machine itself: another root has no clock.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if !context.root.is_machine() {
        return Vec::new();
    }
    let wrong = clock::now().is_ok_and(|now| now < OLDEST).then(clock_wrong);
    let is_not_kept = clock::is_synchronised() == Some(false) && !is_confirmed(context);
    let tolerance = context.policy.as_ref().map(|policy| {
        policy.enrollment.period.seconds().saturating_mul(policy.verification.skew_steps.into())
    });
    wrong.or(is_not_kept.then(|| clock_not_kept(tolerance, keeper(context.root)))).into_iter().collect()
}

/// A program that keeps the clock right, and the command that shows its state.
#[derive(Clone, Copy)]
struct Keeper {
    file: &'static str,
    name: &'static str,
    status: &'static str,
}

const KEEPERS: [Keeper; 3] = [
    Keeper { file: "/usr/sbin/chronyd", name: "chrony", status: "chronyc tracking" },
    Keeper { file: "/usr/sbin/ntpd", name: "ntpd", status: "ntpq -p" },
    Keeper {
        file: "/usr/lib/systemd/systemd-timesyncd",
        name: "systemd-timesyncd",
        status: "timedatectl timesync-status",
    },
];

/// The program that is installed; none if there is none.
fn keeper(root: &Root) -> Option<Keeper> {
    KEEPERS.into_iter().find(|keeper| tree::resolve(root, keeper.file).is_some_and(|real| real.exists()))
}

/// Whether a code was accepted in the last days: then the clock was as right as the user's phone. True if this process may not read
/// that.
fn is_confirmed(context: &Context<'_>) -> bool {
    if context.visibility == Visibility::Public {
        return true;
    }
    let Ok(store) = Store::open(context.root) else { return false };
    let uids = store.uids().map(|(uids, _)| uids).unwrap_or_default();
    let marks = uids.into_iter().filter_map(|uid| Some(store.snapshot(uid).state.ok()??.mark));
    confirms(marks, context.now)
}

/// Whether one of these last accepted codes confirms the clock at `now`. A code dated in the future does not.
fn confirms(mut marks: impl Iterator<Item = UnixTime>, now: UnixTime) -> bool {
    marks.any(|mark| now.since(mark).is_some_and(|age| age <= CONFIRMED_FOR))
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
fn clock_not_kept(tolerance: Option<u64>, keeper: Option<Keeper>) -> Finding {
    let by = tolerance.map_or_else(String::new, |seconds| format!(" by more than {seconds} s"));
    Finding::warning(
        Id::MachineClockNotKept,
        location(),
        "no time synchronization detected, and no code was accepted in the last 7 days",
        format!("If the clock is off{by}, right codes are refused."),
        Remedy::Advice {
            text: format!("{} Ignore this on a virtual machine whose host sets the clock.", remedy(keeper)),
        },
    )
}

fn remedy(keeper: Option<Keeper>) -> String {
    match keeper {
        Some(Keeper { name, status, .. }) => format!(
            "{name} is installed and has not synchronized the clock: '{status}' says why. If it does not run, \
             'timedatectl set-ntp true' starts it."
        ),
        None => "Install chrony or systemd-timesyncd, then run 'timedatectl set-ntp true'.".to_owned(),
    }
}

fn location() -> Location {
    Location::file("clock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_time_service_that_is_installed() {
        assert!(remedy(None).starts_with("Install chrony or systemd-timesyncd"));
        for keeper in KEEPERS {
            let text = remedy(Some(keeper));
            assert!(text.starts_with(keeper.name) && text.contains(keeper.status), "{text}");
            assert!(!text.contains("Install"), "{text}");
        }
    }

    #[test]
    fn accepted_code_confirms_clock_for_a_week() {
        let now = 1_800_000_000;
        let table: [(&[u64], bool); 6] = [
            (&[], false),
            (&[0], false),
            (&[now], true),
            (&[now - CONFIRMED_FOR], true),
            (&[now - CONFIRMED_FOR - 1], false),
            (&[now - CONFIRMED_FOR - 1, now + 1], false),
        ];
        for (marks, expected) in table {
            let marks = marks.iter().map(|&mark| UnixTime::new(mark));
            assert_eq!(
                confirms(marks.clone(), UnixTime::new(now)),
                expected,
                "{:?}",
                marks.collect::<Vec<_>>()
            );
        }
    }
}
