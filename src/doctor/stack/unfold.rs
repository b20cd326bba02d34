//! The password lines of an included file, rewritten so that a wrong password ends there and a right one reaches the next line.
//! The included file itself must not change, since other services include it, and nothing after its `sufficient` lines is reached.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::factor::is_known_factor;
use twostep_core::pam::walk::Handler;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::{PamLine, written};

use super::text::{deny, permit};

enum Part {
    /// A line that checks a first factor.
    Factor,
    /// A line before or between first factors.
    Kept,
    /// A line that counts a wrong first factor.
    Failed,
}

/// The lines that replace an `include` or `substack`; none if it has no first factor.
pub(crate) fn unfolded(included: &[&PamLine]) -> Option<String> {
    let parts: Vec<_> = included.iter().filter_map(|line| Some((part(line)?, *line))).collect();
    let factors = parts.iter().filter(|(part, _)| matches!(part, Part::Factor)).count();
    let failed: Vec<_> = parts.iter().filter(|(part, _)| matches!(part, Part::Failed)).collect();
    if factors == 0 || !is_one_of_many(&parts, factors) {
        return None;
    }
    let asked = parts.iter().filter(|(part, _)| !matches!(part, Part::Failed));
    let asked: Vec<_> = asked.collect();
    let mut lines = Vec::new();
    for (at, (part, line)) in asked.iter().enumerate() {
        let first = !asked.iter().take(at).any(|(part, _)| matches!(part, Part::Factor));
        // Over the remaining lines, those that count, and the one that refuses.
        let over = asked.len().saturating_sub(at).saturating_add(failed.len());
        lines.push(match part {
            Part::Factor => factor(line, over, first),
            Part::Kept | Part::Failed => kept(line),
        });
    }
    lines.extend(failed.iter().map(|(_, line)| line.with_control("optional")));
    lines.extend([deny(), permit()]);
    Some(lines.join("\n"))
}

/// Whether any one of the first factors is enough, before and after the change, and no other line decides. An administrator must
/// decide about unknown modules, and about two that are both required.
fn is_one_of_many(parts: &[(Part, &PamLine)], factors: usize) -> bool {
    let alone = |line: &PamLine| {
        let ends = matches!(line.control.on(ReturnValue::SUCCESS), Action::Done | Action::Jump(_));
        is_known_factor(line.module()) && (ends || factors == 1)
    };
    let decides = |line: &PamLine| {
        let forgiving = matches!(line.control.on(ReturnValue::AUTH_ERR), Action::Ignore);
        line.role() == Role::Condition && forgiving
    };
    parts.iter().all(|(part, line)| match part {
        Part::Factor => alone(line),
        Part::Kept => !decides(line),
        Part::Failed => true,
    })
}

fn part(line: &PamLine) -> Option<Part> {
    let jumps = [ReturnValue::SUCCESS, ReturnValue::AUTH_ERR, ReturnValue::PERM_DENIED]
        .iter()
        .any(|&answer| matches!(line.control.on(answer), Action::Jump(_)));
    match line.role() {
        _ if line.handler != Handler::Module => None,
        Role::Factor => Some(Part::Factor),
        Role::Counter if line.arguments().any(|argument| argument == "authfail") => Some(Part::Failed),
        Role::Counter if line.arguments().any(|argument| argument == "authsucc") => None,
        Role::Counter | Role::Quiet => Some(Part::Kept),
        Role::Condition if !jumps => Some(Part::Kept),
        Role::Condition | Role::Deny | Role::Permit | Role::Root | Role::Ours | Role::SshdAccepted => None,
    }
}

/// A counter that refuses before the password must end the stack.
fn kept(line: &PamLine) -> String {
    let counts = line.role() == Role::Counter || line.role() == Role::Condition;
    line.with_control(if counts { "requisite" } else { line.control_word() })
}

/// An empty password is no first factor; the second one that asks takes what the first has asked for.
fn factor(line: &PamLine, over: usize, first: bool) -> String {
    let takes = |argument: &str| match argument {
        "nullok" => None,
        "forward_pass" if first => Some("forward_pass".to_owned()),
        "forward_pass" => Some("use_first_pass".to_owned()),
        _ => Some(argument.to_owned()),
    };
    let arguments: Vec<_> = line.raw_arguments().filter_map(takes).collect();
    let kind = if line.may_be_missing() { "-auth" } else { ModuleType::Auth.word() };
    let control = format!("[success={over} default=ignore]");
    written(kind, &control, line.module(), arguments.iter().map(String::as_str))
}
