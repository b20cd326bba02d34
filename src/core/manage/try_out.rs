//! Tries a code.

use crate::proof::state::AttemptCounter;
use crate::store::Store;
use crate::verdict::{Occasion, Proof};
use crate::verify::{self, Attempt, Purpose};
use crate::words::{account as words, login};

use super::act::{Act, WithStore};
use super::failure::Failure;
use super::{Context, Frontend, own_command};

impl<M: WithStore> Context<'_, M> {
    /// Tells the user whether a code works, without using it up.
    pub(super) fn try_out(&self, frontend: &mut impl Frontend) -> Result<Act<String>, Failure> {
        self.credential()?;
        let accepted = self.judge(frontend, "", |machine, typed, frontend| {
            let rules = &self.policy.verification;
            let (store, opened) = (machine.store()?, machine.now()?);
            let record = store.open(self.account, |devices| rules.window_end(devices, opened))?;
            // A try must not count at logins.
            let by = AttemptCounter::Helper;
            let on = Occasion { at: machine.now()?, from: own_command() };
            let attempt = Attempt { by, purpose: Purpose::Try, rules, on };
            verify::judge(record, typed, &attempt, &mut |what| frontend.remark(what))
        })?;
        let text = match accepted.proof {
            Proof::RecoveryCode => words::RECOVERY_CODE_WORKS.to_owned(),
            Proof::Code { authenticator, offset } => {
                [words::code_works(authenticator), clock(offset)].concat()
            }
        };
        Ok(Act::done("verify", "", text))
    }
}

/// By how many seconds a phone's clock is wrong, on a separate line; empty if that is not known.
fn clock(offset: i64) -> String {
    match offset {
        0 => String::new(),
        off => format!("\n{}", login::clock_is_off(off)),
    }
}
