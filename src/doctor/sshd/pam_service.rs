//! The PAM service that sshd uses: `PAMServiceName`, or before OpenSSH 9.8 the name of the program.

use std::cell::RefCell;
use std::collections::BTreeMap;

use twostep_core::paths::POLICY;
use twostep_core::policy::{Address, Condition, Policy, Rule};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::view::View;

use super::fate::SshdFirstFactor;
use super::setting::{set, whom};
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::people::People;
use crate::stack::{self, Guard};

/// The setting that names it, in lower case.
pub(crate) const KEYWORD: &str = "pamservicename";
/// What everybody expects it to be.
pub(crate) const USUAL: &str = "sshd";
/// The service of those that have no file.
const OTHER: &str = "other";

/// The service of some logins by SSH.
pub(crate) struct PamService {
    /// Its name, as libpam and the policy have it.
    pub name: String,
    /// What comes before our line in it; none if it has no line of ours.
    pub first: Option<SshdFirstFactor>,
    /// Where its name comes from; none if nothing says so.
    location: Option<Location>,
}

/// The services that one sshd uses.
pub(crate) struct Services<'a> {
    context: &'a Context<'a>,
    launch: &'a Launch,
    /// Whether this sshd does not know the setting: then the name of the program counts.
    by_program: bool,
    /// What comes before our line in those that were looked at.
    seen: RefCell<BTreeMap<String, Option<SshdFirstFactor>>>,
}

impl<'a> Services<'a> {
    /// Those of an sshd that is started so, and says this of its settings; an older one has much to say, and nothing of this.
    pub(crate) fn new(context: &'a Context<'a>, launch: &'a Launch, said: &BTreeMap<String, String>) -> Self {
        let by_program = !said.is_empty() && !said.contains_key(KEYWORD);
        Self { context, launch, by_program, seen: RefCell::default() }
    }

    /// The service of those whom `view` is about.
    pub(crate) fn of(&self, view: &View<'_>) -> PamService {
        let (name, location) = if self.by_program {
            (self.launch.name.clone(), Some(self.launch.origin.clone()))
        } else {
            let set = view.value(KEYWORD);
            (set.text, set.location)
        };
        // libpam takes all names for lower case.
        let name = name.to_ascii_lowercase();
        let mut seen = self.seen.borrow_mut();
        let first = *seen.entry(name.clone()).or_insert_with(|| first_factor(&guard(self.context, &name)));
        PamService { name, first, location }
    }
}

/// Whether the service has a line of ours.
pub(crate) fn is_guarded(context: &Context<'_>, service: &str) -> bool {
    first_factor(&guard(context, service)).is_some()
}

/// Our lines in the service; in `other`, if it has no file.
fn guard(context: &Context<'_>, service: &str) -> Guard {
    let has_file = Files::new(context.root).open(service).is_some();
    stack::guard(context, if has_file { service } else { OTHER })
}

/// What comes before our line; none if there is no line of ours.
fn first_factor(guard: &Guard) -> Option<SshdFirstFactor> {
    let key = |arguments: &Vec<String>| arguments.iter().any(|argument| argument == "first_factor=publickey");
    match &guard.asks {
        Some(arguments) if key(arguments) => Some(SshdFirstFactor::Key),
        Some(_) => Some(SshdFirstFactor::Password),
        None => guard.keeps.then_some(SshdFirstFactor::Password),
    }
}

/// What is wrong where sshd uses another service than the usual one. In the policy `[gate]` means sshd whatever its service.
pub(crate) fn check(context: &Context<'_>, service: &PamService, view: &View<'_>) -> Vec<Finding> {
    if service.name == USUAL || is_exempt(context, &service.name) {
        return Vec::new();
    }
    if service.first.is_none() {
        return unguarded(context, service, view).into_iter().collect();
    }
    let Some(policy) = &context.policy else { return Vec::new() };
    forgotten_by_enrollment(policy, service).into_iter().chain(forgotten_by_rules(policy, service)).collect()
}

/// Whether the policy asks nothing of anybody there.
fn is_exempt(context: &Context<'_>, service: &str) -> bool {
    let Some(policy) = &context.policy else { return context.hides_policy() };
    People::of(context.root).all_are_exempt(policy, service, Address::Unknown, context.now)
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
        Remedy::Advice {
            text: format!(
                "Copy /etc/pam.d/sshd to /etc/pam.d/{name}, or start this sshd by the name 'sshd'. To ask nobody \
                 there, add a rule to the policy: services = [\"{name}\"], mode = \"exempt\"."
            ),
        }
    };
    Some(Finding::problem(
        Id::SshdServiceWithoutCode,
        location,
        format!("sshd uses the PAM service '{name}'{}, which has no line of twostep", whom(view)),
        "PAM reads the file of that service instead of /etc/pam.d/sshd, and nobody is asked for a code.",
        remedy,
    ))
}

fn forgotten_by_enrollment(policy: &Policy, service: &PamService) -> Option<Finding> {
    let names = |name: &str| policy.enrollment.services.iter().any(|one| one == name);
    (names(USUAL) && !names(&service.name)).then(|| {
        let why =
            "Users cannot enroll in a login there. Users who need a second step and have none are refused.";
        forgotten(Location::file(POLICY), "[enrollment]", why, service)
    })
}

/// A rule that names the usual service, where no rule names this one.
fn forgotten_by_rules(policy: &Policy, service: &PamService) -> Vec<Finding> {
    let names = |rule: &Rule, service: &str| {
        rule.names().any(|(condition, name)| condition == Condition::Services && name == service)
    };
    if policy.rules().iter().any(|rule| names(rule, &service.name)) {
        return Vec::new();
    }
    let rules = policy.rules().iter().filter(|rule| names(rule, USUAL));
    let finding = |rule: &Rule| {
        let why = "The rule does not hold for logins by that service.";
        forgotten(Location::line(POLICY, rule.line), &format!("rule '{}'", rule.name), why, service)
    };
    rules.map(finding).collect()
}

fn forgotten(location: Location, what: &str, why: &str, service: &PamService) -> Finding {
    let name = &service.name;
    let at = service.location.as_ref().map_or_else(String::new, |location| format!(", by {location}"));
    Finding::problem(
        Id::SshdServiceNotInPolicy,
        location,
        format!("{what} names the service 'sshd', but sshd uses '{name}'{at}"),
        why,
        Remedy::Advice { text: format!("Name '{name}' there, too, or make sshd use the service 'sshd'.") },
    )
}
