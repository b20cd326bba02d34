//! What sudo asks of one caller, for `twostep policy explain`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::asked::{Asked, ServiceUse, Whose};
use twostep_hostconf::sudoers::callers::NamedCallers;
use twostep_hostconf::sudoers::elsewhere::elsewhere;
use twostep_hostconf::sudoers::{Sudoers, SudoersFault};

use super::{callers, findings, words};
use crate::context::Context;
use crate::stack;

/// The PAM services of sudo, if sudoers names no others.
pub(super) const USUAL: [&str; 2] = ["sudo", "sudo-i"];

/// Whether sudo asks for the caller's code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CallersCode {
    NotAsked,
    /// It depends on the command, the target user, or something unknown.
    Perhaps,
    /// It does, or sudoers cannot be read.
    Asked,
}

/// What sudo asks of one caller.
pub struct SudoExplanation {
    pub callers_code: CallersCode,
    /// How sudoers differs from the defaults: lines without a full stop.
    pub notes: Vec<String>,
}

/// Explains what sudo asks at one of its services, for any number of callers.
pub struct Sudo<'a> {
    context: &'a Context<'a>,
    service: &'a str,
    named: NamedCallers,
    /// The other sources of sudo's rules, which twostep does not read.
    notes: Vec<String>,
    /// Whether each PAM service that was looked at has a pam_twostep auth line.
    guards: RefCell<BTreeMap<String, bool>>,
}

impl<'a> Sudo<'a> {
    /// None if `service` is not a service of sudo.
    pub fn of(context: &'a Context<'a>, service: &'a str) -> Option<Self> {
        if !USUAL.contains(&service) {
            return None;
        }
        let named = context.sudoers().ok().flatten().map(Sudoers::named).unwrap_or_default();
        let notes =
            elsewhere(context.root).iter().map(|one| placed(&findings::elsewhere_words(one))).collect();
        Some(Self { context, service, named, notes, guards: RefCell::default() })
    }

    /// What sudo asks of `user`.
    pub fn explain(&self, user: &str) -> SudoExplanation {
        let mut notes = self.notes.clone();
        let asked = match self.asked(user) {
            Ok(asked) => asked,
            Err(fault) => {
                let words = placed(&findings::fault_words(fault));
                notes.push(format!("{words}, so it is not known whose code sudo asks for"));
                None
            }
        };
        let Some(asked) = asked else { return SudoExplanation { callers_code: CallersCode::Asked, notes } };
        let unguarded = self.unguarded(&asked);
        notes.extend(of_caller(&asked, user, self.service));
        notes.extend(unguarded.iter().map(|name| format!("'{name}' has no pam_twostep line")));
        let callers_code = of_services(&asked, self.service, &unguarded).min(of_entries(&asked));
        SudoExplanation { callers_code, notes }
    }

    /// None if there are no sudoers, or the account is root, whom sudo asks for nothing.
    fn asked(&self, user: &str) -> Result<Option<Asked>, &SudoersFault> {
        let Some(sudoers) = self.context.sudoers()? else { return Ok(None) };
        let caller = callers::caller(self.context, &self.named, user);
        let caller = caller.filter(|caller| caller.account.as_ref().is_some_and(|account| account.uid != 0));
        Ok(caller.map(|caller| sudoers.asked(&caller)))
    }

    /// The services that sudoers names instead of the usual one, and that have no pam_twostep line.
    fn unguarded(&self, asked: &Asked) -> BTreeSet<String> {
        let others =
            asked.services.iter().filter(|one| one.usual == self.service && one.name != self.service);
        others.filter(|one| !self.is_guarded(&one.name)).map(|one| one.name.clone()).collect()
    }

    fn is_guarded(&self, service: &str) -> bool {
        let mut guards = self.guards.borrow_mut();
        let look = || stack::guard(self.context, service).asks.is_some();
        *guards.entry(service.to_owned()).or_insert_with(look)
    }
}

fn of_services(asked: &Asked, service: &str, unguarded: &BTreeSet<String>) -> CallersCode {
    let mut services = asked.services.iter().filter(|one| one.usual == service);
    match (unguarded.is_empty(), services.all(|one| unguarded.contains(&one.name))) {
        (true, _) => CallersCode::Asked,
        (false, true) => CallersCode::NotAsked,
        (false, false) => CallersCode::Perhaps,
    }
}

fn of_entries(asked: &Asked) -> CallersCode {
    let of_caller = asked.whose.iter().any(|(whose, _)| *whose == Whose::Caller);
    match (asked.granted.is_empty(), asked.asks && of_caller) {
        (true, _) => CallersCode::Asked,
        (false, false) => CallersCode::NotAsked,
        (false, true) if asked.unasked.is_empty() && asked.whose.len() == 1 => CallersCode::Asked,
        (false, true) => CallersCode::Perhaps,
    }
}

fn of_caller(asked: &Asked, user: &str, service: &str) -> Vec<String> {
    if asked.granted.is_empty() {
        return vec![format!("sudoers lets {user} run nothing on this host: sudo asks, then refuses")];
    }
    let unasked = asked.unasked.iter().map(|unasked| {
        let extent = if asked.asks { "some" } else { "all" };
        let text = format!("sudo asks for no code for {extent} commands: {}", words::reason(unasked.by));
        located(text, unasked.location.as_ref())
    });
    let others = asked.whose.iter().filter(|(whose, _)| asked.asks && *whose != Whose::Caller);
    let whose = others.map(|(whose, location)| {
        let extent = if asked.whose.len() == 1 { "" } else { ", in some cases" };
        let text = format!("sudo asks for {}{extent}: Defaults {}", code_of(whose), whose.option());
        located(text, location.as_ref())
    });
    let is_other = |one: &&ServiceUse| one.usual == service && one.name != service;
    let services = asked.services.iter().filter(is_other).map(|one| {
        let text = format!("sudo uses the PAM service '{}': Defaults {}", one.name, one.option);
        located(text, one.location.as_ref())
    });
    unasked.chain(whose).chain(services).collect()
}

fn code_of(whose: &Whose) -> String {
    match whose {
        Whose::Target(name) => format!("{name}'s code, or that of the user named with -u"),
        Whose::Default(name) => format!("{name}'s code"),
        Whose::Root => "root's code".to_owned(),
        Whose::Caller => "the caller's code".to_owned(),
    }
}

fn located(text: String, location: Option<&Location>) -> String {
    location.map_or_else(|| text.clone(), |location| format!("{text}, {location}"))
}

fn placed((location, what): &(Location, String)) -> String {
    format!("{location}: {what}")
}
