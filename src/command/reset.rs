//! `twostep reset`: forgets a credential.

use twostep_core::manage::reset::Reset;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::{note, say};

/// Whose credential to forget.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
}

/// Removes the secret file and empties the state.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let reset = administrator.carry_out(&target, |acts| acts.reset(&target))?;
    let Reset::Done { had_credential, state_was_lost } = reset else {
        return say(&format!("{name} has no record. Nothing changed."));
    };
    if state_was_lost {
        note(&format!(
            "{name}'s state was damaged and has been replaced. If a second step was required of them, \
             run 'twostep require {name}' again."
        ));
    }
    say(&if had_credential {
        format!("{name} is no longer enrolled. To enroll again, run 'twostep enroll --user {name}'.")
    } else {
        format!("{name} was not enrolled. The failed codes are cleared.")
    })
}
