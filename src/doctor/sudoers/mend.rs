//! What mends a line of sudoers: one remedy for all that is wrong in it.

use std::collections::BTreeSet;

use twostep_hostconf::location::Location;

use super::case::Cases;
use super::change::{Change, later};
use super::doors;
use super::place::{Place, copy};
use crate::effect::Effect;
use crate::finding::{Finding, Remedy, Severity};
use crate::id::Id;

/// Something that is wrong in one line.
pub(super) struct Wrong {
    pub id: Id,
    pub severity: Severity,
    pub location: Location,
    pub what: String,
    pub why: String,
    pub mend: Mend,
}

/// What mends it.
pub(super) enum Mend {
    /// This change. A person is told so if it cannot be made in the line.
    Change(Change),
    /// A person, who changes sudoers.
    Person { advice: String, editors: Vec<String> },
    /// A person, who changes something else.
    Elsewhere { advice: String },
    /// The vendor's main file must be copied before.
    Copy,
}

/// All that is wrong in the files of sudoers.
type Judge = fn(&Cases<'_>) -> Vec<Wrong>;

/// The findings. A line is changed for all that is wrong in it, or not at all: two remedies that replace it would undo each
/// other.
pub(super) fn findings(cases: &Cases<'_>, judge: Judge) -> Vec<Finding> {
    let all = judge(cases);
    all.iter().map(|wrong| finding(cases, wrong, &all, judge)).collect()
}

fn finding(cases: &Cases<'_>, wrong: &Wrong, all: &[Wrong], judge: Judge) -> Finding {
    let place = Place::of(cases.sudoers, &wrong.location);
    let new = match wrong.severity {
        Severity::Problem => Finding::problem,
        Severity::Warning => Finding::warning,
    };
    let with = |why: &str, remedy| {
        new(wrong.id, wrong.location.clone(), wrong.what.clone(), format!("{}{why}", wrong.why), remedy)
    };
    match (&wrong.mend, &place) {
        (Mend::Elsewhere { advice }, _) => with("", Remedy::Advice { text: advice.clone() }),
        (Mend::Person { advice, editors }, _) => {
            with("", Remedy::Advice { text: advice.clone() }).with_editors(editors.clone())
        }
        (Mend::Copy, _) | (_, Place::Copy) => {
            with(Place::Copy.why(), Remedy::Run { command: copy(cases.sudoers) })
        }
        (Mend::Change(change), _) => {
            let same_line = all.iter().filter(|other| other.location == wrong.location);
            let (remedy, effect) =
                changed(cases, &wrong.location, &place, same_line, judge).unwrap_or_else(|| {
                    let words = change.words(cases.sudoers, &wrong.location);
                    (Remedy::Advice { text: format!("Do this by hand: {words}.") }, Effect::default())
                });
            with(place.why(), remedy).with_editors(place.editors(&wrong.location)).with_effect(effect)
        }
    }
}

/// What makes all of this right, and what that changes. None if a person must decide, or if the line cannot be told.
fn changed<'w>(
    cases: &Cases<'_>,
    location: &Location,
    place: &Place,
    wrong: impl Iterator<Item = &'w Wrong>,
    judge: Judge,
) -> Option<(Remedy, Effect)> {
    let mut changes = BTreeSet::new();
    for wrong in wrong {
        match &wrong.mend {
            Mend::Change(change) => changes.extend([change]),
            Mend::Elsewhere { .. } => {}
            Mend::Person { .. } | Mend::Copy => return None,
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
    let is_left =
        |wrong: &Wrong| wrong.location == *location && !matches!(wrong.mend, Mend::Elsewhere { .. });
    let is_mended = !judge(&after).iter().any(is_left);
    is_mended.then(|| (remedy, doors::effect(cases, &after)))
}
