//! The requirement of a second step that an administrator sets for one account.

use crate::os::account::Account;
use crate::proof::state::Requirement;
use crate::store::{Change, Store, StoredRecord, UncheckedRecord};

use super::act::{Act, ActError, ActLog, Acts, Target, WithStore};

/// The result of a requirement.
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

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Requires a second step of `account`, enrolled or not, wherever the policy makes it optional.
    pub fn require(&mut self, account: &Account) -> Result<Required, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let (policy, now) = (machine.policy()?, machine.now()?);
            let record =
                store.open_or_create(account, |devices| policy.verification.window_end(devices, now))?;
            record.change(|credential, state| {
                if state.requirement.is_some() {
                    return Ok((Change::NONE, Act::unchanged(Required::Already)));
                }
                let services = policy.enrollment.services.clone();
                let required = Required::Now { enrolled: credential.is_some(), services };
                let next = state.with_requirement(Some(Requirement { since: Some(now) }));
                Ok((Change::state(next), Act::done("require", "", required)))
            })
        })
    }

    /// Removes the requirement, so that only the policy applies. False if there was none.
    pub fn unrequire(&mut self, target: &Target) -> Result<bool, ActError> {
        self.carry_out(target, |_, store| {
            let Some(record) = store.open_unchecked(target.uid)? else { return Ok(Act::unchanged(false)) };
            record.change(|stored| match &stored.state {
                Ok(Some(state)) if state.requirement.is_some() => {
                    Ok((Change::state(state.with_requirement(None)), Act::done("unrequire", "", true)))
                }
                _ => Ok((Change::NONE, Act::unchanged(false))),
            })
        })
    }
}
