//! Services that need a code and have no file.

use std::collections::BTreeSet;

use twostep_core::policy::{Mode, Policy, Rule};
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service;

use super::findings::services as findings;
use super::pairs::{self, other_lets_in};
use super::remote;
use crate::context::Context;
use crate::finding::Finding;
use crate::obligation;

/// Programs that most machines have, with the service that each uses. Only su(1) of util-linux uses `su-l`.
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

/// Checks the services that a mandatory rule names, and those that the machine's programs use. Not those in `reported`, which
/// have another finding.
pub(crate) fn check(
    context: &Context<'_>,
    policy: &Policy,
    files: &Files<'_>,
    services: &[Service],
    reported: &BTreeSet<String>,
) -> Vec<Finding> {
    let view = View { context, policy, files, services, reported };
    [named(&view), of_programs(&view)].concat()
}

struct View<'a> {
    context: &'a Context<'a>,
    policy: &'a Policy,
    files: &'a Files<'a>,
    services: &'a [Service],
    reported: &'a BTreeSet<String>,
}

/// The mandatory rule that names `service`.
pub(super) fn naming<'a>(policy: &'a Policy, service: &str) -> Option<&'a Rule> {
    policy
        .rules()
        .iter()
        .find(|rule| rule.mode() == Mode::Mandatory && rule.services().any(|one| one == service))
}

/// The services that a mandatory rule names, and that have no file.
fn named(view: &View<'_>) -> Vec<Finding> {
    let rules = view.policy.rules().iter().filter(|rule| rule.mode() == Mode::Mandatory);
    let named = rules.flat_map(|rule| rule.services().map(move |service| (rule, service)));
    let missing =
        named.filter(|(_, service)| view.files.open(service).is_none() && !view.reported.contains(*service));
    let counts = missing.filter(|(_, service)| obligation::exists(view.context, service));
    let other_lets_in = other_lets_in(view.files);
    let finding = |(rule, service)| {
        let finding =
            findings::service_without_file(rule, service, &path_of(view.files, service), other_lets_in);
        finding.about([service])
    };
    counts.map(finding).collect()
}

/// The services of installed programs that have no file and that no mandatory rule names.
fn of_programs(view: &View<'_>) -> Vec<Finding> {
    if !other_lets_in(view.files) {
        return Vec::new();
    }
    let missing = programs(view.files).into_iter();
    let counts = missing.filter(|service| view.needs_code(service) && naming(view.policy, service).is_none());
    let finding =
        |service| findings::service_file_missing(&path_of(view.files, service), service).about([service]);
    counts.map(finding).collect()
}

/// The services of installed programs that have no file.
pub(super) fn programs(files: &Files<'_>) -> Vec<&'static str> {
    let asks = |(service, paths): &&(&str, &[&str])| match *service {
        LOGIN_SHELL => remote::is_util_linux(files, paths),
        _ => paths.iter().any(|path| files.resolve(path).is_some_and(|real| real.is_file())),
    };
    let services = PROGRAMS.iter().filter(asks).map(|(service, _)| *service);
    services.filter(|service| files.open(service).is_none()).collect()
}

impl View<'_> {
    /// Whether the policy asks for a code there, or the service is a way around the code of its partner.
    fn needs_code(&self, service: &str) -> bool {
        let is_exempt = self.policy.strictest(service, self.context.now) == Mode::Exempt;
        obligation::exists(self.context, service) || !is_exempt && pairs::partner_asks(service, self.services)
    }
}

fn path_of(files: &Files<'_>, service: &str) -> String {
    format!("{}/{service}", files.directories().first().copied().unwrap_or_default())
}
