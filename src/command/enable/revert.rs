//! `twostep revert`: takes back the change that waits.

use twostep_change::journal::{Journal, Pending, PutBack, boot};
use twostep_change::reload::reload_sshd;
use twostep_core::os::root::Root;

use super::way_back;
use crate::administrator::Administrator;
use crate::failure::{Failure, show};
use crate::terminal::say;
use crate::words::enable as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only if nobody has kept the change in time, or the machine was restarted
    #[arg(long, hide = true)]
    due: bool,
    /// Wait in the background until the change is kept or due
    #[arg(long, hide = true)]
    watch: bool,
}

pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.watch {
        way_back::watch(administrator.root(), || if_due(administrator));
        return Ok(());
    }
    if arguments.due { if_due(administrator) } else { now(administrator) }
}

fn now(administrator: &Administrator) -> Result<(), Failure> {
    let journal = Journal::open(administrator.root())?;
    match journal.pending()? {
        Some(pending) => take_back(administrator, &journal, &pending),
        None => Err(Failure::refused(words::NOTHING_WAITS, words::NOTHING_WAITS_THEN)),
    }
}

/// Does nothing, and fails not, if no change is due. Nobody sees what it prints, so a failure is in the log, too.
fn if_due(administrator: &Administrator) -> Result<(), Failure> {
    take_back_if_due(administrator)
        .inspect_err(|failure| administrator.log().log_failed_revert(failure.what()))
}

fn take_back_if_due(administrator: &Administrator) -> Result<(), Failure> {
    let journal = Journal::open(administrator.root())?;
    let now = administrator.now()?;
    match journal.pending()?.filter(|pending| pending.is_due(now, &boot())) {
        Some(pending) => take_back(administrator, &journal, &pending),
        None => Ok(()),
    }
}

fn take_back(administrator: &Administrator, journal: &Journal<'_>, pending: &Pending) -> Result<(), Failure> {
    put_back(administrator.root(), journal, pending)?;
    administrator.log().log_change("revert", &pending.services.join(","), "");
    Ok(())
}

/// Puts the files back, has sshd read its settings again, and forgets the change.
pub(super) fn put_back(root: &Root, journal: &Journal<'_>, pending: &Pending) -> Result<(), Failure> {
    let mut is_whole = true;
    for file in journal.put_back(pending) {
        match file {
            Ok(PutBack::Whole(file)) => say(&words::put_back(file))?,
            Ok(PutBack::OwnLines(file)) => say(&words::own_lines_out(file))?,
            Ok(PutBack::Left(file)) => say(&words::left(file))?,
            Err(fault) => {
                is_whole = false;
                show(&Failure::unavailable(words::not_put_back(fault), ""));
            }
        }
    }
    if let Err(refusal) = reload_sshd(root, pending.paths()) {
        is_whole = false;
        show(&Failure::unavailable(words::sshd_not_reloaded(refusal), ""));
    }
    if !is_whole {
        return Err(Failure::unavailable(words::NOT_ALL_PUT_BACK, words::NOT_ALL_PUT_BACK_THEN));
    }
    Ok(journal.forget()?)
}
