//! The names in a policy that mean an account in another spelling than the name service's.

use std::collections::BTreeSet;

use crate::login::machine::Surroundings;
use crate::os::account::{Account, NssName};
use crate::policy::{Policy, Spellings};

/// Each name of `account`, with the names in `policy` that are spellings of it. Calls `doubt` once, with the reason why
/// some spellings are unknown.
pub fn names_with_spellings<'a>(
    machine: &impl Surroundings,
    policy: &'a Policy,
    account: &'a Account,
    doubt: impl FnOnce(&str),
) -> Vec<(&'a NssName, Spellings<'a>)> {
    let possible = account.names.iter().flat_map(|name| policy.possible_spellings(&name.name));
    // `collect` would bring a sort for this type into the module.
    let mut names = BTreeSet::new();
    names.extend(possible);
    let looked_up = machine.entries(&names);
    let mut faults = looked_up.iter().filter_map(|(_, entry)| entry.as_ref().err());
    if let Some(first) = faults.next() {
        let others = match faults.count() {
            0 => String::new(),
            others => format!(" (and {others} more)"),
        };
        doubt(&format!("{first}{others}; applying rules that name them only where they are stricter"));
    }
    let spellings = |name: &NssName| Spellings::of(&name.name, account.uid, &looked_up);
    account.names.iter().map(|name| (name, spellings(name))).collect()
}
