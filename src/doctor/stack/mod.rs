//! The stacks of PAM, as libpam would run them: what is wrong in each service that asks twostep.
//!
//! `twostep_hostconf::pam` reads the lines and follows all ways through them. Here each uses only those before it:
//!
//! ```text
//! text, unfold, other_modules
//!   -> own_line -> module_file -> asking               our line, and the places for it
//!   -> faults, missing_module, pam_conf                what libpam cannot read or load; how lines stand in pam.conf
//!   -> auth_stack (twice, one_question, bypass, wrong_factor), shared -> account_stack (late_refusal), pairs -> remote
//!   -> without_file, askers -> unasked, silent
//!   -> doors                                           what a remedy changes
//! ```

mod account_stack;
mod askers;
mod asking;
mod auth_stack;
mod bypass;
mod doors;
mod faults;
mod late_refusal;
mod missing_module;
mod module_file;
mod one_question;
mod other_modules;
mod own_line;
mod pairs;
mod pam_conf;
mod remote;
mod shared;
mod silent;
mod text;
mod twice;
mod unasked;
mod unfold;
mod without_file;
mod wrong_factor;

use std::collections::BTreeSet;

use twostep_core::policy::{Enrollment, Gate};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::sshd::services::services as sshd_services;

use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use asking::Stack;
use auth_stack::CalledBy;
use pam_conf::in_pam_conf;

/// What stands in the way of a login with a code, at one service.
pub(crate) struct Guard {
    /// The arguments of our auth line; none if there is no such line.
    pub asks: Option<Vec<String>>,
    /// Whether there is an account line of ours.
    pub keeps: bool,
}

/// Our lines in the service called `name`, wherever it includes them from.
pub(crate) fn guard(context: &Context<'_>, name: &str) -> Guard {
    let files = Files::new(context.root);
    let service = Service::load(&files, name).filter(|_| !hides_lines(context, &files));
    let ours = |entries: &[PamLine]| entries.iter().find(|line| line.is_ours()).cloned();
    Guard {
        asks: service
            .as_ref()
            .and_then(|service| ours(&service.auth))
            .map(|line| line.arguments().map(str::to_owned).collect()),
        keeps: service.is_some_and(|service| ours(&service.account).is_some()),
    }
}

/// Checks each service that names the module, if all lines can be seen: some say little without the others. Nothing
/// is said of a service for asking nobody if it is `told` of already.
pub(crate) fn check(context: &Context<'_>, told: &BTreeSet<String>) -> Vec<Finding> {
    let files = Files::new(context.root);
    let findings = check_services(context, &files, told);
    if hides_lines(context, &files) { Vec::new() } else { findings }
}

/// The finding with what its remedy changes at the doors of this machine, if all lines can be seen.
pub(crate) fn with_doors(context: &Context<'_>, finding: Finding) -> Finding {
    let files = Files::new(context.root);
    let effect = doors::effect(&files, &finding.remedy, &guarded(context), &gates(context));
    if hides_lines(context, &files) { finding } else { finding.with_effect(effect) }
}

/// Whether this process cannot see all lines that libpam would run.
fn hides_lines(context: &Context<'_>, files: &Files<'_>) -> bool {
    context.visibility == Visibility::Public && files.hides()
}

fn check_services(context: &Context<'_>, files: &Files<'_>, told: &BTreeSet<String>) -> Vec<Finding> {
    let names = files.names();
    let services: Vec<_> = names.iter().filter_map(|name| Service::load(files, name)).collect();
    let (misspelt, services): (Vec<_>, Vec<_>) =
        services.into_iter().partition(|service| !missing_module::misspelt(files, service).is_empty());
    if misspelt.is_empty() && !services.is_empty() && !services.iter().any(Service::names_us) {
        return vec![nobody_asks(files)];
    }
    // What else is wrong there cannot be said before these lines are what they are meant to be.
    let meant = misspelt.iter().flat_map(|service| {
        let found = missing_module::misspelt(files, service).into_iter();
        found.map(|finding| in_pam_conf(service, finding)).collect::<Vec<_>>()
    });
    let guarded = guarded(context);
    let asking = services.iter().filter(|service| service.names_us());
    let each = asking.flat_map(|service| {
        let mut findings = check_lines(context, files, service);
        findings.extend(missing_module::check(files, service));
        if !shared::is_part(service, &services) {
            let here = check_service(context, files, service, &guarded).into_iter();
            findings
                .extend(here.map(|finding| at_home(context, files, service, &services, &guarded, finding)));
        }
        findings.into_iter().map(|finding| in_pam_conf(service, finding))
    });
    let together =
        shared::check(files, &services, &guarded).into_iter().chain(pairs::check(files, &services));
    let silent = unasked::check(context, files, &services, told).into_iter().chain(silent::check(files));
    let not_known = missing_module::not_looked_at(files);
    meant.chain(each).chain(not_known).chain(together).chain(silent).collect()
}

