//! The sentences about the policy: those of the findings, one function a finding, named after its id, and those of
//! `twostep policy check`.

use twostep_core::document::DocumentError;
use twostep_core::paths::POLICY;
use twostep_core::policy::{PolicyError, PolicyErrorKind};
use twostep_hostconf::location::Location;

use super::hint;
use super::names::{NameProblem, NameRemark};
use super::remarks::{Remark, RemarkKind};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// The finding on an error, by the id of its kind.
pub(super) fn error(error: &PolicyError, remedy: Remedy) -> Finding {
    Finding::problem(
        id(&error.kind),
        Location::line(POLICY, error.position.line),
        error.kind.to_string(),
        "Every login that twostep guards is refused until the policy has no error.",
        remedy,
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

pub(super) fn by_hand(error: &PolicyError) -> Remedy {
    Remedy::Advice { text: hint::what_to_do(&error.kind) }
}

/// `remedy` is none if the rule has no lines of its own.
pub(super) fn rule_over(remark: &Remark<'_>, remedy: Option<Remedy>) -> Finding {
    without_effect(Id::PolicyRuleOver, remark, remedy)
}

pub(super) fn rule_never_decides(remark: &Remark<'_>) -> Finding {
    without_effect(Id::PolicyRuleNeverDecides, remark, None)
}

fn without_effect(id: Id, remark: &Remark<'_>, remedy: Option<Remedy>) -> Finding {
    Finding::warning(
        id,
        Location::line(POLICY, remark.rule.line),
        remark_what(remark),
        "The policy is valid, but this rule has no effect.",
        remedy.unwrap_or_else(|| Remedy::Advice { text: remark_then(&remark.kind).to_owned() }),
    )
}

pub(super) fn unknown_name(remark: &NameRemark<'_>) -> Finding {
    name(Id::PolicyUnknownName, remark)
}

pub(super) fn not_the_users_name(remark: &NameRemark<'_>) -> Finding {
    name(Id::PolicyNotTheUsersName, remark)
}

fn name(id: Id, remark: &NameRemark<'_>) -> Finding {
    Finding::warning(
        id,
        Location::line(POLICY, remark.rule.line),
        name_what(remark),
        "The rule does not apply to the users that it should.",
        Remedy::Advice { text: name_then(&remark.problem) },
    )
}

/// What is remarkable: one line, no full stop.
pub fn remark_what(remark: &Remark<'_>) -> String {
    let what = match &remark.kind {
        RemarkKind::NeverDecides { earlier } => {
            format!("never decides: rule '{}' on line {} matches first", earlier.name, earlier.line)
        }
        RemarkKind::NeverMatches(condition) => {
            format!("never matches: a local login has no '{condition}'")
        }
        RemarkKind::IsOver(day) => format!("expired on {day} and no longer matches anyone"),
        RemarkKind::ExemptsRoot => "exempts root".to_owned(),
        RemarkKind::KeyUnknownAtGate => {
            "does not apply at the account line: it judges a login by key alone as if the rule did not match"
                .to_owned()
        }
        RemarkKind::NoEnd => "exempts without an end".to_owned(),
        RemarkKind::NoReason => "exempts without a reason".to_owned(),
    };
    format!("rule '{}' {what}", remark.rule.name)
}

/// What to do, as a sentence.
pub fn remark_then(kind: &RemarkKind<'_>) -> &'static str {
    match kind {
        RemarkKind::NeverDecides { .. } => "Move it before that rule, or remove it.",
        RemarkKind::NeverMatches(_) => "Remove one of the two conditions.",
        RemarkKind::IsOver(_) => "Remove it, or write a later day.",
        RemarkKind::ExemptsRoot => {
            "If root should need a second step, put a mandatory rule for root before it."
        }
        RemarkKind::KeyUnknownAtGate => {
            "Make sshd ask for both (AuthenticationMethods publickey,keyboard-interactive:pam), or exempt by users, groups or from."
        }
        RemarkKind::NoEnd => "If it should end, write its last day: until = 2027-06-30.",
        RemarkKind::NoReason => "Write a reason for the next reader: reason = \"…\".",
    }
}

/// What is remarkable about an enrollment by one code.
pub const ONE_CODE_WHAT: &str =
    "one code proves a new authenticator: a phone whose clock is almost too far off is noticed less often";
/// What to do about it.
pub const ONE_CODE_THEN: &str =
    "Its codes are refused later. To ask for two codes in a row, write codes = 2.";

/// What is remarkable: one line, no full stop.
pub fn name_what(remark: &NameRemark<'_>) -> String {
    let NameRemark { rule, name, problem } = remark;
    let rule = &rule.name;
    match problem {
        NameProblem::UnknownUser => {
            format!("rule '{rule}' names a user that this machine does not know: '{name}'")
        }
        NameProblem::UnknownGroup => {
            format!("rule '{rule}' names a group that this machine does not know: '{name}'")
        }
        NameProblem::OtherName(canonical) => {
            format!("rule '{rule}' names '{name}', which is not a spelling of the user's name, '{canonical}'")
        }
        NameProblem::LookUpFailed(fault) => format!("rule '{rule}' names '{name}', and {fault}"),
    }
}

/// What to do, as a sentence.
pub fn name_then(problem: &NameProblem) -> String {
    match problem {
        NameProblem::UnknownUser | NameProblem::UnknownGroup => "Check the spelling.".to_owned(),
        NameProblem::OtherName(canonical) => {
            format!("The rule does not apply to that user: write '{canonical}'.")
        }
        NameProblem::LookUpFailed(_) => {
            "Check again when the directory service answers: until then it is not known whom the rule names."
                .to_owned()
        }
    }
}
