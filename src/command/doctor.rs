//! `twostep doctor`: looks at everything on which logins with a second step depend, and says what is wrong, why that matters,
//! and what mends it. It changes nothing.

use std::path::PathBuf;

use twostep_doctor::examine;
use twostep_doctor::report::Report;

use crate::administrator::root_at;
use crate::failure::Failure;
use crate::terminal::say;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs all checks, as far as whoever runs this may see. Fails, with status 1, if something must be mended.
pub(crate) fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    let report = examine(&root_at(root)?)?;
    say(&if arguments.json { json(&report)? } else { report.to_string() })?;
    if report.has_problems() { Err(Failure::silent()) } else { Ok(()) }
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
