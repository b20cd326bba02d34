//! Trying a code.

use crate::login::machine::Machine;
use crate::proof::state::AttemptCounter;
use crate::store::files::LocalRecord;
use crate::verdict::Proof;
use crate::verify::{self, Purpose};

use super::act::Act;
use super::failure::Failure;
use super::{Context, Frontend};

impl<M: Machine> Context<'_, M> {
    /// Says whether a code works, without using it up.
    pub(super) fn try_out(&self, frontend: &mut impl Frontend) -> Result<Act<String>, Failure> {
        self.credential()?;
        let accepted = self.judge(frontend, "", |machine, typed, frontend| {
            let rules = &self.policy.verification;
            let skew = rules.skew_steps.into();
            let record = LocalRecord::open(&(self.open_store)()?, self.account, skew, machine.now()?)?;
            // At logins a try must not count.
            let by = AttemptCounter::Helper;
            verify::judge(record, typed, by, Purpose::Try, rules, machine.now()?, &mut |what| {
                frontend.remark(what)
            })
        })?;
        let text = match accepted.proof {
            Proof::RecoveryCode => "That recovery code works. It is not used up.".to_owned(),
            Proof::Code { authenticator, offset } => {
                format!(
                    "That code works (authenticator '{authenticator}'{}). It is not used up.",
                    clock(offset)
                )
            }
        };
        Ok(Act::done("verify", "", text))
    }
}

/// By how much a phone's clock is off, if that can be told.
fn clock(offset: i64) -> String {
    match offset {
        0 => String::new(),
        ahead @ 1.. => format!(", whose clock is about {ahead} s ahead"),
        behind => format!(", whose clock is about {} s behind", behind.unsigned_abs()),
    }
}
