//! The account line: where users enroll, and at the services of `[gate]`.

use twostep_core::login::account_line::check_account_phase;
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
use super::findings::account_lines as findings;
use super::findings::auth_lines::refusal_is_forgotten;
use super::late_refusal;
use super::own_line;
use super::shared;
use super::text::our_text;
use crate::context::Context;
use crate::enrolling;
use crate::finding::{Finding, Remedy};

/// The findings on the account lines of a service that needs one of ours.
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
        let command = format!("cp {} {PAM_DIR}/", service.file);
        return vec![findings::folder_not_read(Location::file(&service.file), command)];
    }
    if Ways::through(&stack.entries, Scenario::Exempt).successes.is_empty() {
        return vec![no_line_says_yes(&stack)];
    }
    if Ways::through(&stack.entries, Scenario::Refused).successes.iter().any(|facts| facts.asked) {
        return vec![refusal_is_forgotten(stack.our_location())];
    }
    let is_wrong = |line: &PamLine| line.is_ours() && !own_line::check(line).is_empty();
    if service.account.iter().any(is_wrong) {
        return Vec::new(); // own_line reports it
    }
    if let Some(doubt) = doubt(files, service) {
        return vec![doubt];
    }
    if enrolling::is_possible(context, &service.name) { late_refusal::check(&stack) } else { Vec::new() }
}

/// The module refuses to enroll where it is not certain to be called in the account phase. It is stricter than libpam.
fn doubt(files: &Files<'_>, service: &Service) -> Option<Finding> {
    // Of the folders where the module looks, the first one that has the file counts.
    let text_of = |name: &str| {
        let mut paths = DEBIAN_PAM_DIRS.iter().map(|folder| format!("{folder}/{name}"));
        paths.find(|path| files.has(path)).and_then(|path| files.text(&path))
    };
    let doubt = check_account_phase(&service.name, &text_of).err()?;
    Some(findings::account_line_not_certain(Location::file(&service.file), &doubt))
}

/// Whether the line either refuses or goes on to the next line. The module itself requires this before it enrolls a user.
fn passes_on(line: &PamLine) -> bool {
    let control = line.words.get(1).map_or("", |word| &word.text);
    let is_plain = ["required", "requisite"].iter().any(|plain| control.eq_ignore_ascii_case(plain));
    is_plain && line.handler == Handler::Module && line.trail.iter().all(|step| step.whole)
}

/// Whether a refusal of the line ends the stack.
fn ends(line: &PamLine) -> bool {
    passes_on(line) && line.control.on(ReturnValue::PERM_DENIED) == Action::Die
}

/// A line before ours after whose refusal libpam still reaches ours, which saves the enrollment.
fn goes_on(stack: &Stack<'_>, at: usize) -> Option<Finding> {
    let line = stack.entries.get(at).filter(|line| !ends(line))?;
    // A file that others include may be right for them.
    let remedy = if line.location.file == stack.service.file {
        Remedy::Replace { location: line.location.clone(), text: line.with_control("requisite") }
    } else {
        Remedy::Move { location: stack.our_location(), before: stack.in_our_file(at)? }
    };
    Some(findings::refused_login_goes_on(line, remedy))
}

fn missing(service: &Service) -> Finding {
    let skipping = service.account.iter().filter(|line| !ends(line));
    let first = skipping.filter_map(|line| line.line_in(&service.file)).next();
    let location = first.cloned().unwrap_or_else(|| Location::file(&service.file));
    let remedy = Remedy::Insert { location, text: our_text(ModuleType::Account) };
    findings::account_line_missing(Location::file(&service.file), remedy)
}

fn not_first(stack: &Stack<'_>) -> Finding {
    let skipping = stack.entries.iter().position(|line| !passes_on(line)).unwrap_or(0);
    let first = stack.in_our_file(skipping).unwrap_or_else(|| Location::file(&stack.service.file));
    let remedy = Remedy::Move { location: stack.our_location(), before: first };
    let around = Ways::through(&stack.entries, Scenario::Anything);
    let culprit = around.successes.iter().find(|facts| !facts.asked).and_then(|facts| facts.went_around);
    let culprit = culprit.and_then(|at| stack.entries.get(at)).map(|line| &line.location);
    findings::account_line_can_be_skipped(stack.our_location(), culprit, remedy)
}

fn no_line_says_yes(stack: &Stack<'_>) -> Finding {
    let text = if stack.files.knows_at_include() && stack.files.open("common-account").is_some() {
        "@include common-account"
    } else if stack.files.open("system-auth").is_some() {
        "account    include      system-auth"
    } else {
        "account    required     pam_unix.so"
    };
    let location = stack.files.after(&stack.our_location());
    findings::no_line_says_yes(stack.our_location(), Remedy::Insert { location, text: text.to_owned() })
}
