//! Users who must have a second step and have none: whether they can enroll in a login.

use std::collections::BTreeSet;

use twostep_core::paths::POLICY;
use twostep_core::policy::{Mode, Policy};
use twostep_core::proof::state::State;
use twostep_core::store::files::Store;
use twostep_core::time::Period;
use twostep_hostconf::location::Location;
use twostep_hostconf::login_defs;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::people::{Local, People, listed};
use crate::stack;
use crate::ways_in::WaysIn;

/// The services by which users log in, whatever the policy names.
const DOORS: [&str; 2] = ["sshd", "login"];

/// Checks whether these users can enroll. Another check reports a store that cannot be opened.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(policy), Ok(store)) = (&context.policy, Store::open(context.root)) else { return Vec::new() };
    let newcomers = newcomers(context, policy, &store);
    let shuts = |door: &Door| door.refuses && door.why_not.is_some();
    let (never, others): (Vec<_>, Vec<_>) = newcomers.iter().partition(|one| one.doors.iter().all(shuts));
    let each = DOORS.into_iter().filter_map(|service| shut_out(policy, &others, service));
    [no_door(&never), no_ticket(policy, &others)].into_iter().flatten().chain(each).collect()
}

/// A user who must have a second step at one service or more, and has none.
struct Newcomer {
    name: String,
    has_ticket: bool,
    /// The services that ask for a code.
    doors: Vec<Door>,
}

/// A service that asks for a code, for one user.
struct Door {
    service: String,
    /// Whether it refuses the user without a second step.
    refuses: bool,
    /// Why nobody can enroll in a login there; none if users can.
    why_not: Option<WhyNot>,
}

/// Why nobody can enroll in a login by a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhyNot {
    NotNamed,
    TooLong,
}

impl WhyNot {
    fn at(policy: &Policy, service: &str) -> Option<Self> {
        if !policy.enrollment.services.iter().any(|one| one == service) {
            return Some(Self::NotNamed);
        }
        (policy.enrollment.period != Period::DEFAULT).then_some(Self::TooLong)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::NotNamed => "enrollment.services does not name it",
            Self::TooLong => "enrollment.period is 60, and two codes then take longer than a login may",
        }
    }

    /// What would let people enroll there.
    fn way(self, service: &str) -> String {
        match self {
            Self::NotNamed => format!("name {service} there; then anyone with the password can enroll"),
            Self::TooLong => "set it to 30".to_owned(),
        }
    }
}

fn newcomers(context: &Context<'_>, policy: &Policy, store: &Store) -> Vec<Newcomer> {
    let services: BTreeSet<&str> =
        policy.enrollment.services.iter().map(String::as_str).chain(DOORS).collect();
    let asks = |service: &&str| stack::guard(context, service).asks.is_some();
    let guarded: Vec<_> = services.into_iter().filter(asks).collect();
    let people = People::of(context.root);
    let has_none = |one: &Local| matches!(store.has_credential(one.uid), Ok(false));
    let ways_in = WaysIn::of(context.root, &guarded);
    let persons =
        persons(context).unwrap_or_default().into_iter().filter(|one| has_none(one) && ways_in.lets_in(one));
    let newcomers = persons.map(|one| {
        let state = store.snapshot(one.uid).state.ok().flatten();
        let refuses = |service: &str| match people.mode(policy, &one.name, service, context.now) {
            Mode::Mandatory => true,
            Mode::OptIn => matches!(state, Some(State { required: true, .. })),
            Mode::Exempt => false,
        };
        let door = |service: &&str| Door {
            service: (*service).to_owned(),
            refuses: refuses(service),
            why_not: WhyNot::at(policy, service),
        };
        let ticket = state.as_ref().and_then(|state| state.ticket);
        let has_ticket = ticket.is_some_and(|ticket| ticket.tries > 0 && ticket.expires > context.now);
        Newcomer { doors: guarded.iter().map(door).collect(), name: one.name, has_ticket }
    });
    newcomers.filter(|one| one.doors.iter().any(|door| door.refuses)).collect()
}

/// Users whom every service refuses, and who can enroll at none.
fn no_door(never: &[&Newcomer]) -> Option<Finding> {
    let doors = &never.first()?.doors;
    let why: Vec<_> = doors
        .iter()
        .filter_map(|door| Some(format!("{}: {}", door.service, door.why_not?.words())))
        .collect();
    Some(Finding::problem(
        Id::UsersCannotEnroll,
        Location::file(POLICY),
        format!("these users need a second step and cannot set it up in any login: {}", names_of(never)),
        format!("Every login refuses them ({}).", why.join("; ")),
        Remedy::Advice {
            text: format!(
                "With each of them present, run 'twostep enroll --user {}', or let users enroll at one of these services.",
                name_of(never)
            ),
        },
    ))
}

/// Users who need a ticket, and have no valid one.
fn no_ticket(policy: &Policy, others: &[&Newcomer]) -> Option<Finding> {
    let without: Vec<_> = others.iter().copied().filter(|one| !one.has_ticket).collect();
    if !policy.enrollment.require_ticket || without.is_empty() {
        return None;
    }
    Some(Finding::problem(
        Id::UsersNoTicket,
        Location::file(POLICY),
        format!(
            "these users need a second step and have no ticket with which to set it up: {}",
            names_of(&without)
        ),
        "enrollment.require-ticket is true: where the second step is mandatory, their logins are refused.",
        Remedy::Advice {
            text: format!(
                "Run 'twostep ticket {}' for each of them, and give them the ticket that it prints.",
                name_of(&without)
            ),
        },
    ))
}

/// Users whom `service` refuses, and who cannot enroll there, though perhaps at another.
fn shut_out(policy: &Policy, others: &[&Newcomer], service: &str) -> Option<Finding> {
    let is_shut = |door: &Door| door.service == service && door.refuses && door.why_not.is_some();
    let shut: Vec<_> = others.iter().copied().filter(|one| one.doors.iter().any(is_shut)).collect();
    let why = WhyNot::at(policy, service).filter(|_| !shut.is_empty())?;
    Some(Finding::warning(
        Id::UsersCannotEnrollHere,
        Location::file(POLICY),
        format!(
            "these users need a second step at {service} and cannot set it up there: {}",
            names_of(&shut)
        ),
        format!("{service} refuses them: {}.", why.words()),
        Remedy::Advice {
            text: format!("With each of them, run 'twostep enroll --user NAME', or {}.", why.way(service)),
        },
    ))
}

/// The accounts of people, and root.
fn persons(context: &Context<'_>) -> Option<Vec<Local>> {
    let first = login_defs::uid_min(context.root);
    let mut local = People::of(context.root).local()?;
    local.retain(|one| one.has_login_shell() && (one.uid == 0 || one.uid >= first));
    Some(local)
}

fn names_of(newcomers: &[&Newcomer]) -> String {
    listed(newcomers.iter().map(|one| one.name.as_str()))
}

/// What stands for a name in a command: the name, if there is but one.
fn name_of<'a>(newcomers: &[&'a Newcomer]) -> &'a str {
    match newcomers {
        [one] => &one.name,
        _ => "NAME",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_a_user_who_is_the_only_one() {
        let newcomer = |number| Newcomer { name: format!("u{number}"), has_ticket: false, doors: Vec::new() };
        let newcomers: Vec<_> = (0..2).map(newcomer).collect();
        let newcomers: Vec<_> = newcomers.iter().collect();
        assert_eq!([name_of(&newcomers[..1]), name_of(&newcomers)], ["u0", "NAME"]);
    }
}
