//! The PAM service that sshd uses: `PAMServiceName`, or before OpenSSH 9.8 the name of the program.

use std::cell::RefCell;
use std::collections::BTreeMap;

use twostep_core::policy::{Address, Condition, Policy, Rule};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::view::View;

use super::fate::SshdFirstFactor;
use super::findings;
use super::setting::set;
use crate::accounts::Accounts;
use crate::context::Context;
use crate::finding::Finding;
use crate::stack::{self, Guard};

/// The setting that names it, in lower case.
pub(crate) const KEYWORD: &str = "pamservicename";
/// The default of recent versions of sshd.
pub(crate) const USUAL: &str = "sshd";
/// The service that libpam uses for those without a file.
const OTHER: &str = "other";

/// The PAM service that sshd uses for some users.
pub(crate) struct PamService {
    /// Its name, as libpam and the policy have it.
    pub name: String,
    /// What comes before the pam_twostep line in it; none if it has no pam_twostep line.
    pub first: Option<SshdFirstFactor>,
    /// What sets its name; none for the default.
    location: Option<Location>,
}

/// The services that one sshd uses.
pub(crate) struct Services<'a> {
    context: &'a Context<'a>,
    launch: &'a Launch,
    /// Whether this sshd is older than the setting: then the service has the name of the program.
    by_program: bool,
    /// The first factors of the services that were read.
    seen: RefCell<BTreeMap<String, Option<SshdFirstFactor>>>,
}

impl<'a> Services<'a> {
    /// `said` is the output of `sshd -T`. An older sshd prints settings, but not this one.
    pub(crate) fn new(context: &'a Context<'a>, launch: &'a Launch, said: &BTreeMap<String, String>) -> Self {
        let by_program = !said.is_empty() && !said.contains_key(KEYWORD);
        Self { context, launch, by_program, seen: RefCell::default() }
    }

    /// The service for the users of `view`.
    pub(crate) fn of(&self, view: &View<'_>) -> PamService {
        let (name, location) = if self.by_program {
            (self.launch.name.clone(), Some(self.launch.origin.clone()))
        } else {
            let set = view.value(KEYWORD);
            (set.text, set.location)
        };
        // libpam makes all names lower case.
        let name = name.to_ascii_lowercase();
        let mut seen = self.seen.borrow_mut();
        let first = *seen.entry(name.clone()).or_insert_with(|| first_factor(&guard(self.context, &name)));
        PamService { name, first, location }
    }
}

/// Whether the service has a pam_twostep line.
pub(crate) fn is_guarded(context: &Context<'_>, service: &str) -> bool {
    first_factor(&guard(context, service)).is_some()
}

/// The pam_twostep lines in the service; in `other`, if it has no file.
fn guard(context: &Context<'_>, service: &str) -> Guard {
    let has_file = Files::new(context.root).open(service).is_some();
    stack::guard(context, if has_file { service } else { OTHER })
}

/// What comes before the pam_twostep line; none if there is no pam_twostep line.
fn first_factor(guard: &Guard) -> Option<SshdFirstFactor> {
    let key = |arguments: &Vec<String>| arguments.iter().any(|argument| argument == "first_factor=publickey");
    match &guard.asks {
        Some(arguments) if key(arguments) => Some(SshdFirstFactor::Key),
        Some(_) if guard.takes_key => Some(SshdFirstFactor::KeyOrPassword),
        Some(_) => Some(SshdFirstFactor::Password),
        None => guard.keeps.then_some(SshdFirstFactor::Password),
    }
}

/// Checks a service other than the usual one. `[gate]` of the policy means sshd whatever its service is.
pub(crate) fn check(context: &Context<'_>, service: &PamService, view: &View<'_>) -> Vec<Finding> {
    if service.name == USUAL || is_exempt(context, &service.name) {
        return Vec::new();
    }
    let found = match &context.policy {
        _ if service.first.is_none() => unguarded(context, service, view).into_iter().collect(),
        Some(policy) => [not_in_enrollment(policy, service), not_in_rules(policy, service)].concat(),
        None => Vec::new(),
    };
    found.into_iter().map(|finding| finding.about([service.name.as_str()])).collect()
}

/// Whether the policy exempts all users there.
fn is_exempt(context: &Context<'_>, service: &str) -> bool {
    let Some(policy) = &context.policy else { return context.hides_policy() };
    Accounts::of(context).all_are_exempt(policy, service, Address::Unknown, context.now)
}

fn unguarded(context: &Context<'_>, service: &PamService, view: &View<'_>) -> Option<Finding> {
    if !is_guarded(context, USUAL) {
        return None;
    }
    let name = &service.name;
    let location = service.location.clone().unwrap_or_else(|| view.location(KEYWORD));
    let is_set = view.value(KEYWORD).location.is_some();
    let remedy = if is_set {
        set(context.root, view, "PAMServiceName", USUAL)
    } else {
        findings::copy_file_or_rename_program(name)
    };
    Some(findings::service_without_code(location, view, name, remedy))
}

fn not_in_enrollment(policy: &Policy, service: &PamService) -> Vec<Finding> {
    let names = |name: &str| policy.enrollment.services.iter().any(|one| one == name);
    let is_missing = names(USUAL) && !names(&service.name);
    let finding = || findings::service_not_in_enrollment(&service.name, service.location.as_ref());
    is_missing.then(finding).into_iter().collect()
}

/// The rules that name the usual service, if no rule names this one.
fn not_in_rules(policy: &Policy, service: &PamService) -> Vec<Finding> {
    let names = |rule: &Rule, service: &str| {
        rule.names().any(|(condition, name)| condition == Condition::Services && name == service)
    };
    if policy.rules().iter().any(|rule| names(rule, &service.name)) {
        return Vec::new();
    }
    let rules = policy.rules().iter().filter(|rule| names(rule, USUAL));
    let finding = |rule: &Rule| findings::service_not_in_rule(rule, &service.name, service.location.as_ref());
    rules.map(finding).collect()
}
