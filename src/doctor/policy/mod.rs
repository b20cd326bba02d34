//! The policy: errors, which close every login, and rules that decide nothing.

pub(crate) mod exemption;
pub mod hint;
pub mod names;

use twostep_core::document::DocumentError;
use twostep_core::paths::POLICY;
use twostep_core::policy::{Policy, PolicyError, PolicyErrorKind, Remark};
use twostep_hostconf::location::Location;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use names::NameRemark;

/// Checks what the policy says. Whether it can be read at all is the matter of the files.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(text) = &context.policy_text else { return Vec::new() };
    let errors = Policy::errors(text.as_bytes());
    let errors = errors.iter().map(|error| of_error(error, text));
    let remarks = context.policy.iter().flat_map(|policy| policy.remarks(context.now));
    let idle = remarks.filter(|remark| remark.is_idle);
    let names = context.policy.iter().flat_map(|policy| names::remarks(policy, context.root));
    // What the name service does not answer is another check's matter.
    let names = names.filter(|remark| remark.id != Id::MachineLookUpFails);
    errors.chain(idle.map(|remark| of_remark(remark, text))).chain(names.map(of_name)).collect()
}

fn of_error(error: &PolicyError, text: &str) -> Finding {
    let why = "As long as the policy has an error, every login that twostep guards is refused.";
    let what = error.kind.to_string();
    Finding::problem(
        id(&error.kind),
        Location::line(POLICY, error.position.line),
        what,
        why,
        remedy(error, text),
    )
}

fn id(error: &PolicyErrorKind) -> Id {
    match error {
        PolicyErrorKind::Document(DocumentError::NotUtf8 | DocumentError::Syntax(_)) => Id::PolicySyntax,
        PolicyErrorKind::Document(DocumentError::UnknownKey { .. }) => Id::PolicyUnknownKey,
        PolicyErrorKind::Document(DocumentError::MissingKey(_)) => Id::PolicyMissingKey,
        PolicyErrorKind::Document(
            DocumentError::WrongType { .. }
            | DocumentError::UnknownWord { .. }
            | DocumentError::OutOfRange { .. },
        )
        | PolicyErrorKind::UnknownVersion(_)
        | PolicyErrorKind::Period(_)
        | PolicyErrorKind::Issuer
        | PolicyErrorKind::EmptyList
        | PolicyErrorKind::EmptyName
        | PolicyErrorKind::ServiceInCapitals(_)
        | PolicyErrorKind::Network(_)
        | PolicyErrorKind::UnknownMethod(_)
        | PolicyErrorKind::UnnamedRule => Id::PolicyWrongValue,
        PolicyErrorKind::ReservedName | PolicyErrorKind::NameTaken(_) => Id::PolicyRuleNameTaken,
        PolicyErrorKind::NeedsMode { .. } => Id::PolicyKeyNeedsOtherMode,
    }
}

/// A key that nobody knows is written right, if it looks like a slip, or taken out, if that helps and harms nobody.
fn remedy(error: &PolicyError, text: &str) -> Remedy {
    let location = || Location::line(POLICY, error.position.line);
    let line = text.lines().nth(error.position.line.saturating_sub(1)).unwrap_or_default();
    if let PolicyErrorKind::Document(DocumentError::UnknownKey { .. }) = &error.kind {
        let meant =
            hint::meant(&error.kind).and_then(|key| Some(format!("{key} ={}", line.split_once('=')?.1)));
        if let Some(new) = meant.filter(|new| helps(error, text, Some(new))) {
            return Remedy::Replace { location: location(), text: new };
        }
        // In a rule it is perhaps a condition, without which the rule would mean more people.
        if extent(error.position.line, text).is_none() && helps(error, text, None) {
            return Remedy::Delete { location: location() };
        }
    }
    Remedy::Advice { text: hint::what_to_do(&error.kind) }
}

/// Whether the policy has fewer errors with `new` in place of the erroneous line.
fn helps(error: &PolicyError, text: &str, new: Option<&str>) -> bool {
    let lines = text.lines().enumerate();
    let mended =
        lines.filter_map(
            |(index, line)| if index.saturating_add(1) == error.position.line { new } else { Some(line) },
        );
    let mended = mended.collect::<Vec<_>>().join("\n");
    Policy::errors(mended.as_bytes()).len() < Policy::errors(text.as_bytes()).len()
}

fn of_remark(remark: Remark, text: &str) -> Finding {
    let why = "The policy holds, but this rule does not do what it seems to say.";
    let location = Location::line(POLICY, remark.line);
    let id = if remark.is_over { Id::PolicyRuleOver } else { Id::PolicyRuleNeverDecides };
    let remedy = match extent(remark.line, text) {
        Some(lines) if remark.is_over => {
            Remedy::Delete { location: Location::lines(POLICY, lines.0, lines.1) }
        }
        Some(_) | None => Remedy::Advice { text: remark.then },
    };
    Finding::warning(id, location, remark.what, why, remedy)
}

fn of_name(remark: NameRemark) -> Finding {
    let why = "The rule does not mean whom it names.";
    Finding::warning(
        remark.id,
        Location::line(POLICY, remark.line),
        remark.what,
        why,
        Remedy::Advice { text: remark.then },
    )
}

/// The lines of the rule whose name stands on `line`, if it has a header of its own, without what stands behind its last key.
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
    fn a_rule_reaches_from_its_header_to_the_next() {
        let text =
            "version = 1\n[[rule]]\nname = \"a\"\nmode = \"exempt\"\n\n[[rule]]\nname = \"b\"\n[gate]\n";
        assert_eq!(extent(3, text), Some((2, 4)));
        assert_eq!(extent(7, text), Some((6, 7)));
        assert_eq!(extent(1, "rule = [{name = \"a\"}]"), None);
    }
}
