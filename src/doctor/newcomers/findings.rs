//! The sentences of the findings about users who need a second step and have none: one function a finding, named after its id.

use twostep_core::paths::POLICY;
use twostep_hostconf::location::Location;

use crate::accounts::listed;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// Why nobody can enroll in a login by a service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhyNot {
    /// `enrollment.services` does not name it.
    NotNamed,
    /// `enrollment.period` is 60, so two codes take longer than a login may.
    TooLong,
}

/// `reasons` are the services that refuse these users, and why they cannot enroll there.
pub(super) fn cannot_enroll(names: &[&str], reasons: &[(&str, WhyNot)]) -> Finding {
    let reasons: Vec<_> =
        reasons.iter().map(|(service, why_not)| format!("{service}: {}", reason(*why_not))).collect();
    Finding::problem(
        Id::UsersCannotEnroll,
        Location::file(POLICY),
        format!("these users need a second step and cannot enroll in any login: {}", list(names)),
        format!("Every login refuses them ({}).", reasons.join("; ")),
        advice(format!(
            "With each of them present, run 'twostep enroll --user {}', or let users enroll at one of these services.",
            argument(names)
        )),
    )
}

pub(super) fn no_ticket(names: &[&str]) -> Finding {
    Finding::problem(
        Id::UsersNoTicket,
        Location::file(POLICY),
        format!("these users need a second step and have no ticket to enroll: {}", list(names)),
        "enrollment.require-ticket is true: where the second step is mandatory, their logins are refused.",
        advice(format!(
            "For each of them, run 'twostep ticket {}' and give them the ticket that it prints.",
            argument(names)
        )),
    )
}

/// `service` refuses them; another service may let them enroll.
pub(super) fn cannot_enroll_here(names: &[&str], service: &str, why_not: WhyNot) -> Finding {
    let change = match why_not {
        WhyNot::NotNamed => {
            format!("add {service} to enrollment.services; then anyone with the password can enroll")
        }
        WhyNot::TooLong => "set enrollment.period to 30".to_owned(),
    };
    Finding::warning(
        Id::UsersCannotEnrollHere,
        Location::file(POLICY),
        format!("these users need a second step at {service} and cannot enroll there: {}", list(names)),
        format!("{service} refuses them: {}.", reason(why_not)),
        advice(format!("With each of them present, run 'twostep enroll --user NAME', or {change}.")),
    )
}

fn reason(why_not: WhyNot) -> &'static str {
    match why_not {
        WhyNot::NotNamed => "enrollment.services does not name it",
        WhyNot::TooLong => "enrollment.period is 60, so two codes take longer than a login may",
    }
}

fn list(names: &[&str]) -> String {
    listed(names.iter().copied())
}

/// The argument of a command: the name, if there is only one.
fn argument<'a>(names: &[&'a str]) -> &'a str {
    match names {
        [one] => one,
        _ => "NAME",
    }
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_only_user() {
        assert_eq!([argument(&["u0"]), argument(&["u0", "u1"])], ["u0", "NAME"]);
    }
}
