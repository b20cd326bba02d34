//! `twostep policy`: what is wrong with a policy, and what it decides. Anybody may ask.

mod check;
mod explain;

use std::path::PathBuf;

use clap::Subcommand;

use crate::administrator::root_at;
use crate::failure::Failure;

/// What to do with the policy.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Show every error of a policy file, and what is probably not meant
    Check(check::Arguments),
    /// Show what the policy decides for a login, by which rule, and why
    Explain(explain::Arguments),
}

pub(crate) fn run(root: Option<PathBuf>, verb: &Verb) -> Result<(), Failure> {
    let root = root_at(root)?;
    match verb {
        Verb::Check(arguments) => check::run(root, arguments),
        Verb::Explain(arguments) => explain::run(root, arguments),
    }
}
