//! The stacks of PAM, as libpam would run them: what is wrong in each service that asks twostep.
//!
//! `twostep_hostconf::pam` reads the lines and follows all ways through them. Here each uses only those before it:
//!
//! ```text
//! text, unfold, other_modules, findings                the lines that we write; the sentences
//!   -> own_line -> module_file -> asking               the pam_twostep line, and the places for it
//!   -> faults, missing_module, pam_conf                what libpam cannot read or load; the format of pam.conf
//!   -> needs_exemption                                 programs at which no code works
//!   -> auth_stack (twice, one_question, bypass, wrong_factor), shared -> account_stack (late_refusal), pairs -> remote
//!   -> without_file, askers, guarded -> log_in -> unasked
//!   -> draft                                           the lines with which a service asks for a code
//!   -> remedy_effect                                   how a remedy changes logins
//! ```

mod account_stack;
mod askers;
mod asking;
mod auth_stack;
mod bypass;
pub mod draft;
mod faults;
mod findings;
mod guarded;
mod late_refusal;
mod log_in;
mod missing_module;
mod module_file;
mod needs_exemption;
mod one_question;
mod other_modules;
mod own_line;
mod pairs;
mod pam_conf;
mod remedy_effect;
mod remote;
mod shared;
mod text;
mod twice;
mod unasked;
mod unfold;
mod without_file;
mod wrong_factor;

use std::collections::BTreeSet;

use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use crate::context::{Context, Visibility};
use crate::finding::Finding;
use asking::Stack;
use auth_stack::CalledBy;
use guarded::{gates, guarded};
pub(crate) use log_in::{End, LoginService, services as login_services};
pub(crate) use pairs::{is_guarded, other_lets_in};
use pam_conf::in_pam_conf;
pub use shared::is_shared;

/// With this argument a line says whether sshd has accepted a key.
const SSHD_ACCEPTED_KEY: &str = "sshd_accepted=publickey";

/// The pam_twostep lines in one service.
pub(crate) struct Guard {
    /// The arguments of our auth line; none if there is no such line.
    pub asks: Option<Vec<String>>,
    /// Whether a line passes over the password where sshd has accepted a key.
    pub takes_key: bool,
    /// Whether there is an account pam_twostep line.
    pub keeps: bool,
}

/// The pam_twostep lines in the service called `name`, those of included files too.
pub(crate) fn guard(context: &Context<'_>, name: &str) -> Guard {
    let files = Files::new(context.root);
    let service = Service::load(&files, name).filter(|_| !hides_lines(context, &files));
    let ours = |entries: &[PamLine]| entries.iter().find(|line| line.is_ours()).cloned();
    Guard {
        asks: service
            .as_ref()
            .and_then(|service| ours(&service.auth))
            .map(|line| line.arguments().map(str::to_owned).collect()),
        takes_key: service.as_ref().is_some_and(takes_key),
        keeps: service.is_some_and(|service| ours(&service.account).is_some()),
    }
}

/// Whether a line passes over the password where sshd has accepted a key.
pub(crate) fn takes_key(service: &Service) -> bool {
    let asks = |line: &PamLine| line.arguments().any(|argument| argument == SSHD_ACCEPTED_KEY);
    service.auth.iter().any(|line| line.role() == Role::SshdAccepted && asks(line))
}

/// Checks each service that names the module, if this process may read all lines. A service in `reported` gets no
/// finding because it asks for no code.
pub(crate) fn check(context: &Context<'_>, reported: &BTreeSet<String>) -> Vec<Finding> {
    let files = Files::new(context.root);
    let findings = check_services(context, &files, reported);
    if hides_lines(context, &files) { Vec::new() } else { findings }
}

/// The finding with the effect of its remedy on logins, if this process may read all lines.
pub(crate) fn with_effect(context: &Context<'_>, finding: Finding) -> Finding {
    let files = Files::new(context.root);
    let effect = remedy_effect::effect(&files, &finding.remedy, &guarded(context), &gates(context));
    if hides_lines(context, &files) { finding } else { finding.with_effect(effect) }
}

/// Whether this process cannot see all lines that libpam would run.
pub(crate) fn hides_lines(context: &Context<'_>, files: &Files<'_>) -> bool {
    context.visibility == Visibility::Public && files.hides()
}

fn check_services(context: &Context<'_>, files: &Files<'_>, reported: &BTreeSet<String>) -> Vec<Finding> {
    let names = files.names();
    let services: Vec<_> = names.iter().filter_map(|name| Service::load(files, name)).collect();
    let (misspelt, services): (Vec<_>, Vec<_>) =
        services.into_iter().partition(|service| !missing_module::misspelt(files, service).is_empty());
    if misspelt.is_empty() && !services.is_empty() && !services.iter().any(Service::names_us) {
        return vec![findings::services::no_service_asks(folder(files))];
    }
    // These services cannot be judged before their lines name the right module.
    let meant = misspelt.iter().flat_map(|service| {
        let found = missing_module::misspelt(files, service).into_iter();
        let found = found.map(|finding| in_pam_conf(service, finding).about([service.name.as_str()]));
        found.collect::<Vec<_>>()
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
        findings.into_iter().map(|finding| in_pam_conf(service, finding).about([service.name.as_str()]))
    });
    let together =
        shared::check(files, &services, &guarded).into_iter().chain(pairs::check(files, &services));
    let not_files = files.unreadable().into_iter().map(|path| {
        let service = path.rsplit('/').next().unwrap_or_default().to_owned();
        findings::services::service_not_a_file(path).about([service.as_str()])
    });
    let unasked = unasked::check(context, files, &services, reported).into_iter().chain(not_files);
    let not_known = missing_module::not_looked_at(files);
    meant.chain(each).chain(not_known).chain(together).chain(unasked).collect()
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
    if let Some(finding) = needs_exemption::finding(context, service) {
        return vec![finding];
    }
    let guarded = guarded.contains(&service.name);
    let is_shared = |line: &PamLine| line.is_ours() && shared::is_in_shared_file(line);
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

/// A line in the file of another service is changed only for that service: it may be wrong here and right there.
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
    let remedy = findings::services::copy_included_lines(&service.name, &service.file, &other.file);
    Finding { remedy, ..finding }
}

/// Checks the pam_twostep lines by themselves, in whatever file they are.
fn check_lines(context: &Context<'_>, files: &Files<'_>, service: &Service) -> Vec<Finding> {
    let entries = service.auth.iter().chain(&service.account);
    let check = |line: &PamLine| {
        let line_itself = if line.is_ours() {
            own_line::check(&module_file::corrected(files, line))
        } else {
            own_line::check_question(line)
        };
        [line_itself, module_file::check(context, files, line)].concat()
    };
    entries.filter(|line| line.is_of_twostep()).flat_map(check).collect()
}

fn folder<'a>(files: &Files<'a>) -> &'a str {
    files.directories().first().copied().unwrap_or_default()
}
