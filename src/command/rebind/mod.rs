//! `twostep rebind`: accepts a renamed account, or all accounts that the directory service has renamed.

mod all;

use twostep_core::manage::act::Target;
use twostep_core::manage::rebind::Formerly;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use crate::words::rebind as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user, by the new name
    #[arg(value_name = "USER", required_unless_present = "all")]
    user: Option<String>,
    /// All users whose name is now written differently
    #[arg(long, conflicts_with = "user")]
    all: bool,
    /// Show what would happen and change nothing
    #[arg(long, requires = "all")]
    dry_run: bool,
}

/// Writes the new name into one record, or the new names into all.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.user {
        Some(user) => one(administrator, user),
        None => all::run(administrator, arguments.dry_run),
    }
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
