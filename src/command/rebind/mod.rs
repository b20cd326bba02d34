//! `twostep rebind`: accepts a renamed account, or all those that the directory service has renamed.

mod all;

use twostep_core::manage::act::Target;
use twostep_core::manage::rebind::Formerly;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

/// Whose account was renamed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by their new name
    #[arg(value_name = "USER", required_unless_present = "all")]
    user: Option<String>,
    /// Everybody whose name is now written otherwise
    #[arg(long, conflicts_with = "user")]
    all: bool,
    /// Show what would happen, and change nothing
    #[arg(long, requires = "all")]
    dry_run: bool,
}

/// Writes the new names into what is stored.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.user {
        Some(user) => one(administrator, user),
        None => all::run(administrator, arguments.dry_run),
    }
}

/// Writes the new name into what is stored of the account's uid.
fn one(administrator: &Administrator, user: &str) -> Result<(), Failure> {
    let account = administrator.account(user)?;
    let rebound =
        administrator.carry_out(&Target::from(&account), |acts| acts.rebind(&account, Formerly::Any))?;
    let name = &account.name;
    say(&match rebound {
        Some(old) => format!("Reassigned {old}'s enrollment to {name}."),
        None => format!("{name}'s record already has that name. Nothing changed."),
    })
}
