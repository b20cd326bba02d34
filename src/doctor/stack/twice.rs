//! Two pam_twostep lines in one stack.

use twostep_hostconf::pam::pam_line::PamLine;

use super::asking::Stack;
use super::findings::auth_lines as findings;
use super::one_question::password_alone;
use super::text::FORWARD_PASS;
use crate::finding::{Finding, Remedy};

/// The finding, if the stack has a second pam_twostep line.
pub(crate) fn finding(stack: &Stack<'_>) -> Option<Finding> {
    let mut ours = stack.entries.iter().filter(|line| line.is_ours());
    let (first, second) = (ours.next()?, ours.next()?);
    let remedy = remedy(stack, first, second);
    let location = match &remedy {
        Remedy::Delete { location } | Remedy::Replace { location, .. } => location,
        Remedy::Insert { .. }
        | Remedy::Move { .. }
        | Remedy::Steps { .. }
        | Remedy::Run { .. }
        | Remedy::Choose { .. }
        | Remedy::Advice { .. } => second.line_in(&stack.service.file).unwrap_or(&second.location),
    };
    Some(findings::asked_twice(location.clone(), remedy))
}

/// A line in an included file stays: it may be the only one of another service.
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
    let by_hand = || findings::asked_twice_by_others(&first.location, &second.location, &stack.service.file);
    remedy.unwrap_or_else(by_hand)
}
