//! What sudo and the policy ask of each caller.

use std::collections::BTreeSet;

use twostep_core::policy::{Mode, Policy};
use twostep_core::proof::state::State;
use twostep_core::store::files::Store;
use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::asked::Asked;
use twostep_hostconf::sudoers::matching::{Caller, CallerGroups};

use super::callers;
use crate::accounts::Accounts;
use crate::context::Context;
use crate::stack;

/// A caller whom sudo allows some command, and whom the policy does not exempt there.
pub(super) struct Case {
    pub called: String,
    pub caller: Caller,
    pub asked: Asked,
    /// Whether the caller must have a second step, or has one.
    pub must: bool,
}

pub(super) struct Cases<'a> {
    pub context: &'a Context<'a>,
    pub policy: &'a Policy,
    pub sudoers: &'a Sudoers,
    pub cases: Vec<Case>,
    /// The PAM services of sudo that have a pam_twostep auth line.
    asking: BTreeSet<String>,
    store: Option<Store>,
    /// The line that lets all users run some command; none if there is no such line.
    pub everybody: Option<Location>,
}

impl<'a> Cases<'a> {
    pub(super) fn of(context: &'a Context<'a>, policy: &'a Policy, sudoers: &'a Sudoers) -> Self {
        let anybody = Caller { account: None, groups: Some(CallerGroups::default()) };
        let everybody = sudoers.asked(&anybody).granted.into_iter().next();
        let services = sudoers.services().into_iter();
        let asking = services.filter(|service| stack::guard(context, service).asks.is_some()).collect();
        let store = Store::open(context.root).ok();
        let mut all = Self { context, policy, sudoers, cases: Vec::new(), asking, store, everybody };
        let callers = callers::callers(context, sudoers).into_iter();
        all.cases = callers.filter_map(|caller| all.case(caller)).collect();
        all
    }

    /// None if sudo refuses the caller, or no service that it uses asks for a code.
    fn case(&self, caller: Caller) -> Option<Case> {
        let asked = self.sudoers.asked(&caller);
        let services = asked.services.iter().flat_map(|service| [service.name.as_str(), service.usual]);
        let mode = services
            .filter(|service| self.asks_at(service))
            .map(|service| self.mode(&caller, service))
            .max()?;
        let is_bound = !asked.granted.is_empty() && mode != Mode::Exempt;
        let must = self.must(&caller, mode);
        is_bound.then(|| Case { called: callers::called(&caller), caller, asked, must })
    }

    /// Whether the service has a pam_twostep auth line.
    pub(super) fn asks_at(&self, service: &str) -> bool {
        self.asking.contains(service)
    }

    /// The PAM services with a pam_twostep auth line by which sudo asks these callers.
    pub(super) fn services<'c>(&self, callers: &[&'c Case]) -> Vec<&'c str> {
        let services = callers.iter().flat_map(|case| &case.asked.services).map(|one| one.name.as_str());
        services.filter(|service| self.asks_at(service)).collect()
    }

    /// What the policy asks of the caller at `service`.
    pub(super) fn mode(&self, caller: &Caller, service: &str) -> Mode {
        let accounts = Accounts::of(self.context);
        match &caller.account {
            Some(account) => accounts.mode(self.policy, &account.name, service, self.context.now),
            None => {
                let groups = caller.groups.iter().flat_map(|groups| groups.names.clone());
                accounts.mode_of_members(self.policy, groups.collect(), service, self.context.now)
            }
        }
    }

    /// Whether `caller` always needs a code at `service`.
    pub(super) fn needs_code(&self, caller: &Caller, service: &str) -> bool {
        let mode = self.mode(caller, service);
        self.asks_at(service) && mode != Mode::Exempt && self.must(caller, mode)
    }

    fn must(&self, caller: &Caller, mode: Mode) -> bool {
        mode == Mode::Mandatory || self.has_second_step(caller)
    }

    /// Whether the caller is enrolled, or `twostep require` was run for them.
    fn has_second_step(&self, caller: &Caller) -> bool {
        let (Some(account), Some(store)) = (&caller.account, &self.store) else { return false };
        let required =
            matches!(store.snapshot(account.uid).state, Ok(Some(State { requirement: Some(_), .. })));
        required || matches!(store.has_credential(account.uid), Ok(true))
    }

    /// The location of a setting; the main file if no line sets it.
    pub(super) fn place(&self, location: Option<&Location>) -> Location {
        location.cloned().unwrap_or_else(|| Location::file(self.sudoers.main()))
    }
}
