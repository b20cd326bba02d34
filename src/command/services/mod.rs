//! `twostep services`: each service by which users log in, whether it asks for a code, of whom, and what is missing there. It changes
//! nothing.

mod text;

use std::path::PathBuf;

use twostep_core::dialogue::qr::Colour;
use twostep_doctor::changes::lost;
use twostep_doctor::context::Context;
use twostep_doctor::{checks, services};

use crate::administrator::{Administrator, root_at};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::{Terminal, say, say_in_tones};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only write to the system log which services have lost the lines of 'enable'
    #[arg(long, hide = true, conflicts_with = "json")]
    log_lost: bool,
}

/// Lists the services. What is wrong with one is no failure.
pub(crate) fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.log_lost {
        return log_lost(&Administrator::new(root)?);
    }
    let root = root_at(root)?;
    let mut progress = Progress::new(checks(), arguments.json);
    let services = services(&root, || progress.step())?;
    drop(progress);
    if arguments.json {
        let json = serde_json::to_string_pretty(&services);
        return say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?);
    }
    let has_colours = Terminal::screen(false).colour == Colour::Explicit;
    say_in_tones(&text::lines(&services), has_colours)
}

/// Package managers call this after they have changed files of PAM.
fn log_lost(administrator: &Administrator) -> Result<(), Failure> {
    let context = Context::of(administrator.root())?;
    for service in lost(&context) {
        administrator.log().log_lost(&service);
    }
    Ok(())
}
