//! Services that need a code and have no file.

use std::collections::BTreeSet;

use twostep_core::paths::POLICY;
use twostep_core::policy::{Mode, Policy, Rule};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service;

use super::pairs::{self, other_lets_in};
use super::remote;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::obligation;

/// Programs that most machines have, with the service for which each asks. su(1) of util-linux alone asks for `su-l`.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("login", &["/usr/bin/login", "/bin/login"]),
    ("sshd", &["/usr/sbin/sshd"]),
    ("su", SU),
    (LOGIN_SHELL, SU),
    ("sudo", &["/usr/bin/sudo"]),
];
const SU: &[&str] = &["/usr/bin/su", "/bin/su"];
/// The service of `su -`.
const LOGIN_SHELL: &str = "su-l";

/// Checks the services that a mandatory rule names, and those for which the machine's programs ask. Those that are `told`
/// of already are left out.
pub(crate) fn check(
    context: &Context<'_>,
    policy: &Policy,
    files: &Files<'_>,
    services: &[Service],
    told: &BTreeSet<String>,
) -> Vec<Finding> {
    let view = View { context, policy, files, services, told };
    [named(&view), of_programs(&view)].concat()
}

struct View<'a> {
    context: &'a Context<'a>,
    policy: &'a Policy,
    files: &'a Files<'a>,
    services: &'a [Service],
    told: &'a BTreeSet<String>,
}

/// The mandatory rule that names `service`.
pub(super) fn naming<'a>(policy: &'a Policy, service: &str) -> Option<&'a Rule> {
    policy
        .rules()
        .iter()
        .find(|rule| rule.mode() == Mode::Mandatory && rule.services().any(|one| one == service))
}

/// Services that a mandatory rule names, and that have no file.
fn named(view: &View<'_>) -> Vec<Finding> {
    let rules = view.policy.rules().iter().filter(|rule| rule.mode() == Mode::Mandatory);
    let named = rules.flat_map(|rule| rule.services().map(move |service| (rule, service)));
    let missing =
        named.filter(|(_, service)| view.files.open(service).is_none() && !view.told.contains(*service));
    let counts = missing.filter(|(_, service)| obligation::exists(view.context, service));
    counts.map(|(rule, service)| no_file(view.files, rule, service)).collect()
}

fn no_file(files: &Files<'_>, rule: &Rule, service: &str) -> Finding {
    let file = path_of(files, service);
    let why = if other_lets_in(files) {
        "Without it libpam takes the file 'other', which asks nobody for a code."
    } else {
        "If a program asks for this service, libpam takes the file 'other', which lets nobody in."
    };
    Finding::problem(
        Id::PolicyServiceWithoutFile,
        Location::line(POLICY, rule.line),
        format!("rule '{}' names {service}, and there is no {file}", rule.name),
        why,
        Remedy::Advice { text: format!("Correct the name, take it out of the rule, or write {file}.") },
    )
}

/// Programs that are there, and whose service has no file and is not named by a rule.
fn of_programs(view: &View<'_>) -> Vec<Finding> {
    if !other_lets_in(view.files) {
        return Vec::new();
    }
    let asks = |(service, paths): &&(&str, &[&str])| match *service {
        LOGIN_SHELL => remote::is_util_linux(view.files, paths),
        _ => paths.iter().any(|path| view.files.resolve(path).is_some_and(|real| real.is_file())),
    };
    let services = PROGRAMS.iter().filter(asks).map(|(service, _)| *service);
    let missing = services.filter(|service| view.files.open(service).is_none());
    let counts = missing.filter(|service| view.needs_code(service) && naming(view.policy, service).is_none());
    counts.map(|service| falls_back(view.files, service)).collect()
}

impl View<'_> {
    /// Whether the policy asks for a code there, or whoever needs one elsewhere can get around it there.
    fn needs_code(&self, service: &str) -> bool {
        let is_exempt = self.policy.strictest(service, self.context.now) == Mode::Exempt;
        obligation::exists(self.context, service) || !is_exempt && pairs::partner_asks(service, self.services)
    }
}

fn falls_back(files: &Files<'_>, service: &str) -> Finding {
    let file = path_of(files, service);
    Finding::warning(
        Id::PamServiceFileMissing,
        Location::file(&file),
        format!("this file is missing, so {service} asks for no code"),
        "libpam takes the file 'other' instead, in which the password alone is enough.",
        Remedy::Advice {
            text: format!(
                "Install {file} again from the program's package. pam.d/README.md of twostep says which lines go into it."
            ),
        },
    )
}

fn path_of(files: &Files<'_>, service: &str) -> String {
    format!("{}/{service}", files.directories().first().copied().unwrap_or_default())
}
