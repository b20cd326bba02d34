//! Account lines after ours that may refuse a login whose enrollment is already saved. twostep itself asks for the answers of
//! pam_unix and pam_nologin before it shows a key.

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::factor::stem;
use twostep_core::pam::walk::Handler;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::{Role, Scenario};
use twostep_hostconf::pam::pam_line::{PamLine, written};
use twostep_hostconf::pam::ways::Ways;

use super::asking::Stack;
use super::findings::account_lines as findings;
use crate::finding::{Finding, Remedy};

/// Modules whose answer does not depend on their place in the stack.
const CONDITIONS: [&str; 8] = [
    "pam_access",
    "pam_listfile",
    "pam_securetty",
    "pam_sepermit",
    "pam_shells",
    "pam_succeed_if",
    "pam_time",
    "pam_wheel",
];

/// Modules that ask a directory service, with the arguments that make them return PAM_IGNORE for local accounts and for a service
/// that cannot be reached (pam_sss(8), pam_ldap(8), pam_winbind(8)).
const DIRECTORIES: [(&str, &[&str]); 3] = [
    ("pam_sss", &["ignore_unknown_user", "ignore_authinfo_unavail"]),
    ("pam_ldap", &["ignore_unknown_user", "ignore_authinfo_unavail"]),
    ("pam_winbind", &["unknown_ok"]),
];

/// Modules after whose success a stack may skip a directory service: the account is a local one.
const LOCAL: [&str; 3] = ["pam_localuser", "pam_unix", "pam_usertype"];

/// Modules whose answer is known before, or which refuse no login that could reach them.
const NEVER_LATE: [&str; 4] = ["pam_localuser", "pam_nologin", "pam_unix", "pam_usertype"];

/// The lines after ours that may refuse, and of which no copy comes before ours.
pub(crate) fn check(stack: &Stack<'_>) -> Vec<Finding> {
    let behind = (stack.ours.saturating_add(1)..).zip(stack.after());
    let refusing = behind.filter(|(at, line)| may_refuse(stack, *at, line) && !is_asked_before(stack, line));
    let finding =
        |(at, line)| findings::refusal_comes_late(line, &stack.our_location(), copy(stack, at, line));
    refusing.map(finding).collect()
}

fn may_refuse(stack: &Stack<'_>, at: usize, line: &PamLine) -> bool {
    let decides = matches!(line.role(), Role::Condition | Role::Factor);
    let is_late = line.handler == Handler::Module && decides && !NEVER_LATE.contains(&stem(line.module()));
    let refusals = [ReturnValue::PERM_DENIED, ReturnValue::AUTH_ERR, ReturnValue::ACCT_EXPIRED];
    let ends = |no: &ReturnValue| matches!(line.control.on(*no), Action::Bad | Action::Die);
    is_late && (refusals.iter().any(ends) || jumps_over_refusal(stack, at, line))
}

/// Whether only success jumps over a line that refuses.
fn jumps_over_refusal(stack: &Stack<'_>, at: usize, line: &PamLine) -> bool {
    let Action::Jump(lines) = line.control.on(ReturnValue::SUCCESS) else { return false };
    let skipped = stack.entries.iter().skip(at.saturating_add(1)).take(lines);
    skipped.into_iter().any(|line| line.role() == Role::Deny)
}

/// Whether a line before ours ends the login as `line` would.
fn is_asked_before(stack: &Stack<'_>, line: &PamLine) -> bool {
    let holds = |before: &PamLine| line.arguments().all(|one| before.arguments().any(|other| other == one));
    stack.before().iter().any(|before| {
        let ends = before.control.on(ReturnValue::PERM_DENIED) == Action::Die;
        ends && stem(before.module()) == stem(line.module()) && holds(before)
    })
}

/// The same line before ours, as `requisite`, if every successful login passes the line now.
fn copy(stack: &Stack<'_>, at: usize, line: &PamLine) -> Option<Remedy> {
    let name = stem(line.module());
    let directory = DIRECTORIES.iter().find(|(module, _)| *module == name).map(|(_, arguments)| *arguments);
    let excuses: &[&str] = if directory.is_some() { &LOCAL } else { &[] };
    if (directory.is_none() && !CONDITIONS.contains(&name)) || !passes_all(stack, at, excuses) {
        return None;
    }
    let given: Vec<_> = line.raw_arguments().collect();
    let extra = directory.unwrap_or_default().iter().copied().filter(|argument| !given.contains(argument));
    let arguments: Vec<_> = given.iter().copied().chain(extra).collect();
    let module = line.words.get(2).map_or("", |word| word.raw.as_str());
    let text = written(ModuleType::Account.word(), "requisite", module, arguments);
    Some(Remedy::Insert { location: stack.our_location(), text })
}

/// Whether every successful login passes the line with the index `at`, or one of `excuses` accepted it before.
fn passes_all(stack: &Stack<'_>, at: usize, excuses: &[&str]) -> bool {
    let ways = Ways::through(&asking_at(stack, at), Scenario::Anything);
    let excused = |culprit: usize| {
        stack.entries.get(culprit).is_some_and(|line| excuses.contains(&stem(line.module())))
    };
    !ways.too_many && ways.successes.iter().all(|facts| facts.asked || facts.went_around.is_some_and(excused))
}

/// The stack with the line with the index `at` named as ours, and ours named as a condition.
fn asking_at(stack: &Stack<'_>, at: usize) -> Vec<PamLine> {
    let mut entries = stack.entries.clone();
    for (number, line) in entries.iter_mut().enumerate() {
        let module = if number == at {
            "pam_twostep.so"
        } else if line.is_ours() {
            "pam_access.so"
        } else {
            continue;
        };
        if let Some(word) = line.words.get_mut(2) {
            module.clone_into(&mut word.text);
        }
    }
    entries
}
