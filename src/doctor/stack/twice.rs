//! twostep is asked twice in one login.

use twostep_hostconf::pam::pam_line::PamLine;

use super::asking::Stack;
use super::one_question::password_alone;
use super::text::FORWARD_PASS;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What is wrong, if the stack has a second line of ours.
pub(crate) fn finding(stack: &Stack<'_>) -> Option<Finding> {
    let mut ours = stack.entries.iter().filter(|line| line.is_ours());
    let (first, second) = (ours.next()?, ours.next()?);
    let remedy = remedy(stack, first, second);
    let location = match &remedy {
        Remedy::Delete { location } | Remedy::Replace { location, .. } => location,
        Remedy::Insert { .. }
        | Remedy::Move { .. }
        | Remedy::Run { .. }
        | Remedy::Choose { .. }
        | Remedy::Advice { .. } => second.line_in(&stack.service.file).unwrap_or(&second.location),
    };
    Some(Finding::problem(
        Id::PamAskedTwice,
        location.clone(),
        "twostep is asked a second time",
        "Each code works once, so everybody has to wait for the next one.",
        remedy,
    ))
}

/// A line in a file that this one includes may be all that another service has: it stays.
fn remedy(stack: &Stack<'_>, first: &PamLine, second: &PamLine) -> Remedy {
    let is_own = |line: &PamLine| line.location.file == stack.service.file;
    let is_in_one_file = first.location.file == second.location.file && first.location != second.location;
    let joins = first.arguments().any(|argument| argument == FORWARD_PASS);
    let remedy = match (is_own(first), is_own(second)) {
        (_, true) => Some(Remedy::Delete { location: second.location.clone() }),
        _ if is_in_one_file => Some(Remedy::Delete { location: second.location.clone() }),
        (true, false) if joins => password_alone(stack, second, None),
        (true, false) => Some(Remedy::Delete { location: first.location.clone() }),
        (false, false) => None,
    };
    remedy.unwrap_or_else(|| by_hand(stack, first, second))
}

fn by_hand(stack: &Stack<'_>, first: &PamLine, second: &PamLine) -> Remedy {
    let text = format!(
        "{} and {} belong to other services: leave them there. In {}, include a file that asks for the password alone.",
        first.location, second.location, stack.service.file
    );
    Remedy::Advice { text }
}
