//! Services that ask nobody for a code, though the policy counts on it.

use std::collections::BTreeSet;

use twostep_core::paths::{PAM_CONF, PAM_DIR, POLICY};
use twostep_core::policy::{Mode, Policy, Rule};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::askers::{is_included_and_asked_for, lets_in};
use super::asking::{asks_first_factor, behind_password};
use super::pam_conf::in_pam_conf;
use super::without_file::{self, naming};
use super::{pairs, remote, shared};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::obligation;
use crate::policy::exemption::exemption;

/// What is wrong with the services that have no auth line of ours, as far as the policy counts on them. Those that are
/// `told` of already are left out.
pub(crate) fn check(
    context: &Context<'_>,
    files: &Files<'_>,
    services: &[Service],
    told: &BTreeSet<String>,
) -> Vec<Finding> {
    let Some(policy) = &context.policy else { return Vec::new() };
    let view = View { context, policy, files, services };
    let silent = services.iter().filter(|service| !service.lost && !pairs::asks(service));
    let judged = silent.filter(|service| view.is_judged(service) && !told.contains(&service.name));
    let mut found = Vec::new();
    let mut unasked = Vec::new();
    for service in judged {
        match view.judge(service) {
            Some(Verdict::Wrong(finding)) => found.push((service, *finding)),
            Some(Verdict::Unasked) => unasked.push(service),
            None => {}
        }
    }
    let mut findings = Vec::new();
    for (service, finding) in found {
        let (folded, rest): (Vec<_>, Vec<_>) =
            unasked.into_iter().partition(|other| includes(other, service));
        unasked = rest;
        findings.push(in_pam_conf(service, naming_folded(finding, &folded)));
    }
    findings.extend(view.unasked(&unasked));
    findings.extend(without_file::check(context, policy, files, services, told));
    findings.extend(remote::check(context, files, services));
    findings
}

/// What is to be said of a service that asks nobody.
enum Verdict {
    /// This, of it alone.
    Wrong(Box<Finding>),
    /// What is said of all that let people in with the password alone.
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
            return wrong(self.keeps_only(service));
        }
        if !obligation::exists(self.context, name) {
            return None;
        }
        if let Some(rule) = naming(self.policy, name) {
            return wrong(self.named(service, rule));
        }
        let [gate, enrollment] = [&self.policy.gate.services, &self.policy.enrollment.services];
        if [gate, enrollment].iter().any(|list| list.iter().any(|one| one == name)) {
            return if service.names_us() { None } else { wrong(says_nothing(&service.file, name)) };
        }
        let is_told = name == remote::SERVICE && remote::is_judged_by_login(self.files, self.services)
            || pairs::partner_asks(name, self.services);
        let checks_password = service.auth.iter().any(asks_first_factor);
        (lets_in(name) && checks_password && !is_told).then_some(Verdict::Unasked)
    }

    /// Whether a program may ask for this service. A file is no more than a part where a service that includes it asks for a
    /// code.
    fn is_judged(&self, service: &Service) -> bool {
        let is_part_of = |other: &Service| {
            other.file != service.file && other.auth.iter().any(|line| line.location.file == service.file)
        };
        let is_part = || self.services.iter().any(|other| pairs::asks(other) && is_part_of(other));
        !shared::is_part(service, self.services)
            || is_included_and_asked_for(&service.name)
            || !shared::is_shared(&service.name) && !is_part()
    }

    fn keeps_only(&self, service: &Service) -> Finding {
        Finding::problem(
            Id::PamAuthLineMissing,
            Location::file(&service.file),
            "the account line of twostep is there, and the auth line is missing",
            "Users who are enrolled get in without a code.",
            self.ask(service),
        )
    }

    fn named(&self, service: &Service, rule: &Rule) -> Finding {
        Finding::problem(
            Id::PamNamedServiceAsksNoCode,
            Location::file(&service.file),
            format!("rule '{}' names {}, and this file asks nobody for a code", rule.name, service.name),
            format!("The rule ({POLICY}:{}) makes the second step mandatory there.", rule.line),
            self.ask(service),
        )
    }

    /// One finding for all services that let people in with the password alone.
    fn unasked(&self, services: &[&Service]) -> Option<Finding> {
        let (first, others) = services.split_first()?;
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        let (asks, them) = if others.is_empty() { ("asks", "it") } else { ("ask", "them") };
        let is_one_file = others.iter().all(|other| other.file == first.file);
        let folder = || self.files.directories().first().copied().unwrap_or_default();
        let advice = format!(
            "To have {them} ask, add the line of twostep to {}, as pam.d/README.md says.",
            if is_one_file { file_to_change(first) } else { files_to_change(services) }
        );
        let text = self.context.policy_text.as_deref().unwrap_or_default();
        let remedy = match exemption(self.policy, text, &names, self.context.now) {
            Some((location, text)) => Remedy::Choose { advice, location, text },
            None => {
                Remedy::Advice { text: format!("{advice} Otherwise exempt {them} by a rule in {POLICY}.") }
            }
        };
        Some(Finding::warning(
            Id::PamServiceAsksNoCode,
            Location::file(if is_one_file { &first.file } else { folder() }),
            format!("{} {asks} for no code, though some users need one", and(&names)),
            "The password alone is enough there.",
            remedy,
        ))
    }

    /// A vendor's file is copied first, since the next version of its package would undo the change.
    fn ask(&self, service: &Service) -> Remedy {
        if !is_administrators(service) {
            return Remedy::Run { command: format!("cp {} {PAM_DIR}/", service.file) };
        }
        behind_password(self.files, service).unwrap_or_else(|| Remedy::Advice {
            text: format!(
                "Put 'auth required pam_twostep.so' into {}, behind what checks the password.",
                service.file
            ),
        })
    }
}

