//! How a change of sudoers changes calls of sudo.

use std::collections::BTreeSet;

use twostep_hostconf::sudoers::asked::{Asked, Whose};
use twostep_hostconf::sudoers::matching::Caller;

use super::callers;
use super::case::Cases;
use super::explain::USUAL;
use crate::effect::Effect;

/// The effect of the change on the callers whom sudo asks.
pub(super) fn effect(before: &Cases<'_>, after: &Cases<'_>) -> Effect {
    let mut effect = Effect::default();
    for case in before.cases.iter().filter(|case| case.asked.asks) {
        let then = after.sudoers.asked(&case.caller);
        for usual in USUAL {
            effect = match (
                asks_always(before, &case.caller, &case.asked, usual),
                asks_always(after, &case.caller, &then, usual),
            ) {
                (false, true) => effect.and(Effect::closes(usual)),
                (true, false) => effect.and(Effect::opens(usual)),
                (true, true) | (false, false) => effect,
            };
        }
    }
    effect
}

/// Whether a code is needed for every command and target user: the caller's own, or that of the account for which sudo asks.
fn asks_always(cases: &Cases<'_>, caller: &Caller, asked: &Asked, usual: &str) -> bool {
    let services = asked.services.iter().filter(|service| service.usual == usual);
    let services: BTreeSet<&str> = services.map(|service| service.name.as_str()).collect();
    let owners = asked.whose.iter().map(|(whose, _)| owner(cases, caller, whose));
    let owners: Option<Vec<Caller>> = owners.collect();
    owners.is_some_and(|owners| {
        owners.iter().all(|owner| services.iter().all(|service| cases.needs_code(owner, service)))
    })
}

/// The account whose password and code sudo asks for; none if it does not exist.
fn owner(cases: &Cases<'_>, caller: &Caller, whose: &Whose) -> Option<Caller> {
    let named = |name| callers::caller(cases.context, &cases.sudoers.named(), name);
    match whose {
        Whose::Caller => Some(caller.clone()),
        Whose::Root => named("root"),
        Whose::Default(name) | Whose::Target(name) => named(name),
    }
}
