//! `twostep doctor`: checks all that logins with a second step depend on. It says what is wrong, why it matters, and what fixes it.
//! It changes nothing, unless `--fix` is given.

use std::path::PathBuf;

use twostep_doctor::report::Report;
use twostep_doctor::{checks, examine};

use crate::administrator::root_at;
use crate::enable::show::Options;
use crate::enable::{Trust, fix};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::say;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Apply the remedies for problems, after they were tried
    #[arg(long, conflicts_with = "json")]
    fix: bool,
    /// Show what would change, and change nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Do not ask for a confirmation
    #[arg(long, requires = "fix")]
    yes: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Runs all checks for which the user has the rights. Fails with status 1 if there is a problem.
pub(crate) fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.fix {
        return fix::run(root, &Options::new(arguments.dry_run, arguments.yes), &arguments.trust);
    }
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
