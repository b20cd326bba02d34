//! The account line, where people enroll and at the gate.

use twostep_core::login::machine::Surroundings;
use twostep_core::machine::System;
use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::walk::Handler;
use twostep_core::paths::{DEBIAN_PAM_DIRS, PAM_CONF, PAM_DIR};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Scenario;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::pam::ways::Ways;

use super::asking::Stack;
use super::late_refusal;
use super::own_line;
use super::shared;
use super::text::our_text;
use crate::context::Context;
use crate::enrolling;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const STORES: &str = "It stores what somebody enrolls in a login, and refuses who came around the code.";

/// What is wrong with the account lines of a service that needs one of ours.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, service: &Service) -> Vec<Finding> {
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
    let is_read = |folder: &&str| service.file.starts_with(&format!("{folder}/"));
    if service.file != PAM_CONF && !DEBIAN_PAM_DIRS.iter().any(is_read) {
        return vec![not_read(service)];
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
    if let Some(doubt) = doubt(files, service) {
        return vec![doubt];
    }
    if enrolling::is_possible(context, &service.name) { late_refusal::check(&stack) } else { Vec::new() }
}

/// What the module itself says before it enrolls anybody: it is stricter, because it must not guess.
fn doubt(files: &Files<'_>, service: &Service) -> Option<Finding> {
    let problem = System::new(files.root().clone()).check_account_phase(&service.name).err()?.to_string();
    let why = "twostep cannot be sure that PAM comes to its account line, so nobody enrolls here.";
    let remedy =
        Remedy::Advice { text: "Write the lines before it plainly, one after the other.".to_owned() };
    Some(Finding::problem(Id::PamAccountLineNotCertain, Location::file(&service.file), problem, why, remedy))
}

/// Whether a line never skips what follows but by refusing, as the module itself judges before it enrolls anybody.
fn passes_on(line: &PamLine) -> bool {
    let control = line.words.get(1).map_or("", |word| &word.text);
    let is_plain = ["required", "requisite"].iter().any(|plain| control.eq_ignore_ascii_case(plain));
    is_plain && line.handler == Handler::Module && line.trail.iter().all(|step| step.whole)
}

/// Whether a refusal of the line ends the stack.
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
    let what = format!("after a refusal of {} the account line of twostep is still reached", line.module());
    let why = "It would store an enrollment of somebody who is not let in, so nobody enrolls here.";
    Some(Finding::problem(Id::PamRefusedLoginGoesOn, line.location.clone(), what, why, remedy))
}

/// The module reads the service's file before it enrolls anybody, and knows fewer folders than libpam.
fn not_read(service: &Service) -> Finding {
    let why = format!("It looks for the account line in {} alone.", DEBIAN_PAM_DIRS.join(" and "));
    let command = format!("cp {} {PAM_DIR}/", service.file);
    let what = "nobody enrolls here: twostep does not read this folder";
    Finding::problem(Id::PamFolderNotRead, Location::file(&service.file), what, why, Remedy::Run { command })
}

fn missing(service: &Service) -> Finding {
    let skipping = service.account.iter().filter(|line| !ends(line));
    let first = skipping.filter_map(|line| line.line_in(&service.file)).next();
    let location = first.cloned().unwrap_or_else(|| Location::file(&service.file));
    let what = "the account line of twostep is missing";
    Finding::problem(
        Id::PamAccountLineMissing,
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
            Finding::problem(Id::PamAccountLineCanBeSkipped, stack.our_location(), what, why, remedy)
        }
        None => {
            let why = format!(
                "{STORES} Where lines that are neither 'required' nor 'requisite' stand before it, nobody enrolls."
            );
            Finding::problem(Id::PamAccountLineCanBeSkipped, stack.our_location(), what, why, remedy)
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
        Id::PamNoLineSaysYes,
        stack.our_location(),
        "no other account line says yes: everybody is refused",
        "The account line of twostep refuses, or says nothing.",
        Remedy::Insert { location: stack.files.after(&stack.our_location()), text: text.to_owned() },
    )
}
