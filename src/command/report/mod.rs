//! `twostep report`: who must have a second step, and who has one.

mod cells;
mod csv;
mod destination;
mod gather;
mod html;
mod json;
mod people;
mod person;
mod prometheus;
mod text;
mod totals;

use std::path::PathBuf;

use crate::administrator::Administrator;
use crate::candidates::groups;
use crate::failure::Failure;
use crate::terminal::{Terminal, note};

use destination::Destination;
use gather::{Report, Wanted};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the members of this group, and its totals
    #[arg(long = "group", value_name = "GROUP", add = groups())]
    groups: Vec<String>,
    /// Only totals: no user is named
    #[arg(long)]
    no_names: bool,
    #[command(flatten)]
    form: Form,
    /// Write to FILE; only root may read it if it names users
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How the report is written; without one of these for a reader at a terminal.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Form {
    /// Print CSV (RFC 4180)
    #[arg(long)]
    csv: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a web page
    #[arg(long)]
    html: bool,
    /// Print metrics for Prometheus; they name no user
    #[arg(long)]
    prometheus: bool,
}

impl Arguments {
    fn names_users(&self) -> bool {
        !self.no_names && !self.form.prometheus
    }
}

/// Writes the report.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let destination = Destination::new(arguments.output.as_deref(), arguments.names_users())?;
    let wanted = Wanted {
        groups: &arguments.groups,
        names_users: arguments.names_users(),
        is_json: arguments.form.json,
    };
    let report = Report::of(administrator, &wanted)?;
    let written = match &arguments.form {
        Form { csv: true, .. } => csv::write(&report, destination),
        Form { json: true, .. } => json::write(&report, destination),
        Form { html: true, .. } => html::write(&report, destination),
        Form { prometheus: true, .. } => prometheus::write(&report, destination),
        Form { .. } => text::write(&report, &Terminal::screen(false), destination),
    };
    written?;
    // The other forms have them in them, and a reader at the terminal sees them.
    if !arguments.form.prometheus && (arguments.form.csv || arguments.output.is_some()) {
        report.unseen.iter().for_each(|what| note(what));
    }
    Ok(())
}
