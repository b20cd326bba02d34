//! `pam_service` and its like: sudo asks a service of PAM that asks for no code, or to which the policy's rules do not apply.

use std::collections::{BTreeMap, BTreeSet};

use twostep_hostconf::sudoers::asked::ServiceUse;

use super::case::{Case, Cases};
use super::change::Change;
use super::mend::{Mend, Wrong};
use crate::finding::Severity;
use crate::id::Id;
use crate::people::listed;

/// What is wrong with each service that is named and milder than the usual one.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Wrong> {
    named(cases).iter().filter_map(|(service, callers)| wrong(cases, service, callers)).collect()
}

/// The services among them that have no line of ours.
pub(super) fn without_line(cases: &Cases<'_>) -> BTreeSet<String> {
    let without_line = named(cases).into_keys().filter(|service| !cases.asks_at(&service.name));
    without_line.map(|service| service.name.clone()).collect()
}

/// The services that take the place of one with a line of ours, and whom sudo asks by them.
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
    let is_milder =
        |case: &&&Case| !has_line || cases.mode(&case.caller, name) < cases.mode(&case.caller, usual);
    let names: Vec<_> = callers.iter().filter(is_milder).map(|case| case.called.clone()).collect();
    if names.is_empty() {
        return None;
    }
    let why = format!(
        "These users can call sudo without the code that '{usual}' asks for: {}.",
        listed(names.iter().map(String::as_str))
    );
    let (id, what, mend) = if has_line {
        (
            Id::SudoPolicyAsksLess,
            format!("{option}: the policy asks less at '{name}' than at '{usual}'"),
            Mend::Elsewhere {
                advice: format!("Name '{name}' in the rules of the policy that name '{usual}'."),
            },
        )
    } else {
        (
            Id::SudoServiceWithoutCode,
            format!("{option}: sudo uses the PAM service '{name}', which has no line of pam_twostep.so"),
            Mend::Change(Change { option, value: Some(usual) }),
        )
    };
    Some(Wrong { id, severity: Severity::Problem, location, what, why, mend })
}
