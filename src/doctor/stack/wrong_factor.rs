//! A wrong password that comes to twostep, and what mends it.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::ways::{Arrival, Ways};

use super::asking::{Stack, asks_first_factor};
use super::bypass::{include_to_unfold, unfold};
use super::text::{deny, jumping};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What is wrong, if a wrong first factor comes to our line.
pub(crate) fn finding(stack: &Stack<'_>, ways: &Ways) -> Option<Finding> {
    let worst = worst(&ways.arrivals)?;
    let strangers = "Strangers can use up somebody's tries, and see from the question who is enrolled.";
    let why = match silent_module(stack) {
        _ if worst.refused => strangers.to_owned(),
        Some(module) => format!("{strangers} If {module} says nothing of a user, the code alone lets in."),
        None => "Whoever knows no password gets in with a code alone.".to_owned(),
    };
    let what = match worst.facts.went_past.and_then(|at| stack.entries.get(at)) {
        Some(past) => format!("a wrong password comes to this line, past {}", past.location),
        None => "a wrong password comes to this line".to_owned(),
    };
    let remedy = mend(stack, worst).unwrap_or_else(|| Remedy::Advice {
        text:
            "Put 'auth requisite pam_deny.so' where a wrong password goes, and let a right one jump over it."
                .to_owned(),
    });
    Some(Finding::problem(Id::PamWrongPasswordReachesCode, stack.our_location(), what, why, remedy))
}

/// The module that checks the password, if the login is refused when it says that the password is wrong: only its silence
/// lets a wrong one through.
fn silent_module<'a>(stack: &'a Stack<'_>) -> Option<&'a str> {
    let factor = stack.before().iter().rfind(|line| asks_first_factor(line))?;
    let refuses = matches!(factor.control.on(ReturnValue::AUTH_ERR), Action::Bad | Action::Die);
    refuses.then(|| factor.module())
}

/// The way that says most: one on which nothing but the password decides.
fn worst(arrivals: &[Arrival]) -> Option<Arrival> {
    let unproved = || arrivals.iter().filter(|arrival| !arrival.facts.proved && !arrival.facts.is_root);
    unproved().min_by_key(|arrival| (arrival.facts.went_past.is_some(), arrival.refused)).copied()
}

fn mend(stack: &Stack<'_>, worst: Arrival) -> Option<Remedy> {
    if let Some(past) = worst.facts.went_past.and_then(|at| stack.entries.get(at)) {
        return Some(Remedy::Delete { location: past.location.clone() });
    }
    let factor = stack.before().iter().rposition(asks_first_factor)?;
    let between = stack.entries.get(factor.saturating_add(1)..stack.ours).unwrap_or_default();
    let denies = between.iter().position(|line| line.role() == Role::Deny);
    let factor_line = stack.entries.get(factor)?;
    if let Some(location) = include_to_unfold(stack, factor_line) {
        return unfold(stack, location);
    }
    match denies.and_then(|at| Some((at, between.get(at)?))) {
        Some((at, denies)) => Some(behind_deny(factor_line, denies, at.saturating_add(1))),
        None if jumps_over_us(stack, factor) => stack.move_behind_password(),
        None => Some(without_deny(factor_line)),
    }
}

/// Whether our line stands where only a wrong password comes.
fn jumps_over_us(stack: &Stack<'_>, factor: usize) -> bool {
    let jump = stack.entries.get(factor).map(|line| line.control.on(ReturnValue::SUCCESS));
    matches!(jump, Some(Action::Jump(lines)) if factor.saturating_add(lines) >= stack.ours)
}

fn behind_deny(factor: &PamLine, denies: &PamLine, lines: usize) -> Remedy {
    if denies.control.on(ReturnValue::AUTH_ERR) == Action::Die {
        return Remedy::Replace { location: factor.location.clone(), text: jumping(factor, lines) };
    }
    Remedy::Replace { location: denies.location.clone(), text: deny() }
}

/// `requisite` ends the stack. Where a yes jumps, it gets the line to jump over, and where the line is `requisite` and the
/// module says nothing, one that catches the silence.
fn without_deny(factor: &PamLine) -> Remedy {
    let jumps = matches!(factor.control.on(ReturnValue::SUCCESS), Action::Jump(_));
    let text = if jumps || factor.control.on(ReturnValue::AUTH_ERR) == Action::Die {
        format!("{}\n{}", jumping(factor, 1), deny())
    } else {
        factor.with_control("requisite")
    };
    Remedy::Replace { location: factor.location.clone(), text }
}
