//! `twostep unlock`: ends a lockout.

use serde::Serialize;
use twostep_core::manage::act::Target;
use twostep_core::manage::unlock::Unlocked;

use crate::act_error::argument;
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::naming::EachUser;
use crate::sudo_caller::SudoCaller;
use crate::words::reset::no_record;
use crate::words::unlock as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    users: EachUser,
    /// The clock was wrong and is right now: accept codes again
    #[arg(long)]
    reset_clock: bool,
}

/// What the JSON has beside the user: how many codes had failed.
#[derive(Serialize)]
struct Facts {
    failures: u16,
}

/// Clears the failures and, with --reset-clock, a mark that is in the future.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let caller = SudoCaller::of_process()?;
    arguments.users.act(arguments.users.find("unlock", administrator.names())?, |target: &Target, report| {
        caller.check_is_another(target)?;
        let name = target.name();
        let unlocked = administrator.carry_out(target, |acts| acts.unlock(target, arguments.reset_clock))?;
        let Unlocked::Done { failures, is_ahead } = unlocked else {
            return report.say(&no_record(name), "no-record", ());
        };
        let text = if failures == 1 { words::unlocked_one(&name) } else { words::unlocked(&name, failures) };
        report.say(&text, "unlocked", Facts { failures })?;
        if is_ahead {
            return Err(Failure::refused(words::is_ahead(&name), words::is_ahead_then(argument(target))));
        }
        Ok(())
    })
}
