//! `NOPASSWD`, `!authenticate`, `exempt_group`: sudo does not run PAM's auth phase, so it asks for no code.

use std::collections::BTreeMap;

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::grants::{Unasked, UnaskedBy};

use super::case::{Case, Cases};
use super::change::binding;
use super::mend::{Mend, Wrong};
use super::place::{Place, copy};
use super::words;
use crate::finding::Severity;
use crate::id::Id;
use crate::people::listed;

/// Each line that lets somebody in unasked who must have a second step, or has one.
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
    let reason = words::reason(unasked.by);
    let names: Vec<_> = callers.iter().map(|case| case.called.clone()).collect();
    let is_always = callers.iter().all(|case| !case.asked.asks);
    let what = format!(
        "{reason}: sudo asks these users for no code{}: {}",
        if is_always { "" } else { " in some cases" },
        listed(names.iter().map(String::as_str))
    );
    let why =
        "sudo skips PAM's auth phase then, and with it the second step that these users have or must have.";
    let location = cases.place(unasked.location.as_ref());
    let place = Place::of(cases.sudoers, &location);
    let away = taken_away(cases.sudoers, unasked.by, &location, &place);
    let advice = if is_always {
        format!(
            "First check that each of them has a password ('passwd -S NAME') and is enrolled. Then {away}. If it is \
             intended, exempt these users in the policy: a rule with these users, services = [\"sudo\", \"sudo-i\"] and \
             mode = \"exempt\"."
        )
    } else {
        format!(
            "Unless these commands may run without a code, {away}. A rule of the policy that exempts these users at sudo \
             would end this warning, but they could then run all their other commands without a code, too."
        )
    };
    let mend = Mend::Person { advice, editors: place.editors(&location) };
    Wrong { id: Id::SudoAsksNoCode, severity: Severity::Warning, location, what, why: why.to_owned(), mend }
}

/// How sudo comes to ask, as a part of a sentence.
fn taken_away(sudoers: &Sudoers, by: UnaskedBy, location: &Location, place: &Place) -> String {
    let reason = words::reason(by);
    let own = match place {
        Place::Line => return format!("remove {reason}"),
        Place::Copy => return format!("run '{}' and remove {reason} from the copy", copy(sudoers)),
        Place::After(own) => own,
    };
    let binding = binding(sudoers.line(location).unwrap_or_default());
    let line = match by {
        UnaskedBy::Tag => "the entry again, with PASSWD in place of NOPASSWD,".to_owned(),
        UnaskedBy::Option => format!("'{binding} authenticate'"),
        UnaskedBy::Group => format!("'{binding} !exempt_group'"),
    };
    format!("write {line} at the end of {}", own.file)
}
