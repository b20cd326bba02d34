//! `twostep unlock`: ends a lockout.

use twostep_core::store::Durability;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

/// Whom to let in again.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
    /// The clock was wrong, and is right now: accept the codes of today again
    #[arg(long)]
    reset_clock: bool,
}

/// Forgets the failures and, if asked to, a mark that lies in the future.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let store = administrator.store()?;
    let window_end = administrator.window_end(&store, target.uid)?;
    let Some(mut locked) = store.lock(target.uid)? else {
        return say(&format!("{name} never had a second step: there is nothing to unlock."));
    };
    let failures = locked.state().hosts.codes;
    let mut next = locked.state().unlock();
    if arguments.reset_clock {
        next = next.reset_clock(window_end);
    }
    let still_ahead = next.is_ahead_of(window_end);
    locked.save(next, Durability::Flushed)?;
    drop(locked);
    administrator.log(
        "unlock",
        &target,
        &format!(" failures={failures} reset-clock={}", arguments.reset_clock),
    );
    say(&format!("{name}: failures in a row were {failures}, and are 0 now."))?;
    if still_ahead {
        return Err(Failure::refused(
            format!("{name}'s last code lies in the future: codes are still refused."),
            format!("If this machine's clock is right now, run 'twostep unlock {name} --reset-clock'."),
        ));
    }
    Ok(())
}
