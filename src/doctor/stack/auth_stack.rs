//! The auth lines of a service that asks twostep.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::modules::Scenario;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::pam::ways::{Facts, Ways};

use super::asking::{Stack, asks_first_factor};
use super::bypass;
use super::findings::auth_lines as findings;
use super::one_question;
use super::own_line;
use super::text::{FORWARD_PASS, permit};
use super::twice;
use super::unfold::unfolded;
use super::wrong_factor;
use crate::finding::{Finding, Remedy};

/// Services of programs other than sshd. sshd itself may use a service with another name.
const NOT_SSHD: [&str; 5] = ["login", "su", "su-l", "sudo", "sudo-i"];

/// Who calls a service. A call by root may pass without a code only if a user made it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CalledBy {
    /// A user at a shell, who may be root: su.
    AtAShell,
    /// A program that runs as root, whoever logs in: sshd, login.
    AlwaysRoot,
}

impl CalledBy {
    /// The program of a `guarded` service (one of `[enrollment]` or `[gate]`) always runs as root.
    pub(crate) fn of(service: &str, guarded: bool) -> Self {
        let always_root = guarded || ["sshd", "login"].contains(&service);
        if always_root { Self::AlwaysRoot } else { Self::AtAShell }
    }
}

pub(crate) fn check(stack: &Stack<'_>, caller: CalledBy) -> Vec<Finding> {
    if let Some(twice) = twice::finding(stack) {
        let left = twice.remedy.deletes().and_then(|location| stack.without(location));
        return vec![uncovering(left, caller, twice)];
    }
    if let Some(locked) = one_question::finding(stack) {
        return vec![locked];
    }
    if let Some(outside) = first_factor_outside_sshd(stack) {
        return vec![outside];
    }
    let order = order(stack, caller);
    if !order.is_empty() {
        return order;
    }
    let ways = Ways::through(&stack.entries, Scenario::Anything);
    if ways.too_many {
        return vec![findings::too_many_ways(Location::file(&stack.service.file))];
    }
    let around = around(stack, &ways, caller);
    if !around.is_empty() {
        return around;
    }
    if is_refusal_forgotten(stack) {
        return vec![findings::refusal_is_forgotten(stack.our_location())];
    }
    let wrong = wrong_way(stack);
    if wrong.is_empty() { yes(stack) } else { wrong }
}

/// Only sshd reports which method it has accepted.
fn first_factor_outside_sshd(stack: &Stack<'_>) -> Option<Finding> {
    let line = stack.our_line()?;
    let service = stack.service.name.as_str();
    let is_outside = NOT_SSHD.contains(&service) && line.arguments().any(demands);
    let remedy = || own_line::without(line, demands);
    is_outside.then(|| findings::first_factor_outside_sshd(line.location.clone(), service, remedy()))
}

/// Whether an argument of ours demands a first factor of sshd's.
fn demands(argument: &str) -> bool {
    argument.starts_with("first_factor=") && argument != "first_factor=any"
}

/// Checks that a first factor comes before the pam_twostep line, or that the line needs none.
fn order(stack: &Stack<'_>, caller: CalledBy) -> Vec<Finding> {
    if stack.joins() {
        return password_not_checked(stack).into_iter().collect();
    }
    let first_factor =
        |line: &PamLine| line.arguments().any(|argument| argument.starts_with("first_factor="));
    if stack.our_line().is_none_or(first_factor) || stack.before().iter().any(asks_first_factor) {
        return Vec::new();
    }
    if !stack.after().iter().any(asks_first_factor) {
        return vec![no_first_factor(stack)];
    }
    let early =
        findings::code_before_password(stack.our_location(), is_sshd(stack), stack.move_behind_password());
    vec![uncovering(stack.behind_password(), caller, early)]
}

/// The finding, whose remedy results in the stack `left`. If a line would let users in without a code there, that line
/// is fixed first: until then the pam_twostep line in its present place prevents that.
fn uncovering(left: Option<Stack<'_>>, caller: CalledBy, finding: Finding) -> Finding {
    let Some(left) = left else { return finding };
    let uncovered = around(&left, &Ways::through(&left.entries, Scenario::Anything), caller);
    match uncovered.into_iter().next() {
        Some(first) => Finding { remedy: first.remedy, ..finding },
        None => finding,
    }
}

