//! The policy: errors, with which every login is refused, and rules without effect.

pub(crate) mod exemption;
pub mod findings;
pub mod hint;
pub mod names;
pub mod remarks;

use twostep_core::document::DocumentError;
use twostep_core::paths::POLICY;
use twostep_core::policy::{Policy, PolicyError, PolicyErrorKind};
use twostep_hostconf::location::Location;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use names::{NameProblem, NameRemark};
use remarks::{Remark, RemarkKind};

/// Checks the content of the policy. `files` reports a policy that cannot be read.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(text) = &context.policy_text else { return Vec::new() };
    let errors = Policy::errors(text.as_bytes());
    let errors = errors.iter().map(|error| findings::error(error, remedy(error, text)));
    let remarks = context.policy.iter().flat_map(|policy| remarks::remarks(policy, context.now));
    let idle = remarks.filter(|remark| remark.kind.is_idle()).map(|remark| of_remark(&remark, text));
    let names = context.policy.iter().flat_map(|policy| names::remarks(policy, context.root));
    errors.chain(idle).chain(names.filter_map(|remark| of_name(&remark))).collect()
}

/// An unknown key is corrected if it is probably misspelt. It is deleted if that removes the error and changes no rule.
fn remedy(error: &PolicyError, text: &str) -> Remedy {
    let location = || Location::line(POLICY, error.position.line);
    let line = text.lines().nth(error.position.line.saturating_sub(1)).unwrap_or_default();
    if let PolicyErrorKind::Document(DocumentError::UnknownKey { .. }) = &error.kind {
        let meant =
            hint::meant(&error.kind).and_then(|key| Some(format!("{key} ={}", line.split_once('=')?.1)));
        if let Some(new) = meant.filter(|new| helps(error, text, Some(new))) {
            return Remedy::Replace { location: location(), text: new };
        }
        // In a rule it may be a condition, without which the rule would match more users.
        if extent(error.position.line, text).is_none() && helps(error, text, None) {
            return Remedy::Delete { location: location() };
        }
    }
    findings::by_hand(error)
}

/// Whether the policy has fewer errors with `new` instead of the line of the error.
fn helps(error: &PolicyError, text: &str, new: Option<&str>) -> bool {
    let lines = text.lines().enumerate();
    let fixed =
        lines.filter_map(
            |(index, line)| if index.saturating_add(1) == error.position.line { new } else { Some(line) },
        );
    let fixed = fixed.collect::<Vec<_>>().join("\n");
    Policy::errors(fixed.as_bytes()).len() < Policy::errors(text.as_bytes()).len()
}

fn of_remark(remark: &Remark<'_>, text: &str) -> Finding {
    if !matches!(remark.kind, RemarkKind::IsOver(_)) {
        return findings::rule_never_decides(remark);
    }
    let delete = |(first, last)| Remedy::Delete { location: Location::lines(POLICY, first, last) };
    findings::rule_over(remark, extent(remark.rule.line, text).map(delete))
}

/// `name_service` reports a look-up that fails.
fn of_name(remark: &NameRemark<'_>) -> Option<Finding> {
    match remark.problem {
        NameProblem::UnknownUser | NameProblem::UnknownGroup => Some(findings::unknown_name(remark)),
        NameProblem::OtherName(_) => Some(findings::not_the_users_name(remark)),
        NameProblem::LookUpFailed(_) => None,
    }
}

/// The lines of the rule whose name is on `line`, up to its last key. None if the rule has no header of its own.
fn extent(line: usize, text: &str) -> Option<(usize, usize)> {
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.get(..line)?.iter().rposition(|line| is_header(line))?;
    if !lines.get(first)?.trim_start().starts_with("[[rule]]") {
        return None;
    }
    let behind = lines.get(first.saturating_add(1)..)?;
    let end = behind.iter().position(|line| is_header(line)).unwrap_or(behind.len());
    let is_key = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let length = behind.get(..end)?.iter().rposition(is_key)?.saturating_add(1);
    Some((first.saturating_add(1), first.saturating_add(1).saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_extends_from_header_to_last_key() {
        let text =
            "version = 1\n[[rule]]\nname = \"a\"\nmode = \"exempt\"\n\n[[rule]]\nname = \"b\"\n[gate]\n";
        assert_eq!(extent(3, text), Some((2, 4)));
        assert_eq!(extent(7, text), Some((6, 7)));
        assert_eq!(extent(1, "rule = [{name = \"a\"}]"), None);
    }
}
