//! New recovery codes.

use crate::dialogue::enroll;
use crate::login::machine::Machine;
use crate::proof::recovery::RecoveryCodes;
use crate::store::Durability;

use super::act::Act;
use super::failure::Failure;
use super::{Actor, Context, Frontend, Initial, PROOF, UNCHANGED};

const OLD_CODES: &str = "Nothing was changed: the old recovery codes still work.";

impl<M: Machine> Context<'_, M> {
    /// Shows a new set of recovery codes and, once somebody has read it, puts it in the place of the old one; where the policy
    /// allows none, the old one goes.
    pub(super) fn recovery(&self, frontend: &mut impl Frontend) -> Result<Act<String>, Failure> {
        let count = self.policy.enrollment.recovery_codes;
        // Better now than after the codes were written down.
        let credential = self.credential()?;
        if self.actor == Actor::Owner && count == 0 {
            return Err(Failure::refused("the policy allows no recovery codes.", UNCHANGED));
        }
        let basis = self.prove(frontend, PROOF)?;
        let codes = enroll::new_recovery_codes(frontend, self.machine, count, &credential.id)
            .map_err(|denial| Failure::refused(self.explain(denial).what(), OLD_CODES))?;

        let mut locked = self.lock()?;
        self.credential_on(&basis, UNCHANGED)?;
        let codes = codes.unwrap_or(RecoveryCodes::NONE);
        locked.save(locked.state().with_recovery(codes), Durability::Flushed)?;
        let they_have = self.they(Initial::Capital, "have", "has");
        let text = match count {
            0 => format!("{they_have} no recovery codes any more: the policy allows none."),
            _ => format!("{they_have} {count} new recovery codes. The old ones no longer work."),
        };
        Ok(Act::done("recovery", format!(" codes={count}"), text))
    }
}
