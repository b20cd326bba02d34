//! Services that ask for no code, though the policy requires one of some user.

use std::collections::BTreeSet;

use twostep_core::paths::{PAM_CONF, PAM_DIR};
use twostep_core::policy::{Enrollment, Mode, Policy};
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::askers::lets_in;
use super::asking::{asks_first_factor, behind_password};
use super::findings::services as findings;
use super::pam_conf::in_pam_conf;
use super::without_file::{self, naming};
use super::{log_in, pairs, remote, shared};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::obligation;
use crate::policy::exemption::exemption;

/// The findings on services without a pam_twostep auth line where the policy requires a code of some user. Not on those
/// in `reported`, which have another finding.
pub(crate) fn check(
    context: &Context<'_>,
    files: &Files<'_>,
    services: &[Service],
    reported: &BTreeSet<String>,
) -> Vec<Finding> {
    let Some(policy) = &context.policy else { return Vec::new() };
    let view = View { context, policy, files, services };
    let silent = services.iter().filter(|service| !service.lost && !pairs::asks(service));
    let judged =
        silent.filter(|service| log_in::is_used(service, services) && !reported.contains(&service.name));
    let mut found = Vec::new();
    let mut unasked = Vec::new();
    for service in judged {
        match view.judge(service) {
            Some(Verdict::Wrong(finding)) => found.push((service, *finding)),
            Some(Verdict::Unasked) => unasked.push(service),
            None => {}
        }
    }
    let mut found_all = Vec::new();
    for (service, finding) in found {
        let (folded, rest): (Vec<_>, Vec<_>) =
            unasked.into_iter().partition(|other| includes(other, service));
        unasked = rest;
        let names: Vec<&str> = folded.iter().map(|service| service.name.as_str()).collect();
        let finding = findings::and_services_that_include_it(finding, &names);
        let finding = finding.about([service.name.as_str()]).about(names);
        found_all.push(in_pam_conf(service, finding));
    }
    found_all.extend(view.unasked(&unasked));
    found_all.extend(without_file::check(context, policy, files, services, reported));
    found_all.extend(remote::check(context, files, services));
    found_all
}

/// The result for a service that asks for no code.
enum Verdict {
    /// A finding on this service alone.
    Wrong(Box<Finding>),
    /// It is one of the services of `pam.service-asks-no-code`, which share one finding.
    Unasked,
}

struct View<'a> {
    context: &'a Context<'a>,
    policy: &'a Policy,
    files: &'a Files<'a>,
    services: &'a [Service],
}

impl View<'_> {
    fn judge(&self, service: &Service) -> Option<Verdict> {
        let name = service.name.as_str();
        let wrong = |finding| Some(Verdict::Wrong(Box::new(finding)));
        if self.policy.strictest(name, self.context.now) == Mode::Exempt {
            return None;
        }
        if service.account.iter().any(is_own) && lets_in(name) {
            return wrong(findings::auth_line_missing(&service.file, self.add_line(service)));
        }
        if !obligation::exists(self.context, name) {
            return None;
        }
        if let Some(rule) = naming(self.policy, name) {
            let remedy = self.add_line(service);
            return wrong(findings::named_service_asks_no_code(&service.file, name, rule, remedy));
        }
        let [gate, enrollment] = [&self.policy.gate.services, &self.policy.enrollment.services];
        // By default users enroll at the console, too. Only an administrator's own list says that it is meant to ask.
        let is_listed = *enrollment != Enrollment::default().services && enrollment.contains(&service.name);
        if is_listed || gate.contains(&service.name) {
            let has_no_line = || findings::named_service_has_no_line(&service.file, name);
            return if service.names_us() { None } else { wrong(has_no_line()) };
        }
        let is_covered = name == remote::SERVICE && remote::is_judged_by_login(self.files, self.services)
            || pairs::partner_asks(name, self.services);
        (log_in::lets_users_in(service) && !is_covered).then_some(Verdict::Unasked)
    }

    /// One finding for all services that let users in by password alone.
    fn unasked(&self, services: &[&Service]) -> Option<Finding> {
        let (first, others) = services.split_first()?;
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let is_one_file = others.iter().all(|other| other.file == first.file);
        let folder = self.files.directories().first().copied().unwrap_or_default();
        let file = if is_one_file { &first.file } else { folder };
        let text = self.context.policy_text.as_deref().unwrap_or_default();
        let exemption = exemption(self.policy, text, &names, self.context.now);
        Some(findings::service_asks_no_code(file, &names, exemption).about(names))
    }

    /// A vendor's file is copied first, since the next version of its package would undo the change.
    fn add_line(&self, service: &Service) -> Remedy {
        if !is_administrators(service) {
            return Remedy::Run { command: format!("cp {} {PAM_DIR}/", service.file) };
        }
        behind_password(self.files, service).unwrap_or_else(|| findings::add_auth_line(&service.file))
    }
}

/// Whether `service` includes the lines that check its password from the file of `other`.
fn includes(service: &Service, other: &Service) -> bool {
    let by_other = |line: &PamLine| {
        let mut steps = line.trail.iter().map(|step| &step.location).chain([&line.location]);
        steps.any(|location| location.file == other.file)
    };
    other.file != service.file && service.auth.iter().filter(|line| asks_first_factor(line)).all(by_other)
}

/// Whether the file is the administrator's to change, and not a vendor's.
fn is_administrators(service: &Service) -> bool {
    service.file == PAM_CONF || service.file.starts_with(&format!("{PAM_DIR}/"))
}

fn is_own(line: &PamLine) -> bool {
    line.is_ours() && line.kind == ModuleType::Account && !shared::is_in_shared_file(line)
}
