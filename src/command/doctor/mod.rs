//! `twostep doctor`: looks at everything on which logins with a second step depend, and says what is wrong, why that matters,
//! and what mends it. It changes nothing.

mod account;
mod clock;
mod confinement;
mod context;
mod enrolling;
mod files;
mod finding;
mod helper;
mod login_defs;
mod machine;
mod mounts;
mod people;
mod policy;
mod report;
mod sshd;
mod stack;
mod users;

use std::path::PathBuf;

use twostep_core::fault::Fault;
use twostep_core::os::root::Root;

use crate::administrator::root_at;
use crate::failure::Failure;

use crate::terminal::say;
use context::Context;
use finding::Finding;
pub use policy::hint;
use report::Report;

/// How to report.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The checks, each in a file of its own. One that cannot look says so in a finding.
const CHECKS: &[fn(&Context<'_>) -> Vec<Finding>] = &[
    policy::check,
    stack::check,
    sshd::check,
    login_defs::check,
    files::check,
    mounts::check,
    account::check,
    clock::check,
    users::check,
    confinement::check,
];

/// Runs all checks, as far as whoever runs this may see. Fails, with status 1, if something must be mended.
pub fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    let report = examine(&root_at(root)?)?;
    say(&if arguments.json { json(&report)? } else { report.to_string() })?;
    if report.has_problems() { Err(Failure::silent()) } else { Ok(()) }
}

/// What all checks find below `root`.
pub fn examine(root: &Root) -> Result<Report, Fault> {
    let context = Context::of(root)?;
    let findings = CHECKS.iter().flat_map(|check| check(&context)).collect();
    Ok(Report::new(findings, context.visibility))
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
