//! New recovery codes.

use crate::dialogue::enroll;
use crate::proof::recovery::RecoveryCodes;
use crate::store::{Change, StoredRecord};
use crate::words::account as words;

use super::act::{Act, WithStore};
use super::failure::Failure;
use super::{Actor, Context, Frontend};

impl<M: WithStore> Context<'_, M> {
    /// Shows a new set of recovery codes. When the user has read it, it replaces the old one. If the policy allows
    /// none, the old set is removed.
    pub(super) fn recovery(&self, frontend: &mut impl Frontend) -> Result<Act<String>, Failure> {
        let count = self.policy.enrollment.recovery_codes;
        // Checked before the dialogue: later, the user would have written the codes down for nothing.
        let credential = self.credential()?;
        if self.actor == Actor::Owner && count == 0 {
            return Err(Failure::refused(words::POLICY_ALLOWS_NONE, words::UNCHANGED));
        }
        let basis = self.prove(frontend, words::PROVE_IT)?;
        let codes = enroll::new_recovery_codes(frontend, self.machine, count, &credential.id)
            .map_err(|denial| Failure::refused(self.explain(denial).what(), words::OLD_CODES_WORK))?;

        let codes = codes.unwrap_or(RecoveryCodes::NONE);
        self.record()?.change(|credential, state| {
            self.credential_on(&basis, credential, state, words::UNCHANGED)?;
            Ok::<_, Failure>((Change::state(state.with_recovery(codes.clone())), ()))
        })?;
        let text = match count {
            0 => words::no_recovery_codes(self.reader()),
            _ => words::new_recovery_codes(self.reader(), count),
        };
        Ok(Act::done("recovery", format!(" codes={count}"), text))
    }
}
