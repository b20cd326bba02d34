//! `pam_service` and `pam_login_service`: sudo uses a PAM service that asks for no code, or to which rules of the
//! policy do not apply.

use std::collections::{BTreeMap, BTreeSet};

use twostep_hostconf::sudoers::asked::ServiceUse;

use super::case::{Case, Cases};
use super::change::Change;
use super::findings;
use super::fix::{Fix, Wrong};

/// The services that sudoers names and that ask less than the usual one.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Wrong> {
    named(cases).iter().filter_map(|(service, callers)| wrong(cases, service, callers)).collect()
}

/// The services that sudoers names and that have no pam_twostep line.
pub(super) fn without_line(cases: &Cases<'_>) -> BTreeSet<String> {
    let without_line = named(cases).into_keys().filter(|service| !cases.asks_at(&service.name));
    without_line.map(|service| service.name.clone()).collect()
}

/// The services that replace one with a pam_twostep line, and the callers whom sudo asks by them.
fn named<'c>(cases: &'c Cases<'_>) -> BTreeMap<&'c ServiceUse, Vec<&'c Case>> {
    let mut services: BTreeMap<&ServiceUse, Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.asked.asks) {
        let others = case.asked.services.iter().filter(|service| service.name != service.usual);
        for service in others.filter(|service| cases.asks_at(service.usual)) {
            services.entry(service).or_default().push(case);
        }
    }
    services
}

fn wrong(cases: &Cases<'_>, service: &ServiceUse, callers: &[&Case]) -> Option<Wrong> {
    let ServiceUse { option, usual, name, location } = service;
    let location = cases.place(location.as_ref());
    let has_line = cases.asks_at(name);
    let asks_less =
        |case: &&&Case| !has_line || cases.mode(&case.caller, name) < cases.mode(&case.caller, usual);
    let names: Vec<_> = callers.iter().filter(asks_less).map(|case| case.called.clone()).collect();
    if names.is_empty() {
        return None;
    }
    if has_line {
        let finding = findings::policy_asks_less(location, service, &names).about([name.as_str()]);
        return Some(Wrong { finding, fix: Fix::Elsewhere });
    }
    let change = Change { option, value: Some(usual) };
    let by_hand = findings::by_hand(&findings::instruction(&change, cases.sudoers, &location));
    let finding = findings::service_without_code(location, service, &names, by_hand).about([name.as_str()]);
    Some(Wrong { finding, fix: Fix::Change(change) })
}
