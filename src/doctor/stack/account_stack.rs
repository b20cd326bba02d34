//! The account line, where people enroll and at the gate.

use twostep_core::login::machine::Machine;
use twostep_core::machine::System;
use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::walk::Handler;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Scenario;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::pam::ways::Ways;

use super::asking::Stack;
use super::own_line;
use super::shared;
use super::text::our_text;
use crate::finding::{Finding, Remedy};

const STORES: &str = "It stores what somebody enrolls in a login, and refuses who came around the code.";

/// What is wrong with the account lines of a service that needs one of ours.
pub(crate) fn check(files: &Files<'_>, service: &Service) -> Vec<Finding> {
    if !shared::has_own_account_line(service) {
        return vec![missing(service)];
    }
    let Some(stack) = Stack::new(files, service, &service.account) else { return Vec::new() };
    if !stack.entries.iter().take(stack.ours).all(passes_on) {
        return vec![not_first(&stack)];
    }
    let goes_on: Vec<_> = (0..stack.ours).filter_map(|at| goes_on(&stack, at)).collect();
    if !goes_on.is_empty() {
        return goes_on;
    }
    if Ways::through(&stack.entries, Scenario::Exempt).successes.is_empty() {
        return vec![nobody_says_yes(&stack)];
    }
    if Ways::through(&stack.entries, Scenario::Refused).successes.iter().any(|facts| facts.asked) {
        return vec![super::auth_stack::forgets(&stack)];
    }
    let is_wrong = |line: &PamLine| line.is_ours() && !own_line::check(line).is_empty();
    if service.account.iter().any(is_wrong) {
        return Vec::new(); // told already
    }
    doubt(files, service).into_iter().collect()
}

/// What the module itself says before it enrolls anybody: it is stricter, because it must not guess.
fn doubt(files: &Files<'_>, service: &Service) -> Option<Finding> {
    let problem = System::new(files.root().clone()).check_account_phase(&service.name).err()?;
    let why = "twostep cannot be sure that PAM comes to its account line, so nobody enrolls here.";
    let remedy =
        Remedy::Advice { text: "Write the lines before it plainly, one after the other.".to_owned() };
    Some(Finding::problem(Location::file(&service.file), problem, why, remedy))
}

/// Whether a line never skips what follows but by refusing, as the module itself judges before it enrolls anybody.
fn passes_on(line: &PamLine) -> bool {
    let control = line.words.get(1).map_or("", |word| &word.text);
    let is_plain = ["required", "requisite"].iter().any(|plain| control.eq_ignore_ascii_case(plain));
    is_plain && line.handler == Handler::Module && line.trail.iter().all(|step| step.whole)
}

/// Whether the stack ends where a line refuses.
fn ends(line: &PamLine) -> bool {
    passes_on(line) && line.control.on(ReturnValue::PERM_DENIED) == Action::Die
}

/// A line before ours whose refusal ends the login only when ours has stored an enrollment.
fn goes_on(stack: &Stack<'_>, at: usize) -> Option<Finding> {
    let line = stack.entries.get(at).filter(|line| !ends(line))?;
    // A file that others include may be right for them.
    let remedy = if line.location.file == stack.service.file {
        Remedy::Replace { location: line.location.clone(), text: line.with_control("requisite") }
    } else {
        Remedy::Move { location: stack.our_location(), before: stack.in_our_file(at)? }
    };
    Some(Finding::problem(
        line.location.clone(),
        "after a refusal of this line the account line of twostep still runs",
        "It would store the second step of somebody who may not log in, so nobody enrolls here.",
        remedy,
    ))
}

fn missing(service: &Service) -> Finding {
    let skipping = service.account.iter().filter(|line| !ends(line));
    let first = skipping.filter_map(|line| line.line_in(&service.file)).next();
    let location = first.cloned().unwrap_or_else(|| Location::file(&service.file));
    let what = "the account line of twostep is missing";
    Finding::problem(
        Location::file(&service.file),
        what,
        STORES,
        Remedy::Insert { location, text: our_text(ModuleType::Account) },
    )
}

fn not_first(stack: &Stack<'_>) -> Finding {
    let what = "an account line before the one of twostep may skip it";
    let skipping = stack.entries.iter().position(|line| !passes_on(line)).unwrap_or(0);
    let first = stack.in_our_file(skipping).unwrap_or_else(|| Location::file(&stack.service.file));
    let remedy = Remedy::Move { location: stack.our_location(), before: first.clone() };
    let around = Ways::through(&stack.entries, Scenario::Anything);
    let culprit = around.successes.iter().find(|facts| !facts.asked).and_then(|facts| facts.went_around);
    match culprit.and_then(|at| stack.entries.get(at)) {
        Some(line) => {
            let why = format!("{STORES} {} can go around it, so nobody enrolls here.", line.location);
            Finding::problem(stack.our_location(), what, why, remedy)
        }
        None => {
            let why = format!(
                "{STORES} Where lines that are neither 'required' nor 'requisite' stand before it, nobody enrolls."
            );
            Finding::problem(stack.our_location(), what, why, remedy)
        }
    }
}

fn nobody_says_yes(stack: &Stack<'_>) -> Finding {
    let text = if stack.files.knows_at_include() && stack.files.open("common-account").is_some() {
        "@include common-account"
    } else if stack.files.open("system-auth").is_some() {
        "account    include      system-auth"
    } else {
        "account    required     pam_unix.so"
    };
    Finding::problem(
        stack.our_location(),
        "no other account line says yes: everybody is refused",
        "The account line of twostep refuses, or says nothing.",
        Remedy::Insert { location: stack.files.after(&stack.our_location()), text: text.to_owned() },
    )
}
