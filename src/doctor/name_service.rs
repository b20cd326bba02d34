//! The name service: whether it answers. While it does not, its users are refused, and rules with groups count as mandatory.

use twostep_core::fault::Fault;
use twostep_core::policy::Condition;
use twostep_core::store::files::Store;
use twostep_hostconf::location::Location;
use twostep_hostconf::nsswitch;

use crate::accounts::Accounts;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// The name that a directory is asked for where neither policy nor store names a user.
const ANY_NAME: &str = "twostep-doctor";

/// Looks up the users and groups that policy and store name, until a look-up fails. Below another root no look-up is possible.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if !context.root.is_machine() {
        return Vec::new();
    }
    users(context)
        .and_then(|()| groups(context))
        .err()
        .map(|fault| look_up_fails(&fault, &nsswitch::remote_sources(context.root)))
        .into_iter()
        .collect()
}

fn users(context: &Context<'_>) -> Result<(), Fault> {
    let accounts = Accounts::of(context);
    let elsewhere = !nsswitch::remote_sources(context.root).is_empty();
    names(context, Condition::Users)
        .chain(elsewhere.then_some(ANY_NAME))
        .try_for_each(|name| accounts.entry(name).map(drop))?;
    // `files` reports a store that cannot be opened.
    let uids =
        Store::open(context.root).and_then(|store| store.uids()).map(|(uids, _)| uids).unwrap_or_default();
    uids.into_iter().try_for_each(|uid| accounts.name(uid).map(drop))
}

fn groups(context: &Context<'_>) -> Result<(), Fault> {
    let accounts = Accounts::of(context);
    names(context, Condition::Groups).try_for_each(|name| accounts.is_group(name).map(drop))
}

fn names<'c>(context: &'c Context<'_>, kind: Condition) -> impl Iterator<Item = &'c str> {
    let rules = context.policy.iter().flat_map(|policy| policy.rules());
    rules.flat_map(|rule| rule.names()).filter(move |(condition, _)| *condition == kind).map(|(_, name)| name)
}

/// `sources` are the directory services of nsswitch.conf.
fn look_up_fails(fault: &Fault, sources: &[String]) -> Finding {
    let which = if sources.is_empty() { String::new() } else { format!(" ({})", sources.join(", ")) };
    Finding::problem(
        Id::MachineLookUpFails,
        Location::file(nsswitch::FILE),
        fault.to_string(),
        "Users whom only the directory service knows are refused, and rules with groups count as mandatory for all users.",
        Remedy::Advice {
            text: format!(
                "Find out why the directory service{which} does not answer, then run 'twostep doctor' again: its findings on users \
                 and rules are not complete."
            ),
        },
    )
}
