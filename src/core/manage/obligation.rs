//! What obliges somebody to have a second step.

use serde::Serialize;

use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::paths::POLICY;
use crate::policy::{Groups, Mode, Policy};
use crate::time::UnixTime;

/// What makes a second step mandatory for somebody, in some login or other.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// The rule of the policy.
    pub rule: String,
    /// The line of the policy file on which that rule stands.
    pub line: usize,
    /// Whether that rule leaves the choice, and an administrator has taken it.
    pub administrator: bool,
}

impl Obligation {
    /// What obliges `account`; of its names, the first that is obliged counts. `required`: whether an administrator requires a
    /// second step of it.
    pub fn of(
        account: &Account,
        required: bool,
        machine: &impl Machine,
        policy: &Policy,
        now: UnixTime,
    ) -> Option<Self> {
        let named = policy.groups();
        account.names.iter().find_map(|name| {
            let groups = machine.memberships(name, &named).map_or(Groups::Unknown, Groups::Known);
            let found = policy.obligation(&name.name, &groups, required, now)?;
            let administrator = found.mode != Mode::Mandatory;
            Some(Self { rule: found.rule.to_owned(), line: found.line, administrator })
        })
    }

    /// As the end of a sentence.
    pub(super) fn text(&self) -> String {
        let Self { rule, line, administrator } = self;
        if *administrator {
            return "by an administrator ('twostep require')".to_owned();
        }
        format!("by rule '{rule}', line {line} of {POLICY}")
    }
}
