//! `twostep enroll`: a new secret, shown once, stored after two consecutive codes.

use twostep_core::audit::Value;
use twostep_core::enrollment::{self, Terms};
use twostep_core::os::account::Account;
use twostep_core::policy::Policy;
use twostep_core::store::credential::{Conflict, Credential, MOST_AUTHENTICATORS, check_label};
use twostep_core::store::{Store, check_state_owner};
use twostep_core::verdict::Denial;
use twostep_core::world::Machine;

use crate::administrator::{Administrator, Target, fresh_mark, window_end};
use crate::failure::Failure;
use crate::terminal::{Terminal, say};

/// Whom to enroll.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person to enroll
    #[arg(long, value_name = "USER")]
    user: String,
    /// What the person calls the phone or app
    #[arg(long, value_name = "LABEL", default_value = "phone")]
    label: String,
}

/// Enrolls one authenticator.
pub fn run(administrator: &Administrator, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { user, label } = arguments;
    check_label(&label).map_err(|problem| Failure::refused(problem, "Choose another --label."))?;
    let account = administrator.account(&user)?;
    let policy = administrator.policy()?;
    let store = administrator.store()?;
    // Better now than after two codes.
    let enrolled = enrolled(&store, &account, &label)?;
    check_state(administrator, &store, &account, &policy)?;

    let machine = administrator.machine();
    let issuer = policy.enrollment.issuer.clone().unwrap_or_else(|| machine.name());
    let terms = Terms {
        account: &account.name,
        issuer: &issuer,
        label: &label,
        wanted: &policy.enrollment,
        skew_steps: policy.verification.skew_steps,
        // Who has another phone has recovery codes already.
        recovery_codes: if enrolled.is_some() { 0 } else { policy.enrollment.recovery_codes },
        colour: Terminal::colour(),
        notes: &[],
    };
    let confirmed = enrollment::enroll(&mut Terminal, machine, &terms).map_err(explain)?;
    match enrolled {
        Some(_) => {
            let fresh = fresh_mark(&policy.verification, administrator.now()?);
            store.enroll_further(&account, confirmed, fresh).map_err(explain)?;
        }
        None => store.enroll(&account, confirmed).map_err(explain)?,
    }

    let target = Target { uid: account.uid, account: Some(account) };
    administrator.log("enroll", &target, &format!(" authenticator={}", Value(&label)));
    say(&format!("{} is enrolled (authenticator '{label}').", target.name()))
}

/// How a dialogue that was not finished is told.
pub fn explain(denial: Denial) -> Failure {
    if let Denial::NotConfirmed(mismatch) = denial {
        return Failure::refused(mismatch.text(), NOTHING);
    }
    if denial == Denial::Conversation {
        return Failure::refused("the dialogue was broken off.", NOTHING);
    }
    if let Denial::NotEnrolled { .. } = denial {
        return Failure::refused("this person is not enrolled any more.", NOTHING);
    }
    if denial == Denial::EnrolledMeanwhile {
        return Failure::refused(
            "this person was enrolled meanwhile, by a login or another administrator.",
            "Nothing of this dialogue was stored: delete the entry in the app.",
        );
    }
    denial.into()
}

const NOTHING: &str = "Nothing was stored. Run the command again; delete the entry in the app first.";

/// The person's credential as it is, if another authenticator called `label` may be added to it.
fn enrolled(store: &Store, account: &Account, label: &str) -> Result<Option<Credential>, Failure> {
    let Some(credential) = store.credential(account.uid)? else { return Ok(None) };
    credential.check_owner(account).map_err(|problem| {
        Failure::refused(format!("what is stored for uid {} {problem}.", account.uid), "")
    })?;
    credential.check_room(label).map_err(|conflict| no_room(conflict, &account.name, label))?;
    Ok(Some(credential))
}

fn no_room(conflict: Conflict, name: &str, label: &str) -> Failure {
    match conflict {
        Conflict::SameLabel => Failure::refused(
            format!("{name} is already enrolled (authenticator '{label}')."),
            format!(
                "To add another phone, run 'twostep enroll --user {name} --label tablet'; \
                 to start over, run 'twostep reset {name}' first."
            ),
        ),
        Conflict::Full => Failure::refused(
            format!("{name} has {MOST_AUTHENTICATORS} authenticators: more would make guessing easier."),
            format!("To take one away, run 'twostep remove --user {name} LABEL'."),
        ),
    }
}

/// A state that is another account's, or would refuse the new codes, is told before the dialogue.
fn check_state(
    administrator: &Administrator,
    store: &Store,
    account: &Account,
    policy: &Policy,
) -> Result<(), Failure> {
    let Some(state) = store.state(account.uid)? else { return Ok(()) };
    let now = administrator.now()?;
    check_state_owner(&state, account)?;
    let end = window_end(store, account.uid, &policy.verification, now)?;
    let anomaly = state.check_clock(end, now);
    anomaly.map_err(|denial| Failure::refused(format!("{}.", denial.cause()), "Then enroll."))
}
