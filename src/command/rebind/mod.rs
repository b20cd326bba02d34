//! `twostep rebind`: accepts a renamed account, or all those that the directory service has renamed.

mod all;
mod renaming;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

use renaming::{check_gone, other_names, rename};

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

/// Writes the new name into what is stored of the account's uid. Where the old name is somebody's still, the uid was perhaps
/// given to another person, who must not inherit a second step.
fn one(administrator: &Administrator, user: &str) -> Result<(), Failure> {
    let account = administrator.account(user)?;
    let store = administrator.store()?;
    let old = other_names(&store, &account, check_gone)?;
    let Some(name) = old.first() else {
        return say(&format!(
            "What is stored of {} bears that name: there is nothing to mend.",
            account.name
        ));
    };
    rename(administrator, &store, &account, &old)?;
    say(&format!("{} keeps the second step of '{name}'.", account.name))
}
