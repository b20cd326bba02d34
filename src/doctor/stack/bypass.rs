//! A line that lets users in before ours is reached, and its remedy.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;

use super::asking::{Stack, asks_first_factor};
use super::findings::auth_lines::{self as findings, Skip};
use super::text::{deny, jumping, permit};
use super::unfold::unfolded;
use crate::finding::{Finding, Remedy};

/// The finding for the line with the index `culprit`.
pub(crate) fn finding(stack: &Stack<'_>, culprit: usize) -> Option<Finding> {
    let line = stack.entries.get(culprit)?;
    let skip = match line.control.on(ReturnValue::SUCCESS) {
        _ if line.role() == Role::Root => Skip::AcceptsRoot,
        Action::Done => Skip::EndsStack,
        Action::Ok | Action::Bad | Action::Die | Action::Ignore | Action::Reset | Action::Jump(_) => {
            Skip::Jumps
        }
    };
    let remedy = remedy(stack, culprit);
    Some(findings::line_can_be_skipped(line, &skip, &stack.our_location(), remedy))
}

fn remedy(stack: &Stack<'_>, culprit: usize) -> Option<Remedy> {
    let line = stack.entries.get(culprit)?;
    let ends = matches!(line.control.on(ReturnValue::SUCCESS), Action::Done);
    match line.role() {
        Role::Factor | Role::Counter => match include_to_unfold(stack, line) {
            Some(location) => unfold(stack, location),
            None if ends => end_to_jump(stack, culprit),
            None => shorten(stack, culprit),
        },
        Role::Condition | Role::Quiet | Role::SshdAccepted if !ends => shorten(stack, culprit),
        Role::Condition | Role::Quiet | Role::SshdAccepted | Role::Root | Role::Permit => {
            Some(Remedy::Delete { location: line.location.clone() })
        }
        Role::Deny | Role::Ours => None,
    }
}

/// The `include` or `substack` in the pam_twostep line's file that includes `line`. None for `@include`: the included
/// file is made to be edited.
pub(crate) fn include_to_unfold(stack: &Stack<'_>, line: &PamLine) -> Option<Location> {
    let file = stack.our_location().file;
    line.trail.iter().find(|step| step.location.file == file && !step.whole).map(|step| step.location.clone())
}

/// Replaces an include with the lines that it includes.
pub(crate) fn unfold(stack: &Stack<'_>, location: Location) -> Option<Remedy> {
    let within = |line: &&PamLine| line.trail.iter().any(|step| step.location == location);
    let included: Vec<_> = stack.entries.iter().filter(within).collect();
    Some(Remedy::Replace { text: unfolded(&included)?, location })
}

/// Turns a `sufficient` first factor into a jump over a line that refuses. The refusing line, with a permitting line
/// after it, is written first, so that the file is safe after each step.
fn end_to_jump(stack: &Stack<'_>, culprit: usize) -> Option<Remedy> {
    let line = stack.entries.get(culprit)?;
    let beside = |other: &PamLine| other.level == line.level;
    let rest = || (culprit..stack.ours).skip(1).filter_map(|at| Some((at, stack.entries.get(at)?)));
    let Some((at, denies)) = rest().find(|(_, other)| beside(other) && other.role() == Role::Deny) else {
        let factor = rest().rfind(|(_, other)| asks_first_factor(other)).map_or(line, |(_, other)| other);
        return denied_after(stack, factor);
    };
    let next = stack.entries.get(at.saturating_add(1)).filter(|other| beside(other));
    let ready = denies.control.on(ReturnValue::AUTH_ERR) == Action::Die
        && next.is_some_and(|other| other.role() == Role::Permit);
    let (location, text) = if ready {
        (line.location.clone(), jumping(line, at.saturating_sub(culprit)))
    } else {
        (denies.location.clone(), format!("{}\n{}", deny(), permit()))
    };
    Some(Remedy::Replace { location, text })
}

/// Puts the refusing line after the last first factor, once that is in the pam_twostep line's file.
fn denied_after(stack: &Stack<'_>, factor: &PamLine) -> Option<Remedy> {
    if let Some(location) = include_to_unfold(stack, factor) {
        return unfold(stack, location);
    }
    let text = format!("{}\n{}\n{}", jumping(factor, 1), deny(), permit());
    Some(Remedy::Replace { location: factor.location.clone(), text })
}

/// Shortens a jump so that it reaches the pam_twostep line. If no line is left to jump over, the pam_twostep line is in
/// the wrong place, or the jump has no purpose.
fn shorten(stack: &Stack<'_>, culprit: usize) -> Option<Remedy> {
    let line = stack.entries.get(culprit)?;
    let between = stack.entries.get(culprit.saturating_add(1)..stack.ours)?;
    let lines = between.iter().filter(|other| other.level == line.level).count();
    // The last one is the substack in which the pam_twostep line is, if it is in one.
    let within = stack.our_line().is_some_and(|ours| ours.level > line.level);
    let lines = lines.saturating_sub(usize::from(within));
    let location = line.location.clone();
    match lines {
        0 if line.role() == Role::Factor => stack.move_behind_password(),
        0 => Some(Remedy::Delete { location }),
        _ => Some(Remedy::Replace {
            location,
            text: line.with_control(&shortened(line.control_word(), lines)),
        }),
    }
}

/// The control with no jump longer than `lines`.
fn shortened(control: &str, lines: usize) -> String {
    let inner = control.trim_start_matches('[').trim_end_matches(']');
    let pair = |pair: &str| match pair.split_once('=') {
        Some((answer, number)) if number.parse::<usize>().is_ok_and(|number| number > lines) => {
            format!("{answer}={lines}")
        }
        Some(_) | None => pair.to_owned(),
    };
    let pairs: Vec<_> = inner.split_whitespace().map(pair).collect();
    format!("[{}]", pairs.join(" "))
}
