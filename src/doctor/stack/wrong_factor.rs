//! A wrong password that reaches the pam_twostep line, and its remedy.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::ways::{Arrival, Ways};

use super::asking::{Stack, asks_first_factor};
use super::bypass::{include_to_unfold, unfold};
use super::findings::auth_lines::{self as findings, WrongPassword};
use super::text::{deny, jumping};
use crate::finding::{Finding, Remedy};

/// The finding, if a wrong first factor reaches the pam_twostep line.
pub(crate) fn finding(stack: &Stack<'_>, ways: &Ways) -> Option<Finding> {
    let worst = worst(&ways.arrivals)?;
    let then = match silent_module(stack) {
        _ if worst.refused => WrongPassword::IsRefused,
        Some(module) => WrongPassword::IsRefusedUnlessSilent(module),
        None => WrongPassword::GetsIn,
    };
    let past = worst.facts.went_past.and_then(|at| stack.entries.get(at)).map(|line| &line.location);
    let remedy = remedy(stack, worst);
    Some(findings::wrong_password_reaches_code(stack.our_location(), past, &then, remedy))
}

/// The module that checks the password, if its line refuses a wrong one: then only PAM_IGNORE of the module lets one
/// through.
fn silent_module<'a>(stack: &'a Stack<'_>) -> Option<&'a str> {
    let factor = stack.before().iter().rfind(|line| asks_first_factor(line))?;
    let refuses = matches!(factor.control.on(ReturnValue::AUTH_ERR), Action::Bad | Action::Die);
    refuses.then(|| factor.module())
}

/// The worst path: if there is one, a path on which only the password decides.
fn worst(arrivals: &[Arrival]) -> Option<Arrival> {
    let unproved = || arrivals.iter().filter(|arrival| !arrival.facts.proved && !arrival.facts.is_root);
    unproved().min_by_key(|arrival| (arrival.facts.went_past.is_some(), arrival.refused)).copied()
}

fn remedy(stack: &Stack<'_>, worst: Arrival) -> Option<Remedy> {
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

/// Whether only a wrong password reaches the pam_twostep line.
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

/// `requisite` ends the stack. A line that jumps on success gets a refusing line to jump over. So does a `requisite`
/// line, whose module may return PAM_IGNORE.
fn without_deny(factor: &PamLine) -> Remedy {
    let jumps = matches!(factor.control.on(ReturnValue::SUCCESS), Action::Jump(_));
    let text = if jumps || factor.control.on(ReturnValue::AUTH_ERR) == Action::Die {
        format!("{}\n{}", jumping(factor, 1), deny())
    } else {
        factor.with_control("requisite")
    };
    Remedy::Replace { location: factor.location.clone(), text }
}
