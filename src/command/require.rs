//! `twostep require` and `twostep unrequire`: a second step that root requires of one user.

use twostep_core::manage::act::Target;
use twostep_core::manage::require::Required;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::words::require as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(clap::Args)]
pub(crate) struct Unarguments {
    /// The user, by name or uid
    #[arg(value_name = "USER")]
    user: String,
}

/// Requires a second step of a user, enrolled or not, wherever the policy is opt-in.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let name = &account.name;
    match administrator.carry_out(&Target::from(&account), |acts| acts.require(&account))? {
        Required::Already => say(&words::already_required(name)),
        Required::Now { enrolled, services } => {
            say(&words::required(name))?;
            if !enrolled {
                note(&how_to_enroll(name, &services));
            }
            Ok(())
        }
    }
}

fn how_to_enroll(name: &str, services: &[String]) -> String {
    match services {
        [] => words::no_login_enrolls(name),
        services => words::enrolls_at_login(name, services.join(words::OR)),
    }
}

/// Takes the requirement back, so that only the policy decides.
pub(crate) fn unrequire(administrator: &Administrator, arguments: &Unarguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    say(&match administrator.carry_out(&target, |acts| acts.unrequire(&target))? {
        true => words::unrequired(name),
        false => words::not_required(name),
    })
}
