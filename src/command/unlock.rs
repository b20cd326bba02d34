//! `twostep unlock`: ends a lockout.

use twostep_core::manage::unlock::Unlocked;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

/// Whom to let in again.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
    /// The clock was wrong, and is right now: accept codes again
    #[arg(long)]
    reset_clock: bool,
}

/// Forgets the failures and, if asked to, a mark that lies in the future.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let unlocked = administrator.carry_out(&target, |acts| acts.unlock(&target, arguments.reset_clock))?;
    let Unlocked::Done { failures, is_ahead } = unlocked else {
        return say(&format!("{name} has no record. Nothing changed."));
    };
    let codes = if failures == 1 { "code" } else { "codes" };
    say(&format!("Unlocked {name} ({failures} failed {codes} cleared)."))?;
    if is_ahead {
        return Err(Failure::refused(
            format!("{name}'s last accepted code is dated in the future, so new codes are still refused."),
            format!("If this machine's clock is right now, run 'twostep unlock {name} --reset-clock'."),
        ));
    }
    Ok(())
}
