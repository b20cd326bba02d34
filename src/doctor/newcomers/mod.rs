//! Users who must have a second step and have none: whether they can enroll in a login.

mod findings;

use std::collections::BTreeSet;

use twostep_core::policy::{Mode, Policy};
use twostep_core::proof::state::State;
use twostep_core::store::files::Store;
use twostep_core::time::Period;
use twostep_hostconf::login_defs;

use crate::accounts::{Accounts, Local};
use crate::context::Context;
use crate::finding::Finding;
use crate::stack;
use crate::ways_in::WaysIn;
use findings::WhyNot;

/// These services are checked whether or not the policy names them.
const USUAL: [&str; 2] = ["sshd", "login"];

/// `files` reports a store that cannot be opened.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(policy), Ok(store)) = (&context.policy, Store::open(context.root)) else { return Vec::new() };
    let newcomers = newcomers(context, policy, &store);
    let shuts = |service: &LoginService| service.refuses && service.why_not.is_some();
    let (never, others): (Vec<_>, Vec<_>) = newcomers.iter().partition(|one| one.services.iter().all(shuts));
    let each = USUAL.into_iter().filter_map(|service| shut_out(policy, &others, service));
    [no_service(&never), no_ticket(policy, &others)].into_iter().flatten().chain(each).collect()
}

/// A user who must have a second step at one service or more, and has none.
struct Newcomer {
    name: String,
    has_ticket: bool,
    /// The services that ask for a code.
    services: Vec<LoginService>,
}

/// A service that asks for a code, for one user.
struct LoginService {
    name: String,
    /// Whether it refuses the user without a second step.
    refuses: bool,
    /// None if users can enroll in a login there.
    why_not: Option<WhyNot>,
}

/// Why nobody can enroll in a login by `service`; none if users can.
fn why_not(policy: &Policy, service: &str) -> Option<WhyNot> {
    if !policy.enrollment.services.iter().any(|one| one == service) {
        return Some(WhyNot::NotNamed);
    }
    (policy.enrollment.period != Period::DEFAULT).then_some(WhyNot::TooLong)
}

fn newcomers(context: &Context<'_>, policy: &Policy, store: &Store) -> Vec<Newcomer> {
    let services: BTreeSet<&str> =
        policy.enrollment.services.iter().map(String::as_str).chain(USUAL).collect();
    let asks = |service: &&str| stack::guard(context, service).asks.is_some();
    let guarded: Vec<_> = services.into_iter().filter(asks).collect();
    let accounts = Accounts::of(context);
    let has_none = |one: &Local| matches!(store.has_credential(one.uid), Ok(false));
    let ways_in = WaysIn::of(context.root, &guarded);
    let users = users(context).unwrap_or_default().into_iter();
    let without = users.filter(|one| has_none(one) && ways_in.lets_in(one));
    let newcomers = without.map(|one| {
        let state = store.snapshot(one.uid).state.ok().flatten();
        let refuses = |service: &str| match accounts.mode(policy, &one.name, service, context.now) {
            Mode::Mandatory => true,
            Mode::OptIn => matches!(state, Some(State { requirement: Some(_), .. })),
            Mode::Exempt => false,
        };
        let at = |service: &&str| LoginService {
            name: (*service).to_owned(),
            refuses: refuses(service),
            why_not: why_not(policy, service),
        };
        let ticket = state.as_ref().and_then(|state| state.ticket);
        let has_ticket = ticket.is_some_and(|ticket| ticket.tries > 0 && ticket.expires > context.now);
        Newcomer { services: guarded.iter().map(at).collect(), name: one.name, has_ticket }
    });
    newcomers.filter(|one| one.services.iter().any(|service| service.refuses)).collect()
}

/// Users whom every service refuses, and who can enroll at none.
fn no_service(never: &[&Newcomer]) -> Option<Finding> {
    let services = &never.first()?.services;
    let reasons: Vec<_> =
        services.iter().filter_map(|service| Some((service.name.as_str(), service.why_not?))).collect();
    let services = reasons.iter().map(|(service, _)| *service);
    Some(findings::cannot_enroll(&names(never), &reasons).about(services))
}

/// Users who need a ticket, and have no valid one.
fn no_ticket(policy: &Policy, others: &[&Newcomer]) -> Option<Finding> {
    let without: Vec<_> = others.iter().copied().filter(|one| !one.has_ticket).collect();
    let is_missing = policy.enrollment.require_ticket && !without.is_empty();
    is_missing.then(|| findings::no_ticket(&names(&without)))
}

/// Users whom `service` refuses, and who cannot enroll there, though perhaps at another service.
fn shut_out(policy: &Policy, others: &[&Newcomer], service: &str) -> Option<Finding> {
    let is_shut = |one: &LoginService| one.name == service && one.refuses && one.why_not.is_some();
    let shut: Vec<_> = others.iter().copied().filter(|one| one.services.iter().any(is_shut)).collect();
    let why_not = why_not(policy, service).filter(|_| !shut.is_empty())?;
    Some(findings::cannot_enroll_here(&names(&shut), service, why_not).about([service]))
}

fn names<'a>(newcomers: &[&'a Newcomer]) -> Vec<&'a str> {
    newcomers.iter().map(|one| one.name.as_str()).collect()
}

/// The accounts with a login shell: root and those from UID_MIN on.
fn users(context: &Context<'_>) -> Option<Vec<Local>> {
    let first = login_defs::uid_min(context.root);
    let mut local = Accounts::of(context).local()?;
    local.retain(|one| one.has_login_shell() && (one.uid == 0 || one.uid >= first));
    Some(local)
}