/// Whether the lines of `service` that check the password come by the file of `other`.
fn includes(service: &Service, other: &Service) -> bool {
    let by_other = |line: &PamLine| {
        let mut steps = line.trail.iter().map(|step| &step.location).chain([&line.location]);
        steps.any(|location| location.file == other.file)
    };
    other.file != service.file && service.auth.iter().filter(|line| asks_first_factor(line)).all(by_other)
}

/// The finding, which also names services that include the file that it is about.
fn naming_folded(finding: Finding, folded: &[&Service]) -> Finding {
    let names: Vec<&str> = folded.iter().map(|service| service.name.as_str()).collect();
    match names.as_slice() {
        [] => finding,
        [one] => Finding {
            why: format!("{} {one} includes this file, and asks nobody either.", finding.why),
            ..finding
        },
        _ => Finding {
            why: format!("{} {} include this file, and ask nobody either.", finding.why, and(&names)),
            ..finding
        },
    }
}

/// The names as a part of a sentence.
fn and(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

fn file_to_change(service: &Service) -> String {
    if is_administrators(service) { "this file" } else { "a copy of this file in /etc/pam.d" }.to_owned()
}

fn files_to_change(services: &[&Service]) -> String {
    let vendors: Vec<&str> =
        services.iter().filter(|service| !is_administrators(service)).map(|one| one.file.as_str()).collect();
    if vendors.is_empty() {
        return "their files".to_owned();
    }
    format!("their files (first copy {} to /etc/pam.d)", and(&vendors))
}

/// Whether the file is for administrators to change.
fn is_administrators(service: &Service) -> bool {
    service.file == PAM_CONF || service.file.starts_with(&format!("{PAM_DIR}/"))
}

fn is_own(line: &PamLine) -> bool {
    line.is_ours() && line.kind == ModuleType::Account && !shared::stands_shared(line)
}

/// At the gate's services, and where people enroll, the policy counts on being asked.
fn says_nothing(file: &str, service: &str) -> Finding {
    let why = "The policy makes the second step mandatory there for some, and nobody is asked. Perhaps a package has \
               replaced the file.";
    let advice = format!(
        "pam.d/README.md of twostep says which lines go into it. If nobody shall be asked there, say so in the policy: take '{service}' out of [gate] and [enrollment]."
    );
    Finding::warning(
        Id::PamNamedServiceAsksNoCode,
        Location::file(file),
        "this file does not name pam_twostep.so, as others do",
        why,
        Remedy::Advice { text: advice },
    )
}
