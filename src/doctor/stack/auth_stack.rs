//! The auth lines of a service that asks twostep.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::modules::Scenario;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::pam::ways::{Facts, Ways};

use super::asking::{Stack, asks_first_factor};
use super::bypass;
use super::one_question;
use super::own_line;
use super::text::{FORWARD_PASS, permit};
use super::twice;
use super::unfold::unfolded;
use super::wrong_factor;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// Services that surely are no sshd, which may be called something else.
const NOT_SSHD: [&str; 5] = ["login", "su", "su-l", "sudo", "sudo-i"];

/// Whether root's calls may pass without a code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CalledBy {
    /// Somebody at a shell, who may be root: su.
    AtAShell,
    /// A program that runs as root, whoever logs in: sshd, login.
    AlwaysRoot,
}

impl CalledBy {
    /// Who calls this service. Where people enroll, or the gate is, a program runs as root.
    pub(crate) fn of(service: &str, guarded: bool) -> Self {
        let always_root = guarded || ["sshd", "login"].contains(&service);
        if always_root { Self::AlwaysRoot } else { Self::AtAShell }
    }
}

/// What is wrong with the stack.
pub(crate) fn check(stack: &Stack<'_>, caller: CalledBy) -> Vec<Finding> {
    if let Some(twice) = twice::finding(stack) {
        let left = twice.remedy.deletes().and_then(|location| stack.without(location));
        return vec![uncovering(left, caller, twice)];
    }
    if let Some(locked) = one_question::finding(stack) {
        return vec![locked];
    }
    if let Some(unheard) = unheard_method(stack) {
        return vec![unheard];
    }
    let order = order(stack, caller);
    if !order.is_empty() {
        return order;
    }
    let ways = Ways::through(&stack.entries, Scenario::Anything);
    if ways.too_many {
        return vec![too_many(stack)];
    }
    let around = around(stack, &ways, caller);
    if !around.is_empty() {
        return around;
    }
    if let Some(forgotten) = forgotten(stack) {
        return vec![forgotten];
    }
    let wrong = wrong_way(stack);
    if wrong.is_empty() { yes(stack) } else { wrong }
}

fn too_many(stack: &Stack<'_>) -> Finding {
    Finding::warning(
        Id::PamTooManyWays,
        Location::file(&stack.service.file),
        "this service has too many ways to follow them all",
        "Whether a code is asked on each of them is not known.",
        Remedy::Advice { text: "Write it with fewer lines and jumps.".to_owned() },
    )
}

/// A line that demands what this service never tells.
fn unheard_method(stack: &Stack<'_>) -> Option<Finding> {
    let line = stack.our_line()?;
    if !NOT_SSHD.contains(&stack.service.name.as_str()) || !line.arguments().any(demands) {
        return None;
    }
    Some(Finding::problem(
        Id::PamFirstFactorOutsideSshd,
        line.location.clone(),
        format!("first_factor= on this line refuses everybody in {}", stack.service.name),
        "Only sshd tells which method it has accepted.",
        own_line::without(line, demands),
    ))
}

/// Whether an argument of ours demands a first factor of sshd's.
fn demands(argument: &str) -> bool {
    argument.starts_with("first_factor=") && argument != "first_factor=any"
}

/// Whether a first factor stands before our line, or the line says that none has to.
fn order(stack: &Stack<'_>, caller: CalledBy) -> Vec<Finding> {
    if stack.joins() {
        return handed_to_nobody(stack).into_iter().collect();
    }
    let first_factor =
        |line: &PamLine| line.arguments().any(|argument| argument.starts_with("first_factor="));
    if stack.our_line().is_none_or(first_factor) || stack.before().iter().any(asks_first_factor) {
        return Vec::new();
    }
    if !stack.after().iter().any(asks_first_factor) {
        return vec![no_first_factor(stack)];
    }
    let remedy = stack.move_behind_password().unwrap_or_else(|| Remedy::Advice {
        text: "Put the line of twostep behind the lines that ask for the password.".to_owned(),
    });
    let early = Finding::problem(
        Id::PamCodeBeforePassword,
        stack.our_location(),
        "the code is asked for before the password",
        "Strangers can use up somebody's tries, and see from the question who is enrolled.",
        remedy,
    );
    vec![uncovering(stack.behind_password(), caller, early)]
}

/// The finding, whose remedy leaves this stack. If something would let in without a code there, that is mended first: our line
/// where it stands now is what keeps it shut.
fn uncovering(left: Option<Stack<'_>>, caller: CalledBy, finding: Finding) -> Finding {
    let Some(left) = left else { return finding };
    let uncovered = around(&left, &Ways::through(&left.entries, Scenario::Anything), caller);
    match uncovered.into_iter().next() {
        Some(first) => Finding { remedy: first.remedy, ..finding },
        None => finding,
    }
}

/// A password that our line asks for, and no line behind it checks.
fn handed_to_nobody(stack: &Stack<'_>) -> Option<Finding> {
    if stack.after().iter().any(asks_first_factor) {
        return None;
    }
    let remedy = if stack.before().iter().any(asks_first_factor) {
        own_line::without(stack.our_line()?, |argument| argument == FORWARD_PASS)
    } else {
        Remedy::Advice { text: "Put a line that checks the password behind the one of twostep.".to_owned() }
    };
    Some(Finding::problem(
        Id::PamPasswordNotChecked,
        stack.our_location(),
        "with forward_pass this line asks for the password, too, and no line behind it checks that",
        "Nobody looks at what is typed before the code.",
        remedy,
    ))
}

