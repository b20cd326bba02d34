//! `twostep report`: who must have a second step, and who has one.

mod cells;
mod csv;
mod destination;
mod html;
mod json;
mod people;
mod person;
mod prometheus;
mod text;
mod totals;

use std::collections::BTreeSet;
use std::iter;
use std::path::PathBuf;
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

use crate::administrator::Administrator;
use crate::candidates::groups;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::status::Basis;
use crate::terminal::{Terminal, note};
use crate::words::report as words;

use destination::Destination;
use people::People;
use person::Person;
use totals::Totals;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the members of this group, and its totals
    #[arg(long = "group", value_name = "GROUP", add = groups())]
    groups: Vec<String>,
    /// Only totals: no user is named
    #[arg(long)]
    no_names: bool,
    #[command(flatten)]
    form: Form,
    /// Write to FILE; only root may read it if it names users
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How the report is written; without one of these for a reader at a terminal.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Form {
    /// Print CSV (RFC 4180)
    #[arg(long)]
    csv: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a web page
    #[arg(long)]
    html: bool,
    /// Print metrics for Prometheus; they name no user
    #[arg(long)]
    prometheus: bool,
}

impl Arguments {
    fn names_users(&self) -> bool {
        !self.no_names && !self.form.prometheus
    }
}

/// All that a report says.
struct Report {
    host: String,
    made: UnixTime,
    totals: Totals,
    /// None if no user is to be named. Those who must have a second step and have none come first.
    people: Option<Vec<Person>>,
    /// What could not be seen.
    unseen: Vec<String>,
}

/// The most records that are in memory at once.
const AT_ONCE: usize = 1024;

/// Writes the report. It takes no lock and changes nothing.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let destination = Destination::new(arguments.output.as_deref(), arguments.names_users())?;
    let report = Report::of(administrator, arguments)?;
    let written = match &arguments.form {
        Form { csv: true, .. } => csv::write(&report, destination),
        Form { json: true, .. } => json::write(&report, destination),
        Form { html: true, .. } => html::write(&report, destination),
        Form { prometheus: true, .. } => prometheus::write(&report, destination),
        Form { .. } => text::write(&report, &Terminal::screen(false), destination),
    };
    written?;
    // The other forms have them in them, and a reader at the terminal sees them.
    if !arguments.form.prometheus && (arguments.form.csv || arguments.output.is_some()) {
        report.unseen.iter().for_each(|what| note(what));
    }
    Ok(())
}

impl Report {
    fn of(administrator: &Administrator, arguments: &Arguments) -> Result<Self, Failure> {
        let store = administrator.store()?;
        let roster = administrator.roster();
        let basis = Basis { machine: &roster, policy: administrator.policy()?, now: administrator.now()? };
        let people = People::find(administrator, &store, &basis.policy, &arguments.groups)?;
        let unseen = people.unseen(arguments.names_users());
        let targets = people.targets;
        let mut report = Self {
            host: roster.name(),
            made: basis.now,
            totals: Totals::of(&basis.policy, &arguments.groups),
            people: arguments.names_users().then(|| Vec::with_capacity(targets.len())),
            unseen,
        };
        report.add(&store, &basis, targets, arguments);
        report.totals.end();
        match &mut report.people {
            Some(people) => people.sort_unstable_by(Person::order),
            // On many machines each user has a group of the same name.
            None => report.totals.groups.retain(|group| is_no_user(&group.name, administrator.names())),
        }
        Ok(report)
    }

    /// Adds these people, or those of them who are in the groups that are asked for.
    fn add(&mut self, store: &Store, basis: &Basis<'_>, targets: Vec<Target>, arguments: &Arguments) {
        let groups = self.totals.groups().to_vec();
        let coming = coming(&basis.policy, basis.now);
        let mut without_groups = 0_usize;
        let mut progress = Progress::new(targets.len(), arguments.form.json);
        for (target, stored) in snapshots(store, targets) {
            progress.step();
            let Some(account) = target.account else {
                self.totals.add_orphan();
                continue;
            };
            let theirs = memberships(&account, basis.machine, &groups).unwrap_or_else(|_| {
                without_groups = without_groups.saturating_add(1);
                Vec::new()
            });
            if !arguments.groups.is_empty() && theirs.is_empty() {
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
