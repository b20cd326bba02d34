//! sudo: whose code it asks for, by which PAM service, and which users it asks for none, as sudoers(5) says.
//!
//! `twostep_hostconf::sudoers` knows what sudo asks of one caller. Here each file uses only those before it:
//!
//! ```text
//! words -> place -> change -> findings
//! callers -> case -> remedy_effect -> fix (findings) -> whose, services, unasked
//! findings -> unread -> explain
//! ```

mod callers;
mod case;
mod change;
pub mod explain;
mod findings;
mod fix;
mod place;
mod remedy_effect;
mod services;
mod unasked;
mod unread;
mod whose;
mod words;

use std::collections::BTreeSet;

use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::elsewhere::{Elsewhere, elsewhere};

use crate::context::{Context, Visibility};
use crate::finding::Finding;
use crate::stack;
use case::Cases;
use explain::USUAL;
use fix::Wrong;

/// Checks what sudo asks of users whom the policy does not exempt. Only root may read sudoers.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if context.visibility == Visibility::Public {
        return Vec::new();
    }
    let is_expected = is_expected(context);
    let elsewhere = if is_expected { elsewhere(context.root) } else { Vec::new() };
    let mut findings: Vec<_> =
        elsewhere.iter().map(|one| findings::rules_elsewhere(one).about(USUAL)).collect();
    if elsewhere.contains(&Elsewhere::SudoRs) {
        return findings;
    }
    match context.sudoers() {
        Ok(None) => {}
        Ok(Some(sudoers)) => findings.extend(judge(context, sudoers)),
        Err(fault) => findings.extend(is_expected.then(|| unread::finding(context.root, fault).about(USUAL))),
    }
    findings
}

/// The PAM services that `check` reports because they have no pam_twostep line.
pub(crate) fn reported(context: &Context<'_>) -> BTreeSet<String> {
    let is_read =
        context.visibility == Visibility::Whole && !elsewhere(context.root).contains(&Elsewhere::SudoRs);
    let (true, Some(policy), Ok(Some(sudoers))) = (is_read, &context.policy, context.sudoers()) else {
        return BTreeSet::new();
    };
    services::without_line(&Cases::of(context, policy, sudoers))
}

/// The PAM services that sudoers names instead of the usual ones. Only root may read sudoers.
pub(crate) fn other_services(context: &Context<'_>) -> BTreeSet<String> {
    let is_read = context.visibility == Visibility::Whole;
    let sudoers = is_read.then(|| context.sudoers().ok().flatten()).flatten();
    let services = sudoers.map(Sudoers::services).unwrap_or_default();
    services.into_iter().filter(|service| !USUAL.contains(&service.as_str())).collect()
}

/// Whether sudo has a pam_twostep line, or a rule of the policy names it.
fn is_expected(context: &Context<'_>) -> bool {
    let rules = context.policy.iter().flat_map(|policy| policy.rules());
    let is_named = rules.flat_map(|rule| rule.names()).any(|(_, name)| USUAL.contains(&name));
    is_named || USUAL.iter().any(|service| stack::guard(context, service).asks.is_some())
}

fn judge(context: &Context<'_>, sudoers: &Sudoers) -> Vec<Finding> {
    let Some(policy) = &context.policy else { return Vec::new() };
    let cases = Cases::of(context, policy, sudoers);
    fix::findings(&cases, wrongs)
}

fn wrongs(cases: &Cases<'_>) -> Vec<Wrong> {
    let each = [whose::check, services::check, unasked::check];
    each.iter().flat_map(|check| check(cases)).collect()
}
