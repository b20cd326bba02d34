//! `NOPASSWD`, `!authenticate`, `exempt_group`: sudo skips PAM's auth phase, so it asks for no code.

use std::collections::BTreeMap;

use twostep_hostconf::sudoers::grants::Unasked;

use super::case::{Case, Cases};
use super::findings;
use super::fix::{Fix, Wrong};
use super::place::Place;

/// The lines that let users call sudo without a code who must have a second step, or have one.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Wrong> {
    let mut lines: BTreeMap<&Unasked, Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.must) {
        for unasked in &case.asked.unasked {
            lines.entry(unasked).or_default().push(case);
        }
    }
    lines.iter().map(|(unasked, callers)| wrong(cases, unasked, callers)).collect()
}

fn wrong(cases: &Cases<'_>, unasked: &Unasked, callers: &[&Case]) -> Wrong {
    let names: Vec<_> = callers.iter().map(|case| case.called.clone()).collect();
    let is_always = callers.iter().all(|case| !case.asked.asks);
    let location = cases.place(unasked.location.as_ref());
    let place = Place::of(cases.sudoers, &location);
    let editors = place.editors(&location);
    let removal = findings::removal(cases.sudoers, unasked.by, &location, &place);
    let finding = findings::asks_no_code(location, unasked.by, is_always, &names, &removal);
    let finding = finding.about(cases.services(callers));
    Wrong { finding, fix: Fix::ByHand { editors } }
}
