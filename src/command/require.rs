//! `twostep require` and `twostep unrequire`: a second step that an administrator asks of one person.

use twostep_core::os::account::Account;
use twostep_core::policy::Policy;
use twostep_core::store::Durability;

use crate::administrator::{Administrator, Target};
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
    let policy = administrator.policy()?;
    let store = administrator.store()?;
    let name = account.name.clone();
    let now = administrator.now()?;
    let mut locked =
        store.lock_or_create(&account, |devices| policy.verification.window_end(devices, now))?;
    if locked.state().required {
        return say(&format!("{name} must prove a second step already."));
    }
    locked.save(locked.state().with_required(true), Durability::Flushed)?;
    drop(locked);
    say(&format!("{name} must prove a second step from now on, wherever the policy does not exempt them."))?;
    if !store.is_enrolled(account.uid)? {
        note(&how_to_enroll(&account, &policy));
    }
    administrator.log("require", &Target { uid: account.uid, account: Some(account) }, "");
    Ok(())
}

fn how_to_enroll(account: &Account, policy: &Policy) -> String {
    let name = &account.name;
    match policy.enrollment.services.as_slice() {
        [] => format!("{name} is not enrolled, and no login enrolls: run 'twostep enroll --user {name}'."),
        services => {
            format!("{name} is not enrolled: that happens at the next login by {}.", services.join(" or "))
        }
    }
}

/// Leaves it to the policy again.
pub(crate) fn unrequire(administrator: &Administrator, arguments: &Unarguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let unchanged = || say(&format!("No second step is required of {name} but by the policy."));
    let Some(mut locked) = administrator.store()?.lock(target.uid)? else { return unchanged() };
    if !locked.state().required {
        return unchanged();
    }
    locked.save(locked.state().with_required(false), Durability::Flushed)?;
    drop(locked);
    administrator.log("unrequire", &target, "");
    say(&format!("From now on the policy alone says whether {name} must prove a second step."))
}
