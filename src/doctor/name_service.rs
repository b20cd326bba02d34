//! The name service: whether it answers. While it does not, its users are refused and all others are asked for more.

use twostep_core::fault::Fault;
use twostep_core::policy::Condition;
use twostep_core::store::files::Store;
use twostep_hostconf::location::Location;
use twostep_hostconf::nsswitch;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::people::People;

/// A user whom a directory is asked for, though neither policy nor store names one.
const SOMEBODY: &str = "twostep-doctor";

/// Asks for the users and groups that policy and store name, until a look-up fails. Below another root nobody can be asked.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if !context.root.is_machine() {
        return Vec::new();
    }
    users(context)
        .and_then(|()| groups(context))
        .err()
        .map(|fault| failed(context, fault))
        .into_iter()
        .collect()
}

fn users(context: &Context<'_>) -> Result<(), Fault> {
    let people = People::of(context.root);
    let elsewhere = !nsswitch::remote_sources(context.root).is_empty();
    names(context, Condition::Users)
        .chain(elsewhere.then_some(SOMEBODY))
        .try_for_each(|name| people.entry(name).map(drop))?;
    // A store that cannot be opened is another check's matter.
    let uids =
        Store::open(context.root).and_then(|store| store.uids()).map(|(uids, _)| uids).unwrap_or_default();
    uids.into_iter().try_for_each(|uid| people.name(uid).map(drop))
}

fn groups(context: &Context<'_>) -> Result<(), Fault> {
    let people = People::of(context.root);
    names(context, Condition::Groups).try_for_each(|name| people.is_group(name).map(drop))
}

fn names<'c>(context: &'c Context<'_>, kind: Condition) -> impl Iterator<Item = &'c str> {
    let rules = context.policy.iter().flat_map(|policy| policy.rules());
    rules.flat_map(|rule| rule.names()).filter(move |(condition, _)| *condition == kind).map(|(_, name)| name)
}

fn failed(context: &Context<'_>, fault: Fault) -> Finding {
    let sources = nsswitch::remote_sources(context.root).join(", ");
    let which = if sources.is_empty() { String::new() } else { format!(" ({sources})") };
    Finding::problem(
        Id::MachineLookUpFails,
        Location::file(nsswitch::FILE),
        fault.to_string(),
        "Users whom only the directory service knows are refused, and rules with groups count as mandatory for everybody.",
        Remedy::Advice {
            text: format!(
                "See why the directory service{which} does not answer, then run 'twostep doctor' again: what it says of users and rules is not complete."
            ),
        },
    )
}
