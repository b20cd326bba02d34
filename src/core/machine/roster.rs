//! The machine for a command about many users.

use std::collections::BTreeSet;

use crate::dialogue::enroll::Source;
use crate::fault::Fault;
use crate::login::account_line::AccountLineFault;
use crate::login::machine::Surroundings;
use crate::login::may_log_in::MayNotLogIn;
use crate::os::account::{Account, NssName};
use crate::os::look_up::Entry;
use crate::os::names::Names;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::system::System;

/// The facts of a machine, with users and groups from lists that are read once.
pub struct Roster<'a> {
    system: &'a System,
    names: &'a Names,
}

impl<'a> Roster<'a> {
    /// The machine `system`, whose users and groups are `names`.
    pub const fn new(system: &'a System, names: &'a Names) -> Self {
        Self { system, names }
    }
}

impl Source for Roster<'_> {
    fn now(&self) -> Result<UnixTime, Denial> {
        self.system.now()
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        self.system.fill(bytes)
    }
}

impl Surroundings for Roster<'_> {
    fn name(&self) -> String {
        self.system.name()
    }

    fn policy(&self) -> Result<Policy, Denial> {
        self.system.policy()
    }

    fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
        Ok(self.names.by_name(name)?)
    }

    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
        self.system.entries(names)
    }

    fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        self.names.memberships(user, groups)
    }

    fn check_account_phase(&self, service: &str) -> Result<Vec<String>, AccountLineFault> {
        self.system.check_account_phase(service)
    }

    fn proves_first_factor(&self, service: &str) -> bool {
        self.system.proves_first_factor(service)
    }

    fn check_may_log_in(&self, account: &Account) -> Result<(), MayNotLogIn> {
        self.system.check_may_log_in(account)
    }
}
