//! `twostep disable`: takes the lines of `twostep enable` out again.

use std::collections::BTreeSet;

use twostep_change::journal::Journal;
use twostep_change::plan::Plan;
use twostep_change::reload::reload_sshd;

use super::{check_nothing_waits, journal, no_plan, revert, services, show};
use crate::administrator::Administrator;
use crate::candidates;
use crate::failure::Failure;
use crate::words::enable as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// PAM services, such as sshd, login, sudo
    #[arg(value_name = "SERVICE", required = true, add = candidates::services())]
    services: Vec<String>,
    #[command(flatten)]
    show: show::Options,
}

/// Puts the files back as they would be without 'twostep enable'.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let root = administrator.root();
    let names = services::checked(&arguments.services)?;
    check_nothing_waits(administrator)?;
    let plan = Plan::disable(root, &names).map_err(no_plan)?;
    let shown = show::Shown::new("disable", &plan);
    let all = services::with_those_of_program(root, &names);
    if plan.is_empty() {
        if !arguments.show.is_dry_run() {
            Journal::open(root)?.disabled(&all)?; // something else may have taken out the lines
        }
        return shown.unchanged(&arguments.show, &words::not_enabled(names.join(", ")));
    }
    shown.plan(&arguments.show)?;
    if arguments.show.is_dry_run() {
        return Ok(());
    }
    arguments.show.confirm()?;
    let journal = journal(administrator)?;
    let now = administrator.now()?;
    let pending = journal.begin(&names, &BTreeSet::new(), &plan.files, now, now)?;
    if let Err(refusal) = reload_sshd(root, pending.paths()) {
        revert::put_back(root, &journal, &pending)?;
        return Err(Failure::refused(words::sshd_not_reloaded(refusal), ""));
    }
    journal.forget()?;
    journal.disabled(&all)?;
    administrator.log().log_change("disable", &names.join(","), "");
    shown.done(&arguments.show, None, &words::taken_out(names.join(", ")))
}
