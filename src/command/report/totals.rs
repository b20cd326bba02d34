//! How many people, of all and of each group.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;
use twostep_core::policy::Policy;

use super::person::{Date, Person, Recovery, Required};

/// All that is counted. The names of the fields are those of the JSON.
#[derive(Serialize, Default)]
pub(super) struct Totals {
    #[serde(flatten)]
    pub all: Count,
    /// Those who must have a second step from a later day on, and have none.
    pub required_later: usize,
    /// The first of these days.
    pub required_next: Option<Date>,
    /// Those whom a rule exempts in some login.
    pub exempt: usize,
    /// Those whose right codes are refused somewhere.
    pub locked: usize,
    /// Those whose record cannot be used, so that their logins are denied.
    pub unusable: usize,
    pub recovery_codes: RecoveryCount,
    /// Records whose account is gone.
    pub orphans: usize,
    pub groups: Vec<Group>,
    /// How many of those enrolled now were enrolled by each day, for days on which somebody enrolled. It does not count a
    /// person whose secret file has no date.
    pub enrolled_by: Vec<Point>,
    #[serde(skip)]
    days: BTreeMap<Date, usize>,
}

/// People, by whether they must have a second step and have one.
#[derive(Serialize, Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Count {
    pub people: usize,
    pub enrolled: usize,
    /// Those who must have a second step now.
    pub required: usize,
    pub required_enrolled: usize,
}

/// Those enrolled, by their recovery codes.
#[derive(Serialize, Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RecoveryCount {
    pub none: usize,
    pub few: usize,
    pub enough: usize,
}

#[derive(Serialize)]
pub(super) struct Group {
    pub name: Rc<str>,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Serialize, Clone, Copy)]
pub(super) struct Point {
    pub day: Date,
    pub enrolled: usize,
}

impl Totals {
    /// Nobody yet, in the groups of the policy, or in those that are asked for.
    pub(super) fn of(policy: &Policy, asked: &[String]) -> Self {
        let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
        let groups = if asked.is_empty() { policy.groups() } else { asked };
        let none = |name: &str| Group { name: name.into(), count: Count::default() };
        Self { groups: groups.into_iter().map(none).collect(), ..Self::default() }
    }

    /// The names of the groups.
    pub(super) fn groups(&self) -> Vec<Rc<str>> {
        self.groups.iter().map(|group| group.name.clone()).collect()
    }

    pub(super) fn add_orphan(&mut self) {
        add(&mut self.orphans, true);
    }

    pub(super) fn add(&mut self, person: &Person) {
        self.all.add(person);
        for group in &mut self.groups {
            if person.groups.contains(&group.name) {
                group.count.add(person);
            }
        }
        if let (Required::Later { from }, false) = (&person.required, person.enrolled) {
            add(&mut self.required_later, true);
            self.required_next = Some(self.required_next.map_or(*from, |next| next.min(*from)));
        }
        add(&mut self.exempt, !person.exempt.is_empty());
        add(&mut self.locked, person.is_locked());
        add(&mut self.unusable, person.problem.is_some());
        let RecoveryCount { none, few, enough } = &mut self.recovery_codes;
        add(none, person.recovery_codes == Some(Recovery::None));
        add(few, person.recovery_codes == Some(Recovery::Few));
        add(enough, person.recovery_codes == Some(Recovery::Enough));
        if let Some(day) = person.enrolled_since {
            add(self.days.entry(day).or_default(), true);
        }
    }

    /// Everybody is counted.
    pub(super) fn end(&mut self) {
        let mut enrolled = 0_usize;
        let points = std::mem::take(&mut self.days).into_iter().map(|(day, more)| {
            enrolled = enrolled.saturating_add(more);
            Point { day, enrolled }
        });
        self.enrolled_by = points.collect();
    }
}

impl Count {
    fn add(&mut self, person: &Person) {
        add(&mut self.people, true);
        add(&mut self.enrolled, person.enrolled);
        add(&mut self.required, person.required.is_now());
        add(&mut self.required_enrolled, person.required.is_now() && person.enrolled);
    }
}

fn add(count: &mut usize, counts: bool) {
    *count = count.saturating_add(counts.into());
}
