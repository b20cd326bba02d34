//! `twostep require` and `twostep unrequire`: a second step that root requires of users.

use serde::Serialize;
use twostep_core::manage::act::Target;
use twostep_core::manage::require::Required;
use twostep_core::os::account::Account;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::naming::EachUser;
use crate::words::require as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    users: EachUser,
}

/// What the JSON has beside the user who needs a second step from now on.
#[derive(Serialize)]
struct Facts {
    enrolled: bool,
}

/// Requires a second step of users, enrolled or not, wherever the policy is opt-in.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    arguments.users.act(
        arguments.users.find("require", administrator.names())?,
        |account: &Account, report| {
            let name = &account.name;
            match administrator.carry_out(&account.into(), |acts| acts.require(account))? {
                Required::Already => report.say(&words::already_required(name), "already-required", ()),
                Required::Now { enrolled, services } => {
                    report.say(&words::required(name), "required", Facts { enrolled })?;
                    if !enrolled {
                        report.note(&how_to_enroll(name, &services));
                    }
                    Ok(())
                }
            }
        },
    )
}

fn how_to_enroll(name: &str, services: &[String]) -> String {
    match services {
        [] => words::no_login_enrolls(name),
        services => words::enrolls_at_login(name, services.join(words::OR)),
    }
}

/// Takes the requirement back, so that only the policy decides.
pub(crate) fn unrequire(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    arguments.users.act(
        arguments.users.find("unrequire", administrator.names())?,
        |target: &Target, report| {
            let name = target.name();
            match administrator.carry_out(target, |acts| acts.unrequire(target))? {
                true => report.say(&words::unrequired(name), "unrequired", ()),
                false => report.say(&words::not_required(name), "not-required", ()),
            }
        },
    )
}
