//! `twostep rebind`: accepts a renamed account, or all accounts that the directory service has renamed.

mod all;

use twostep_core::manage::act::Target;
use twostep_core::manage::rebind::Formerly;

use crate::administrator::Administrator;
use crate::caller::named;
use crate::failure::Failure;
use crate::naming::OneUser;
use crate::terminal::say;
use crate::words::naming::which_user_or_all_then;
use crate::words::rebind as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
    /// All users whose name is now written differently
    #[arg(long, conflicts_with = "OneUser")]
    all: bool,
    /// Show what would happen and change nothing
    #[arg(long, requires = "all")]
    dry_run: bool,
}

/// Writes the new name into one record, or the new names into all.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.all {
        return all::run(administrator, arguments.dry_run);
    }
    one(administrator, named(arguments.user.name()?, which_user_or_all_then("rebind"))?)
}

fn one(administrator: &Administrator, user: &str) -> Result<(), Failure> {
    let account = administrator.account(user)?;
    let rebound =
        administrator.carry_out(&Target::from(&account), |acts| acts.rebind(&account, Formerly::Any))?;
    let name = &account.name;
    say(&match rebound {
        Some(old) => words::rebound(old, name),
        None => words::unchanged(name),
    })
}
