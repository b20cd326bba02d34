//! `twostep unlock`: ends a lockout.

use twostep_core::manage::unlock::Unlocked;

use crate::act_error::argument;
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use crate::words::reset::no_record;
use crate::words::unlock as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user, by name or uid
    #[arg(value_name = "USER")]
    user: String,
    /// The clock was wrong and is right now: accept codes again
    #[arg(long)]
    reset_clock: bool,
}

/// Clears the failures and, with --reset-clock, a mark that is in the future.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let unlocked = administrator.carry_out(&target, |acts| acts.unlock(&target, arguments.reset_clock))?;
    let Unlocked::Done { failures, is_ahead } = unlocked else {
        return say(&no_record(name));
    };
    say(&if failures == 1 { words::unlocked_one(&name) } else { words::unlocked(&name, failures) })?;
    if is_ahead {
        return Err(Failure::refused(words::is_ahead(&name), words::is_ahead_then(argument(&target))));
    }
    Ok(())
}