fn no_first_factor(stack: &Stack<'_>) -> Finding {
    let (location, is_sshd) = (stack.our_location(), stack.service.name == "sshd");
    let why = if is_sshd {
        "twostep refuses everybody for whom sshd has accepted no key. Say which method must come first."
    } else {
        "The code alone lets in."
    };
    let remedy = if is_sshd { key_first(stack) } else { password_first(stack) };
    let remedy = remedy.unwrap_or_else(|| Remedy::Advice {
        text: "Put a line that asks for the password before the one of twostep.".to_owned(),
    });
    Finding::problem(
        Id::PamNoFirstFactor,
        location,
        "nothing asks for a password here, and the line does not say first_factor=",
        why,
        remedy,
    )
}

fn key_first(stack: &Stack<'_>) -> Option<Remedy> {
    let line = stack.our_line()?;
    let arguments = own_line::right_arguments(line).into_iter().chain(["first_factor=publickey"]);
    let text = own_line::anew(line, arguments);
    Some(Remedy::Replace { location: line.location.clone(), text })
}

/// The machine's own way to ask for a password.
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

/// Lines that let in without a code.
fn around(stack: &Stack<'_>, ways: &Ways, caller: CalledBy) -> Vec<Finding> {
    let is_root = |facts: &&Facts| facts.is_root && caller == CalledBy::AtAShell;
    let unasked = ways.successes.iter().filter(|facts| !facts.asked && !is_root(facts));
    let culprits: std::collections::BTreeSet<_> = unasked.filter_map(|facts| facts.went_around).collect();
    let mut findings: Vec<Finding> = Vec::new();
    if culprits.is_empty() && ways.successes.iter().any(|facts| !facts.asked && !is_root(&facts)) {
        findings.push(some_way(stack));
    }
    for finding in culprits.iter().filter_map(|&culprit| bypass::finding(stack, culprit)) {
        // What one remedy mends is said once: whoever applied it twice would spoil the file.
        if !findings.iter().any(|other| other.remedy == finding.remedy) {
            findings.push(finding);
        }
    }
    findings
}

/// Lines let in without a code, and none of them can be named.
fn some_way(stack: &Stack<'_>) -> Finding {
    Finding::problem(
        Id::PamLineCanBeSkipped,
        stack.our_location(),
        "some way through this service says yes without coming to twostep",
        "Whoever goes that way is asked for no code. A substack ends it early, or a 'reset' forgets a refusal.",
        Remedy::Advice { text: "Compare the file with the one in twostep's pam.d folder.".to_owned() },
    )
}

/// A refusal of ours that a later line takes back.
fn forgotten(stack: &Stack<'_>) -> Option<Finding> {
    let ways = Ways::through(&stack.entries, Scenario::Refused);
    ways.successes.iter().any(|facts| facts.asked).then(|| forgets(stack))
}

pub(crate) fn forgets(stack: &Stack<'_>) -> Finding {
    Finding::problem(
        Id::PamRefusalIsForgotten,
        stack.our_location(),
        "after a refusal of twostep this service can still say yes",
        "Whom twostep refuses gets in: a line behind it forgets what was before ('reset').",
        Remedy::Advice { text: "Take the 'reset' behind the line of twostep away.".to_owned() },
    )
}

/// A wrong first factor that comes to our line, unless the line itself demands one that sshd has seen, or is to stand before
/// it.
fn wrong_way(stack: &Stack<'_>) -> Vec<Finding> {
    if stack.joins() || stack.our_line().is_none_or(|line| line.arguments().any(demands)) {
        return Vec::new();
    }
    let ways = Ways::through(&stack.entries, Scenario::WrongFactor);
    wrong_factor::finding(stack, &ways).into_iter().collect()
}

/// Whether those get in who should.
fn yes(stack: &Stack<'_>) -> Vec<Finding> {
    let nobody =
        |scenario| !Ways::through(&stack.entries, scenario).successes.iter().any(|facts| facts.asked);
    if nobody(Scenario::Granted) {
        return vec![closed(stack)];
    }
    if nobody(Scenario::Exempt) { vec![nobody_says_yes(stack)] } else { Vec::new() }
}

fn closed(stack: &Stack<'_>) -> Finding {
    Finding::problem(
        Id::PamLetsNobodyIn,
        stack.our_location(),
        "this service lets nobody in, whatever they type",
        "Some line refuses on every way that passes twostep, or a jump goes too far.",
        Remedy::Advice { text: "Compare the file with the one in twostep's pam.d folder.".to_owned() },
    )
}

fn nobody_says_yes(stack: &Stack<'_>) -> Finding {
    let location = stack.files.after(&stack.our_location());
    Finding::problem(
        Id::PamNoLineSaysYes,
        stack.our_location(),
        "people whom twostep does not ask are refused: no other line says yes",
        "twostep says nothing of people who are exempt or not enrolled, and a jump is no yes either.",
        Remedy::Insert { location, text: permit() },
    )
}
