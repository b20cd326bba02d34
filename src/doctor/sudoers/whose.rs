//! `targetpw`, `rootpw`, `runaspw`: sudo asks for the password and the code of another account than its caller.

use std::collections::BTreeMap;

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::asked::Whose;

use super::case::{Case, Cases};
use super::change::Change;
use super::findings;
use super::fix::{Fix, Wrong};
use super::place::Place;
use crate::finding::Remedy;

/// The lines with such an option.
pub(super) fn check(cases: &Cases<'_>) -> Vec<Wrong> {
    let mut lines: BTreeMap<(&Whose, Option<&Location>), Vec<&Case>> = BTreeMap::new();
    for case in cases.cases.iter().filter(|case| case.asked.asks) {
        for (whose, location) in case.asked.whose.iter().filter(|(whose, _)| *whose != Whose::Caller) {
            lines.entry((whose, location.as_ref())).or_default().push(case);
        }
    }
    let wrongs = lines
        .iter()
        .map(|((whose, location), callers)| wrong(cases, whose, &cases.place(*location), callers));
    wrongs.collect()
}

fn wrong(cases: &Cases<'_>, whose: &Whose, location: &Location, callers: &[&Case]) -> Wrong {
    let names: Vec<_> = callers.iter().map(|case| case.called.clone()).collect();
    let is_always = callers.iter().all(|case| case.asked.whose.len() == 1);
    let (fix, remedy) = fix(cases, whose.option(), location, callers);
    let finding = findings::asks_another_account(location, whose, is_always, &names, remedy);
    Wrong { finding: finding.about(cases.services(callers)), fix }
}

/// Once the option is off, the caller's own password is enough where no code is asked for. So an administrator decides who may call
/// sudo, unless each caller must have a second step.
fn fix(cases: &Cases<'_>, option: &'static str, location: &Location, callers: &[&Case]) -> (Fix, Remedy) {
    let place = Place::of(cases.sudoers, location);
    let change = Change { option, value: None };
    let off = findings::instruction(&change, cases.sudoers, location);
    if matches!(place, Place::Copy) {
        return (Fix::Copy, findings::by_hand(&off));
    }
    let mut editors = place.editors(location);
    if let Some(everybody) = &cases.everybody {
        let remedy = findings::restrict_sudo_then(everybody, &off);
        let place = Place::of_entry(cases.sudoers, everybody);
        if matches!(place, Place::Copy) {
            return (Fix::Copy, remedy);
        }
        editors.extend(place.editors(everybody));
        editors.sort();
        editors.dedup();
        return (Fix::ByHand { editors }, remedy);
    }
    if callers.iter().all(|case| case.must) {
        return (Fix::Change(change), findings::by_hand(&off));
    }
    (Fix::ByHand { editors }, findings::ask_for_own_password(&off))
}
