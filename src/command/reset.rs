//! `twostep reset`: removes a credential and what belongs to it.

use twostep_core::manage::reset::Reset;

use crate::administrator::Administrator;
use crate::caller::named;
use crate::failure::Failure;
use crate::naming::OneUser;
use crate::sudo_caller::SudoCaller;
use crate::terminal::{note, say};
use crate::words::naming::which_user_of_root_then;
use crate::words::reset as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    user: OneUser,
}

/// Removes the secret file and empties the state.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let user = named(arguments.user.name()?, which_user_of_root_then("reset"))?;
    let target = administrator.target(user)?;
    SudoCaller::of_process()?.check_is_another(&target)?;
    let name = target.name();
    let reset = administrator.carry_out(&target, |acts| acts.reset(&target))?;
    let Reset::Done { had_credential, state_was_lost } = reset else {
        return say(&words::no_record(name));
    };
    if state_was_lost {
        note(&words::state_was_lost(&name));
    }
    say(&match (had_credential, &target.account) {
        (true, Some(_)) => words::no_longer_enrolled(name),
        (true, None) => words::uid_no_longer_enrolled(name),
        (false, _) => words::was_not_enrolled(name),
    })
}
