//! What mends a line of sudoers: one remedy for all that is wrong in it.

use std::collections::BTreeSet;

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::Sudoers;

use super::case::Cases;
use super::change::Change;
use super::doors;
use crate::effect::Effect;
use crate::finding::{Finding, Remedy, Severity};

/// Something that is wrong in one line.
pub(super) struct Wrong {
    pub severity: Severity,
    pub location: Location,
    pub what: String,
    pub why: String,
    /// What mends it; none if that is for a person to decide.
    pub change: Option<Change>,
    /// What a person is told who decides or mends it.
    pub advice: String,
}

/// All that is wrong in the files of sudoers.
type Judge = fn(&Cases<'_>) -> Vec<Wrong>;

/// The findings. A line is replaced for all that is wrong in it, or not at all: two that replace it would undo each other.
pub(super) fn findings(cases: &Cases<'_>, judge: Judge) -> Vec<Finding> {
    let all = judge(cases);
    let finding = |wrong: &Wrong| {
        let same_line: Vec<_> = all.iter().filter(|other| other.location == wrong.location).collect();
        let (remedy, effect) = replaced(cases, &same_line, judge)
            .unwrap_or_else(|| (Remedy::Advice { text: wrong.advice.clone() }, Effect::default()));
        wrong.finding(remedy).with_effect(effect)
    };
    all.iter().map(finding).collect()
}

impl Wrong {
    fn finding(&self, remedy: Remedy) -> Finding {
        let new = match self.severity {
            Severity::Problem => Finding::problem,
            Severity::Warning => Finding::warning,
        };
        new(self.location.clone(), self.what.clone(), self.why.clone(), remedy)
    }
}

/// The one line in which all of this is right, and what that changes. None if a person must decide, or if the line cannot be
/// told.
fn replaced(cases: &Cases<'_>, wrong: &[&Wrong], judge: Judge) -> Option<(Remedy, Effect)> {
    let location = wrong.first()?.location.clone();
    let changes: BTreeSet<_> = wrong.iter().map(|wrong| wrong.change.as_ref()).collect::<Option<_>>()?;
    let line = cases.sudoers.line(&location)?.to_owned();
    let text = changes.iter().try_fold(line, |line, change| change.applied(&line))?;
    let sudoers: Sudoers = cases.sudoers.with(&location, &text).ok()?;
    let after = Cases::of(cases.context, cases.policy, &sudoers);
    let is_mended = !judge(&after).iter().any(|wrong| wrong.location == location);
    is_mended.then(|| (Remedy::Replace { location, text }, doors::effect(cases, &after)))
}