/// The pam_twostep line asks for a password that no later line checks.
fn password_not_checked(stack: &Stack<'_>) -> Option<Finding> {
    if stack.after().iter().any(asks_first_factor) {
        return None;
    }
    let is_checked_before = stack.before().iter().any(asks_first_factor);
    let line = stack.our_line()?;
    let remedy = is_checked_before.then(|| own_line::without(line, |argument| argument == FORWARD_PASS));
    Some(findings::password_not_checked(stack.our_location(), remedy))
}

fn no_first_factor(stack: &Stack<'_>) -> Finding {
    let remedy = if is_sshd(stack) { key_first(stack) } else { password_first(stack) };
    findings::no_first_factor(stack.our_location(), is_sshd(stack), remedy)
}

fn is_sshd(stack: &Stack<'_>) -> bool {
    stack.service.name == "sshd"
}

fn key_first(stack: &Stack<'_>) -> Option<Remedy> {
    let line = stack.our_line()?;
    let arguments = own_line::right_arguments(line).into_iter().chain(["first_factor=publickey"]);
    let text = own_line::rewritten(line, arguments);
    Some(Remedy::Replace { location: line.location.clone(), text })
}

/// The lines by which this distribution asks for a password.
fn password_first(stack: &Stack<'_>) -> Option<Remedy> {
    let location = stack.our_location();
    if stack.files.knows_at_include() {
        stack.files.open("common-auth")?;
        return Some(Remedy::Insert { location, text: "@include common-auth".to_owned() });
    }
    let shared = Service::load(stack.files, "system-auth")?;
    let entries: Vec<_> = shared.auth.iter().collect();
    Some(Remedy::Insert { location, text: unfolded(&entries)? })
}

/// The lines that let users in without a code.
fn around(stack: &Stack<'_>, ways: &Ways, caller: CalledBy) -> Vec<Finding> {
    let is_root = |facts: &&Facts| facts.is_root && caller == CalledBy::AtAShell;
    let unasked = ways.successes.iter().filter(|facts| !facts.asked && !is_root(facts));
    let culprits: std::collections::BTreeSet<_> = unasked.filter_map(|facts| facts.went_around).collect();
    let mut found: Vec<Finding> = Vec::new();
    if culprits.is_empty() && ways.successes.iter().any(|facts| !facts.asked && !is_root(&facts)) {
        found.push(findings::line_can_be_skipped_somehow(stack.our_location()));
    }
    for finding in culprits.iter().filter_map(|&culprit| bypass::finding(stack, culprit)) {
        // A remedy that was applied twice would damage the file.
        if !found.iter().any(|other| other.remedy == finding.remedy) {
            found.push(finding);
        }
    }
    found
}

/// Whether a later line discards a refusal of ours.
fn is_refusal_forgotten(stack: &Stack<'_>) -> bool {
    Ways::through(&stack.entries, Scenario::Refused).successes.iter().any(|facts| facts.asked)
}

/// A wrong first factor that reaches the pam_twostep line. Not where the line demands a method of sshd's, or comes
/// before the password.
fn wrong_way(stack: &Stack<'_>) -> Vec<Finding> {
    if stack.joins() || stack.our_line().is_none_or(|line| line.arguments().any(demands)) {
        return Vec::new();
    }
    let ways = Ways::through(&stack.entries, Scenario::WrongFactor);
    wrong_factor::finding(stack, &ways).into_iter().collect()
}

/// Checks that users with the right answers get in.
fn yes(stack: &Stack<'_>) -> Vec<Finding> {
    let nobody =
        |scenario| !Ways::through(&stack.entries, scenario).successes.iter().any(|facts| facts.asked);
    if nobody(Scenario::Granted) {
        return vec![findings::lets_nobody_in(stack.our_location())];
    }
    if nobody(Scenario::Exempt) { vec![no_line_says_yes(stack)] } else { Vec::new() }
}

fn no_line_says_yes(stack: &Stack<'_>) -> Finding {
    let location = stack.files.after(&stack.our_location());
    findings::no_line_says_yes(stack.our_location(), Remedy::Insert { location, text: permit() })
}
