//! `twostep recovery`: a new set of recovery codes.

use twostep_core::enrollment;
use twostep_core::store::{Durability, check_state_owner};
use twostep_core::totp;

use crate::administrator::{Administrator, Target};
use crate::enroll::explain;
use crate::failure::Failure;
use crate::terminal::{Terminal, say};

/// Whose recovery codes to replace.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person
    #[arg(long, value_name = "USER")]
    user: String,
}

/// Shows a new set and, once somebody has read it, puts it in the place of the old one.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let policy = administrator.policy()?;
    let store = administrator.store()?;
    let name = account.name.clone();
    // Better now than after the codes were written down.
    let credential = store.credential(account.uid)?.ok_or_else(|| {
        Failure::refused(
            format!("{name} is not enrolled: there is nothing that recovery codes could stand in for."),
            format!("To enroll, run 'twostep enroll --user {name}'."),
        )
    })?;
    let count = policy.enrollment.recovery_codes;
    let codes =
        enrollment::new_recovery_codes(&mut Terminal, administrator.machine(), count).map_err(|denial| {
            Failure::refused(
                explain(denial).what(),
                "Nothing was changed: the old recovery codes still work.",
            )
        })?;
    let codes = codes.ok_or_else(|| {
        Failure::refused(
            "the policy allows no recovery codes.",
            "In /etc/twostep/policy.toml, set recovery-codes in [enrollment] to 1 or more.",
        )
    })?;

    let end = totp::window_end(
        &credential.authenticators,
        administrator.now()?,
        policy.verification.skew_steps.into(),
    );
    let mut locked = store.lock_or_create(&account, end)?;
    check_state_owner(locked.state(), &account)?;
    store.owned_credential(&account)?;
    locked.save(locked.state().with_recovery(codes), Durability::Flushed)?;
    drop(locked);
    administrator.log(
        "recovery",
        &Target { uid: account.uid, account: Some(account) },
        &format!(" codes={count}"),
    );
    say(&format!("{name} has {count} new recovery codes. The old ones no longer work."))
}