/// Where an account line of ours is needed: people enroll there, or the gate is there.
fn guarded(context: &Context<'_>) -> Vec<String> {
    if context.hides_policy() {
        return Vec::new();
    }
    let policy = context.policy.as_ref();
    let enrollment = policy.map_or_else(Enrollment::default, |policy| policy.enrollment.clone());
    let mut guarded = [enrollment.services, gates(context)].concat();
    if guarded.iter().any(|service| service == "sshd") {
        guarded.extend(sshd_services(context.root)); // sshd is meant, whatever its service
    }
    guarded
}

/// Where the account line refuses a login that has bypassed the code.
fn gates(context: &Context<'_>) -> Vec<String> {
    context.policy.as_ref().map_or_else(Gate::default, |policy| policy.gate.clone()).services
}

fn check_service(
    context: &Context<'_>,
    files: &Files<'_>,
    service: &Service,
    guarded: &[String],
) -> Vec<Finding> {
    let mut findings: Vec<_> = service.faults.iter().map(|fault| faults::finding(files, fault)).collect();
    if service.lost || !findings.is_empty() {
        return findings;
    }
    let guarded = guarded.contains(&service.name);
    let is_shared = |line: &PamLine| line.is_ours() && shared::stands_shared(line);
    if let Some(stack) = Stack::new(files, service, &service.auth)
        && !service.auth.iter().any(is_shared)
    {
        findings.extend(auth_stack::check(&stack, CalledBy::of(&service.name, guarded)));
    }
    if guarded {
        findings.extend(account_stack::check(context, files, service));
    }
    findings
}

/// A line in the file of another service is mended for that service or not at all: what is wrong with it here may be right
/// there.
fn at_home(
    context: &Context<'_>,
    files: &Files<'_>,
    service: &Service,
    services: &[Service],
    guarded: &[String],
    finding: Finding,
) -> Finding {
    let file = finding.remedy.file().filter(|file| *file != service.file);
    let has_it = |other: &&Service| file == Some(&other.file) && !shared::is_part(other, services);
    let Some(other) = services.iter().find(has_it) else { return finding };
    if check_service(context, files, other, guarded).iter().any(|there| there.remedy == finding.remedy) {
        return finding;
    }
    let text = format!(
        "{} includes that from {}, where it may be right. Write the lines into {} instead, and mend them there.",
        service.name, other.file, service.file
    );
    Finding { remedy: Remedy::Advice { text }, ..finding }
}

/// Our lines themselves, wherever they stand.
fn check_lines(context: &Context<'_>, files: &Files<'_>, service: &Service) -> Vec<Finding> {
    let entries = service.auth.iter().chain(&service.account);
    let ours = entries.filter(|line| line.is_ours());
    let check = |line: &PamLine| {
        [own_line::check(&module_file::corrected(files, line)), module_file::check(context, files, line)]
            .concat()
    };
    ours.flat_map(check).collect()
}

fn nobody_asks(files: &Files<'_>) -> Finding {
    let folder = files.directories().first().copied().unwrap_or_default();
    Finding::warning(
        Id::PamNoServiceAsks,
        Location::file(folder),
        "no login asks for a code yet: no service names pam_twostep.so",
        "twostep is installed, and nothing uses it.",
        Remedy::Advice { text: "pam.d/README.md of twostep says which lines go into which file.".to_owned() },
    )
}
