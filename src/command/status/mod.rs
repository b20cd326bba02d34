//! `twostep status`: who is enrolled, and whether codes are accepted.

mod facts;
mod list;
mod text;

use std::io::{IsTerminal, stdout};

use twostep_core::helper::client;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::{Roster, System};
use twostep_core::manage::act::Target;
use twostep_core::manage::status::Status;
use twostep_core::os::account;
use twostep_core::os::clock;
use twostep_core::os::names::Names;
use twostep_core::os::root::Root;
use twostep_core::store::files::Store;

use crate::administrator::Administrator;
use crate::caller::{Caller, unavailable};
use crate::failure::Failure;
use crate::naming::ManyUsers;
use crate::progress::Progress;
use crate::terminal::note;
use crate::words::naming::{WHICH_USER, which_user_then};
use crate::words::{frame, status as words};

use facts::AccountStatus;
pub(crate) use facts::{Basis, Codes};
use list::{Form, List};
use text::Whose;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    users: ManyUsers,
    /// All users with stored data (root only)
    #[arg(long, conflicts_with = "ManyUsers")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn form(&self) -> Form {
        match self.json {
            false => Form::Text,
            true if self.all || self.users.is_list() => Form::Array,
            true => Form::Object,
        }
    }
}

/// The most records that are in memory at once.
const AT_ONCE: usize = 1024;

/// Shows one account, or all.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    match caller {
        Caller::Administrator(administrator) => of_others(administrator, arguments),
        Caller::User => of_oneself(arguments),
    }
}

fn of_oneself(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.all {
        return Err(Failure::refused(words::ONLY_ROOT_SEES_ALL, words::ONLY_ROOT_SEES_ALL_THEN));
    }
    arguments.users.check_own()?;
    let (system, names) = (System::new(Root::SYSTEM), Names::default());
    let target = Target::of(account::real_uid(), &names)?;
    let policy = system.policy().map_err(unavailable)?;
    let basis = Basis { machine: &Roster::new(&system, &names), policy, now: clock::now()? };
    let status = client::status().map_err(unavailable)?;
    let status = AccountStatus::of(&basis, &target, status);
    let mut list = List::new(arguments.form());
    list.add(&status, Whose::Own)?;
    list.end(true)?;
    match status.problem {
        Some(_) => Err(Failure::unavailable(words::UNUSABLE, frame::ASK_ADMINISTRATOR)),
        None => Ok(()),
    }
}

fn of_others(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let store = administrator.store()?;
    let names = administrator.names();
    let (found, strays): (Box<dyn ExactSizeIterator<Item = Result<Target, Failure>>>, _) = if arguments.all {
        let (uids, strays) = store.uids()?;
        (Box::new(uids.into_iter().map(|uid| Target::of(uid, names))), strays)
    } else {
        if arguments.users.is_empty() {
            return Err(Failure::of(Failure::USAGE, WHICH_USER, which_user_then("status")));
        }
        (Box::new(arguments.users.find(names)?.into_iter().map(|found| found.subject)), Vec::new())
    };
    let now = administrator.now()?;
    let basis = Basis { machine: &administrator.roster(), policy: administrator.policy()?, now };
    let (failures, problem) = list(&store, &basis, arguments, found)?;
    failures.iter().for_each(|failure| note(&words::user_not_shown(failure.what())));
    if !failures.is_empty() {
        return Err(Failure::unavailable(words::not_shown(failures.len()), words::NOT_SHOWN_THEN));
    }
    if let Some(problem) = problem {
        return Err(Failure::unavailable(problem, words::DENIED_THEN));
    }
    match strays.first() {
        Some(stray) => Err(Failure::unavailable(words::stray(stray.display()), words::STRAY_THEN)),
        None => Ok(()),
    }
}

/// Shows what is stored of each account. Returns why some accounts are not shown, and the first problem of those that are.
fn list(
    store: &Store,
    basis: &Basis<'_>,
    arguments: &Arguments,
    mut found: impl ExactSizeIterator<Item = Result<Target, Failure>>,
) -> Result<(Vec<Failure>, Option<String>), Failure> {
    // On a terminal the list itself shows how far it is.
    let mut progress = Progress::new(found.len(), arguments.json || stdout().is_terminal());
    let mut list = List::new(arguments.form());
    let (mut failures, mut problem) = (Vec::new(), None);
    loop {
        let (targets, failed) = parted(found.by_ref().take(AT_ONCE));
        if targets.is_empty() && failed.is_empty() {
            break;
        }
        let uids: Vec<u32> = targets.iter().map(|target| target.uid).collect();
        for (target, stored) in targets.iter().zip(store.snapshots(&uids)) {
            let status = Status::of(stored, target.account.as_ref(), basis.now);
            let status = AccountStatus::of(basis, target, status);
            list.add(&status, Whose::Others)?;
            problem = problem.or(status.problem);
            progress.step();
        }
        failures.extend(failed);
    }
    list.end(failures.is_empty())?;
    Ok((failures, problem))
}

/// The accounts that can be shown, and why the others cannot.
fn parted(found: impl Iterator<Item = Result<Target, Failure>>) -> (Vec<Target>, Vec<Failure>) {
    let (mut targets, mut failures) = (Vec::new(), Vec::new());
    for target in found {
        match target {
            Ok(target) => targets.push(target),
            Err(failure) => failures.push(failure),
        }
    }
    (targets, failures)
}
