//! Gathers what a report says.

use std::collections::BTreeSet;
use std::iter;
use std::rc::Rc;

use twostep_core::fault::Fault;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::Roster;
use twostep_core::manage::act::Target;
use twostep_core::os::account::Account;
use twostep_core::os::names::Names;
use twostep_core::policy::{Policy, Rule};
use twostep_core::store::Snapshot;
use twostep_core::store::files::Store;
use twostep_core::time::{Day, UnixTime};
use twostep_doctor::changes::lost;
use twostep_doctor::context::Context;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::status::Basis;
use crate::words::report as words;

use super::people::People;
use super::person::Person;
use super::totals::Totals;

/// All that a report says.
pub(super) struct Report {
    pub host: String,
    pub made: UnixTime,
    pub totals: Totals,
    /// None if no user is to be named. Those who must have a second step and have none come first.
    pub people: Option<Vec<Person>>,
    /// What could not be seen.
    pub unseen: Vec<String>,
    /// How many services ask for no code, though `twostep enable` made them ask.
    pub services_lost: usize,
}

/// What the report is to be about.
pub(super) struct Wanted<'a> {
    /// Only the members of these groups; empty for all people.
    pub groups: &'a [String],
    pub names_users: bool,
    /// Whether a program reads it.
    pub is_json: bool,
}

/// The most records that are in memory at once.
const AT_ONCE: usize = 1024;

impl Report {
    /// Reads all records. It takes no lock and changes nothing.
    pub(super) fn of(administrator: &Administrator, wanted: &Wanted<'_>) -> Result<Self, Failure> {
        let store = administrator.store()?;
        let roster = administrator.roster();
        let basis = Basis { machine: &roster, policy: administrator.policy()?, now: administrator.now()? };
        let people = People::find(administrator, &store, &basis.policy, wanted.groups)?;
        let unseen = people.unseen(wanted.names_users);
        let targets = people.targets;
        let mut report = Self {
            host: roster.name(),
            made: basis.now,
            totals: Totals::of(&basis.policy, wanted.groups),
            people: wanted.names_users.then(|| Vec::with_capacity(targets.len())),
            unseen,
            services_lost: lost(&Context::of(administrator.root())?).len(),
        };
        report.add(&store, &basis, targets, wanted);
        report.totals.end();
        match &mut report.people {
            Some(people) => people.sort_unstable_by(Person::order),
            // On many machines each user has a group of the same name.
            None => report.totals.groups.retain(|group| is_no_user(&group.name, administrator.names())),
        }
        Ok(report)
    }

    /// Adds these people, or those of them who are in the groups that are asked for.
    fn add(&mut self, store: &Store, basis: &Basis<'_>, targets: Vec<Target>, wanted: &Wanted<'_>) {
        let groups = self.totals.groups();
        let coming = coming(&basis.policy, basis.now);
        let mut without_groups = 0_usize;
        let mut progress = Progress::new(targets.len(), wanted.is_json);
        for (target, stored) in snapshots(store, targets) {
            progress.step();
            let Some(account) = target.account else {
                if wanted.groups.is_empty() {
                    self.totals.add_orphan();
                }
                continue;
            };
            let theirs = memberships(&account, basis.machine, &groups).unwrap_or_else(|_| {
                without_groups = without_groups.saturating_add(1);
                Vec::new()
            });
            if !wanted.groups.is_empty() && theirs.is_empty() {
                continue;
            }
            let person = Person::of(basis, &coming, &account, stored, theirs);
            self.totals.add(&person);
            if let Some(people) = &mut self.people {
                people.push(person);
            }
        }
        if without_groups > 0 {
            self.unseen.push(words::groups_unseen(without_groups));
        }
    }
}

/// The record of each target. Only some are in memory at once.
fn snapshots(store: &Store, targets: Vec<Target>) -> impl Iterator<Item = (Target, Snapshot)> {
    let mut targets = targets.into_iter();
    let parts = iter::from_fn(move || {
        let some: Vec<Target> = targets.by_ref().take(AT_ONCE).collect();
        (!some.is_empty()).then_some(some)
    });
    parts.flat_map(|some| {
        let uids: Vec<u32> = some.iter().map(|target| target.uid).collect();
        some.into_iter().zip(store.snapshots(&uids))
    })
}

fn is_no_user(name: &str, names: &Names) -> bool {
    matches!(names.by_name(name), Ok(None))
}

/// The days to come on which a rule starts to require a second step.
fn coming(policy: &Policy, now: UnixTime) -> BTreeSet<Day> {
    policy.rules().iter().filter_map(Rule::starts).filter(|day| day.begins() > now).collect()
}

/// Those of `groups` to which the account belongs under any of its names.
fn memberships(account: &Account, roster: &Roster<'_>, groups: &[Rc<str>]) -> Result<Vec<Rc<str>>, Fault> {
    let wanted: BTreeSet<&str> = groups.iter().map(AsRef::as_ref).collect();
    let mut mine = BTreeSet::new();
    for name in &account.names {
        mine.extend(roster.memberships(name, &wanted)?);
    }
    Ok(groups.iter().filter(|group| mine.contains(group.as_ref())).cloned().collect())
}
