//! `twostep recovery`: a new set of recovery codes.

use twostep_core::enrollment;
use twostep_core::recovery::RecoveryCodes;
use twostep_core::store::Durability;
use twostep_core::verdict::Denial;

use crate::administrator::{Administrator, Target, fresh_mark};
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

/// Shows a new set and, once somebody has read it, puts it in the place of the old one; where the policy allows none, the old
/// one goes.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let policy = administrator.policy()?;
    let store = administrator.store()?;
    let name = account.name.clone();
    if !store.is_enrolled(account.uid)? {
        return Err(Failure::refused(
            format!("{name} is not enrolled: there is nothing that recovery codes could stand in for."),
            format!("To enroll, run 'twostep enroll --user {name}'."),
        ));
    }
    // Better now than after the codes were written down.
    let credential = store.owned_credential(&account)?;
    let count = policy.enrollment.recovery_codes;
    let codes = enrollment::new_recovery_codes(&mut Terminal, administrator.machine(), count, &credential.id)
        .map_err(unchanged)?;

    let fresh = fresh_mark(&policy.verification, administrator.now()?);
    let mut locked = store.lock_or_create(&account, fresh)?;
    let present = store.owned_credential(&account).map_err(unchanged)?;
    if present.id != credential.id {
        return Err(unchanged(Denial::EnrolledMeanwhile));
    }
    let codes = codes.unwrap_or(RecoveryCodes::NONE);
    locked.save(locked.state().with_recovery(codes), Durability::Flushed)?;
    drop(locked);
    administrator.log(
        "recovery",
        &Target { uid: account.uid, account: Some(account) },
        &format!(" codes={count}"),
    );
    if count == 0 {
        return say(&format!("{name} has no recovery codes any more: the policy allows none."));
    }
    say(&format!("{name} has {count} new recovery codes. The old ones no longer work."))
}

fn unchanged(denial: Denial) -> Failure {
    Failure::refused(explain(denial).what(), "Nothing was changed: the old recovery codes still work.")
}
