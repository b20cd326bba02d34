//! A second step that an administrator requires of one account.

use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::store::Durability;

use super::act::{Act, ActError, ActLog, Acts, Target};

/// What came of a requirement.
#[derive(Debug, PartialEq, Eq)]
pub enum Required {
    /// It was required before.
    Already,
    /// It is required from now on.
    Now {
        /// Whether the account is enrolled.
        enrolled: bool,
        /// The services whose logins enroll.
        services: Vec<String>,
    },
}

impl<M: Machine, L: ActLog> Acts<'_, M, L> {
    /// Requires a second step of `account`, enrolled or not, wherever the policy leaves it to them.
    pub fn require(&mut self, account: &Account) -> Result<Required, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let (policy, now) = (machine.policy()?, machine.now()?);
            let enrolled = store.is_enrolled(account.uid)?;
            let mut locked =
                store.lock_or_create(account, |devices| policy.verification.window_end(devices, now))?;
            if locked.state().required {
                return Ok(Act::unchanged(Required::Already));
            }
            locked.save(locked.state().with_required(true), Durability::Flushed)?;
            Ok(Act::done("require", "", Required::Now { enrolled, services: policy.enrollment.services }))
        })
    }

    /// Leaves it to the policy again. False if nothing was required.
    pub fn unrequire(&mut self, target: &Target) -> Result<bool, ActError> {
        self.carry_out(target, |_, store| {
            let Some(mut locked) = store.lock(target.uid)? else { return Ok(Act::unchanged(false)) };
            if !locked.state().required {
                return Ok(Act::unchanged(false));
            }
            locked.save(locked.state().with_required(false), Durability::Flushed)?;
            Ok(Act::done("unrequire", "", true))
        })
    }
}
