//! `targetpw`, `rootpw`, `runaspw`: sudo asks for the password and the code of somebody else than its caller.

use std::collections::BTreeMap;

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::asked::Whose;

use super::case::{Case, Cases};
use super::change::Change;
use super::mend::{Mend, Wrong};
use super::place::Place;
use crate::finding::Severity;
use crate::id::Id;
use crate::people::listed;

/// Each line that says so.
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
    let owner = owner(whose);
    let what = format!(
        "{}: sudo does not ask for its caller's password and code{}, but for those of {owner}",
        whose.option(),
        if is_always { "" } else { " in some cases" }
    );
    let why = format!(
        "These users can call sudo without their own second step: {}.",
        listed(names.iter().map(String::as_str))
    );
    let mend = mend(cases, whose.option(), location, callers);
    Wrong {
        id: Id::SudoAsksAnotherAccount,
        severity: Severity::Problem,
        location: location.clone(),
        what,
        why,
        mend,
    }
}

fn owner(whose: &Whose) -> String {
    match whose {
        Whose::Caller => "its caller".to_owned(),
        Whose::Root => "root".to_owned(),
        Whose::Default(name) => name.clone(),
        Whose::Target(name) => format!("the target user, which is {name} without -u"),
    }
}

/// Afterwards the caller's own password is enough where no code is asked for. So a person decides who may call sudo then,
/// unless each caller must have a second step.
fn mend(cases: &Cases<'_>, option: &'static str, location: &Location, callers: &[&Case]) -> Mend {
    let place = Place::of(cases.sudoers, location);
    if matches!(place, Place::Copy) {
        return Mend::Copy;
    }
    let change = Change { option, value: None };
    let off = change.words(cases.sudoers, location);
    let mut editors = place.editors(location);
    if let Some(everybody) = &cases.everybody {
        let place = Place::of_entry(cases.sudoers, everybody);
        editors.extend(place.editors(everybody));
        editors.sort();
        editors.dedup();
        let advice = format!(
            "First let only administrators use sudo: at {everybody}, put their group in place of ALL users, as in \
             '%wheel ALL=(ALL:ALL) ALL'. Without this, all users could become root with their own password. \
             Then {off}."
        );
        return if matches!(place, Place::Copy) { Mend::Copy } else { Mend::Person { advice, editors } };
    }
    if callers.iter().all(|case| case.must) {
        return Mend::Change(change);
    }
    let advice = format!(
        "To have sudo ask for the caller's own password and code, {off}. Users without a second step then need only \
         their own password."
    );
    Mend::Person { advice, editors }
}
