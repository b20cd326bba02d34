//! `twostep require` and `twostep unrequire`: a second step that an administrator asks of one person.

use twostep_core::manage::act::Target;
use twostep_core::manage::require::Required;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::{note, say};

/// Of whom to require it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person
    #[arg(value_name = "USER")]
    user: String,
}

/// Of whom no longer to require it.
#[derive(clap::Args)]
pub(crate) struct Unarguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
}

/// Requires a second step of a person, enrolled or not, wherever the policy leaves it to them.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let name = &account.name;
    match administrator.carry_out(&Target::from(&account), |acts| acts.require(&account))? {
        Required::Already => say(&format!("{name} already needs a second step. Nothing changed.")),
        Required::Now { enrolled, services } => {
            say(&format!("{name} now needs a second step, except where the policy exempts them."))?;
            if !enrolled {
                note(&how_to_enroll(name, &services));
            }
            Ok(())
        }
    }
}

fn how_to_enroll(name: &str, services: &[String]) -> String {
    match services {
        [] => {
            format!("{name} is not enrolled, and no login enrolls users: run 'twostep enroll --user {name}'.")
        }
        services => {
            format!("{name} is not enrolled yet. The next login by {} does it.", services.join(" or "))
        }
    }
}

/// Leaves it to the policy again.
pub(crate) fn unrequire(administrator: &Administrator, arguments: &Unarguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    say(&match administrator.carry_out(&target, |acts| acts.unrequire(&target))? {
        true => format!("From now on only the policy decides whether {name} needs a second step."),
        false => format!("{name} has no extra requirement. Nothing changed."),
    })
}
