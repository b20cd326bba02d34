//! The remedy for a line of sudoers: one remedy fixes all findings on the line.

use std::collections::BTreeSet;

use twostep_hostconf::location::Location;

use super::case::Cases;
use super::change::{Change, later};
use super::place::{Place, copy};
use super::{findings, remedy_effect};
use crate::effect::Effect;
use crate::finding::{Finding, Remedy};

/// A finding, and how its line is fixed.
pub(super) struct Wrong {
    /// Its remedy is for an administrator who edits the line by hand.
    pub finding: Finding,
    pub fix: Fix,
}

pub(super) enum Fix {
    /// This change, by hand if it cannot be made in the line.
    Change(Change),
    /// An administrator must edit sudoers, with these commands.
    ByHand { editors: Vec<String> },
    /// An administrator must change another file.
    Elsewhere,
    /// The vendor's main file must be copied first.
    Copy,
}

/// All that is wrong in the files of sudoers.
type Judge = fn(&Cases<'_>) -> Vec<Wrong>;

/// A line is changed for all that is wrong in it, or not at all: two remedies that replace it would undo each other.
pub(super) fn findings(cases: &Cases<'_>, judge: Judge) -> Vec<Finding> {
    let all = judge(cases);
    all.iter().map(|wrong| finding(cases, wrong, &all, judge)).collect()
}

fn finding(cases: &Cases<'_>, wrong: &Wrong, all: &[Wrong], judge: Judge) -> Finding {
    let finding = wrong.finding.clone();
    let place = Place::of(cases.sudoers, &finding.location);
    match (&wrong.fix, &place) {
        (Fix::Elsewhere, _) => finding,
        (Fix::ByHand { editors }, _) => finding.with_editors(editors.clone()),
        (Fix::Copy, _) | (_, Place::Copy) => {
            let remedy = Remedy::Run { command: copy(cases.sudoers) };
            findings::made_in(Finding { remedy, ..finding }, &Place::Copy)
        }
        (Fix::Change(_), _) => {
            let location = finding.location.clone();
            let same_line = all.iter().filter(|other| other.finding.location == location);
            let (remedy, effect) = changed(cases, &location, &place, same_line, judge)
                .unwrap_or_else(|| (finding.remedy.clone(), Effect::default()));
            let editors = place.editors(&location);
            findings::made_in(Finding { remedy, ..finding }, &place).with_editors(editors).with_effect(effect)
        }
    }
}

/// One remedy for all that is wrong in the line, and its effect. None if an administrator must decide, or the line is not clear.
fn changed<'w>(
    cases: &Cases<'_>,
    location: &Location,
    place: &Place,
    wrong: impl Iterator<Item = &'w Wrong>,
    judge: Judge,
) -> Option<(Remedy, Effect)> {
    let mut changes = BTreeSet::new();
    for wrong in wrong {
        match &wrong.fix {
            Fix::Change(change) => changes.extend([change]),
            Fix::Elsewhere => {}
            Fix::ByHand { .. } | Fix::Copy => return None,
        }
    }
    let line = cases.sudoers.line(location)?;
    let (remedy, sudoers) = match place {
        Place::Copy => return None,
        Place::Line => {
            let text = changes.iter().try_fold(line.to_owned(), |line, change| change.applied(&line))?;
            let sudoers = cases.sudoers.with(location, &text).ok()?;
            (Remedy::Replace { location: location.clone(), text }, sudoers)
        }
        Place::After(own) => {
            let text = later(line, changes);
            let sudoers = cases.sudoers.with_added(own, &text).ok()?;
            (Remedy::Insert { location: Location::file(&own.file), text }, sudoers)
        }
    };
    let after = Cases::of(cases.context, cases.policy, &sudoers);
    let is_left = |wrong: &Wrong| wrong.finding.location == *location && !matches!(wrong.fix, Fix::Elsewhere);
    let is_fixed = !judge(&after).iter().any(is_left);
    is_fixed.then(|| (remedy, remedy_effect::effect(cases, &after)))
}
