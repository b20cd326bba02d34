//! `twostep doctor`: checks all that logins with a second step depend on. It says what is wrong, why it matters, and what fixes it.
//! It changes nothing.

use std::path::PathBuf;

use twostep_doctor::report::Report;
use twostep_doctor::{checks, examine};

use crate::administrator::root_at;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::say;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs all checks for which the user has the rights. Fails with status 1 if there is a problem.
pub(crate) fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    let root = root_at(root)?;
    let mut progress = Progress::new(checks(), arguments.json);
    let report = examine(&root, || progress.step())?;
    drop(progress);
    say(&if arguments.json { json(&report)? } else { report.to_string() })?;
    if report.has_problems() { Err(Failure::silent()) } else { Ok(()) }
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
