//! `twostep unlock`: ends a lockout.

use twostep_core::proof::state::State;
use twostep_core::store::Durability;
use twostep_core::store::files::Store;
use twostep_core::verdict::is_soon;

use crate::administrator::{Administrator, Target};
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
    let store = administrator.store()?;
    let Some(mut locked) = store.lock(target.uid)? else {
        return say(&format!("{name} never had a second step: there is nothing to unlock."));
    };
    let failures = locked.state().hosts.codes;
    let mut next = locked.state().unlock();
    if arguments.reset_clock {
        // Under the lock: a login may just have moved the mark.
        next = reset_clock(administrator, &store, &target, &next)?;
    }
    let mark = next.mark;
    locked.save(next, Durability::Flushed)?;
    drop(locked);
    administrator.log(
        "unlock",
        &target,
        &format!(" failures={failures} reset-clock={}", arguments.reset_clock),
    );
    say(&format!("{name}: failures in a row were {failures}, and are 0 now."))?;
    let now = administrator.now()?;
    if mark > now && !is_soon(mark, now) {
        return Err(Failure::refused(
            format!("{name}'s last code lies in the future: codes are still refused."),
            format!("If this machine's clock is right now, run 'twostep unlock {name} --reset-clock'."),
        ));
    }
    Ok(())
}

/// Puts back a mark that lies far ahead. One that is soon reached stays: its code was perhaps used a moment ago.
fn reset_clock(
    administrator: &Administrator,
    store: &Store,
    target: &Target,
    state: &State,
) -> Result<State, Failure> {
    let now = administrator.now()?;
    let credential = store.credential(target.uid)?;
    let authenticators = credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
    let window_end = administrator.rules()?.window_end(authenticators, now);
    if state.is_ahead_of(window_end) && is_soon(state.mark, now) {
        return Err(Failure::refused(
            format!(
                "{}'s last code lies only a little ahead: codes are accepted again after {} UTC.",
                target.name(),
                state.mark
            ),
            format!(
                "Wait so long: putting it back now would make a used code usable. \
                 To end a lockout alone, run 'twostep unlock {}'.",
                target.name()
            ),
        ));
    }
    Ok(state.reset_clock(window_end))
}
