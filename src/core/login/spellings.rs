//! Which names of a policy mean an account, although the name service writes it otherwise.

use std::collections::BTreeSet;

use crate::login::machine::Machine;
use crate::os::account::{Account, NssName};
use crate::policy::{Policy, Spellings};

/// Each name of `account`, with the names in `policy` that are spellings of it. `doubt` is told why one of them is not known.
pub fn names_with_spellings<'a>(
    machine: &impl Machine,
    policy: &'a Policy,
    account: &'a Account,
    mut doubt: impl FnMut(&str),
) -> Vec<(&'a NssName, Spellings<'a>)> {
    let possible = account.names.iter().flat_map(|name| policy.possible_spellings(&name.name));
    let looked_up = machine.entries(&possible.collect::<BTreeSet<_>>());
    for fault in looked_up.iter().filter_map(|(_, entry)| entry.as_ref().err()) {
        doubt(&format!("{fault}: a rule that names them counts where it is stricter"));
    }
    let spellings = |name: &NssName| Spellings::of(&name.name, account.uid, &looked_up);
    account.names.iter().map(|name| (name, spellings(name))).collect()
}
