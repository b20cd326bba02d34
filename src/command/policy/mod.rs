//! `twostep policy`: what is wrong with a policy, and what it decides. It needs no rights.

mod arguments;
mod asked;
mod check;
mod explain;
mod explanation;
mod outcome;
mod table;

use std::path::PathBuf;

use clap::Subcommand;

use crate::administrator::root_at;
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Check a policy file for errors and likely mistakes
    Check(check::Arguments),
    /// Show what the policy decides for a login, and what happens
    #[command(override_usage = arguments::USAGE)]
    Explain(arguments::Arguments),
}

pub(crate) fn run(root: Option<PathBuf>, verb: &Verb) -> Result<(), Failure> {
    let root = root_at(root)?;
    match verb {
        Verb::Check(arguments) => check::run(root, arguments),
        Verb::Explain(arguments) => explain::run(root, arguments),
    }
}
