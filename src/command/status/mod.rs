//! `twostep status`: who is enrolled, and whether codes are accepted.

mod facts;
mod text;

use twostep_core::helper::client;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::System;
use twostep_core::manage::act::Target;
use twostep_core::manage::status::Status;
use twostep_core::os::account;
use twostep_core::os::clock;
use twostep_core::os::root::Root;

use crate::administrator::Administrator;
use crate::caller::{Caller, unavailable};
use crate::failure::Failure;
use crate::naming::ManyUsers;
use crate::terminal::{note, say};
use crate::words::naming::{WHICH_USER, which_user_then};
use crate::words::{frame, status as words};

use facts::{AccountStatus, Basis};
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
    let target = Target::of(account::real_uid())?;
    let system = System::new(Root::SYSTEM);
    let policy = system.policy().map_err(unavailable)?;
    let basis = Basis { system: &system, policy, now: clock::now()? };
    let status = client::status().map_err(unavailable)?;
    let status = AccountStatus::of(&basis, &target, status);
    show(std::slice::from_ref(&status), arguments, Whose::Own)?;
    match status.problem {
        Some(_) => Err(Failure::unavailable(words::UNUSABLE, frame::ASK_ADMINISTRATOR)),
        None => Ok(()),
    }
}

fn of_others(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let store = administrator.store()?;
    let (found, strays) = if arguments.all {
        let (uids, strays) = store.uids()?;
        (uids.into_iter().map(Target::of).collect(), strays)
    } else {
        if arguments.users.is_empty() {
            return Err(Failure::of(Failure::USAGE, WHICH_USER, which_user_then("status")));
        }
        let found = arguments.users.find()?;
        (found.into_iter().map(|found| found.subject).collect(), Vec::new())
    };
    let (targets, failures) = parted(found);
    let now = administrator.now()?;
    let basis = Basis { system: administrator.machine().system(), policy: administrator.policy()?, now };
    let status = |target: &Target| Status::of(store.snapshot(target.uid), target.account.as_ref(), now);
    let all: Vec<AccountStatus> =
        targets.iter().map(|target| AccountStatus::of(&basis, target, status(target))).collect();
    if failures.is_empty() || !all.is_empty() || arguments.json {
        show(&all, arguments, Whose::Others)?;
    }
    failures.iter().for_each(|failure| note(&words::user_not_shown(failure.what())));
    if !failures.is_empty() {
        return Err(Failure::unavailable(words::not_shown(failures.len()), words::NOT_SHOWN_THEN));
    }
    if let Some(problem) = all.iter().find_map(|status| status.problem.as_ref()) {
        return Err(Failure::unavailable(problem.clone(), words::DENIED_THEN));
    }
    match strays.first() {
        Some(stray) => Err(Failure::unavailable(words::stray(stray.display()), words::STRAY_THEN)),
        None => Ok(()),
    }
}

/// The accounts that can be shown, and why the others cannot.
fn parted(found: Vec<Result<Target, Failure>>) -> (Vec<Target>, Vec<Failure>) {
    let (mut targets, mut failures) = (Vec::new(), Vec::new());
    for target in found {
        match target {
            Ok(target) => targets.push(target),
            Err(failure) => failures.push(failure),
        }
    }
    (targets, failures)
}

fn show(all: &[AccountStatus], arguments: &Arguments, whose: Whose) -> Result<(), Failure> {
    if all.is_empty() && !arguments.json {
        return say(words::NONE_ENROLLED);
    }
    if !arguments.json {
        return all.iter().try_for_each(|status| say(&status.text(whose)));
    }
    let json = match all {
        [one] if !arguments.all && !arguments.users.is_list() => serde_json::to_string_pretty(one),
        _ => serde_json::to_string_pretty(all),
    };
    say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?)
}
