//! `twostep storage`: the format of the records.

use clap::Subcommand;
use twostep_core::manage::act::Target;
use twostep_core::store::files::slot::Format;

use crate::administrator::Administrator;
use crate::failure::{Failure, show};
use crate::progress::Progress;
use crate::terminal::{note, say};
use crate::words::storage as words;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Store all records in format 2, with time and host of codes
    Upgrade,
    /// Store all records in format 1, for an older release
    Downgrade,
}

/// Converts all records, and gives new ones the same format. An interrupted command can be run again.
pub(crate) fn run(administrator: &Administrator, verb: &Verb) -> Result<(), Failure> {
    let format = match verb {
        Verb::Upgrade => Format::Two,
        Verb::Downgrade => Format::One,
    };
    // This comes first, so that no record of the other format is created behind the list.
    let store = administrator.store()?;
    store.set_format(format)?;
    let (uids, _) = store.uids()?;
    let mut progress = Progress::new(uids.len(), false);
    let (mut changed, mut failed) = (0_usize, 0_usize);
    for uid in uids {
        match convert(administrator, uid, format) {
            Ok(true) => changed = changed.saturating_add(1),
            Ok(false) => {}
            Err(failure) => {
                failed = failed.saturating_add(1);
                show(&failure);
            }
        }
        progress.step();
    }
    drop(progress);
    say(&words::changed(format, changed))?;
    if changed > 0 && format == Format::One {
        note(words::FORGOTTEN);
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::refused(words::not_changed(failed), words::NOT_CHANGED_THEN)),
    }
}

fn convert(administrator: &Administrator, uid: u32, format: Format) -> Result<bool, Failure> {
    // Only the log and the errors need the name: a directory that is away must not keep an administrator from going back.
    let target = Target::of(uid, administrator.names()).unwrap_or(Target { uid, account: None });
    administrator.carry_out(&target, |acts| acts.convert(&target, format))
}
