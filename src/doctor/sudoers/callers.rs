//! The users for whom sudoers is evaluated: those who can log in, those that it names, and those with a record.

use std::collections::BTreeSet;

use twostep_core::policy::Groups;
use twostep_core::store::files::Store;
use twostep_hostconf::login_defs;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::callers::NamedCallers;
use twostep_hostconf::sudoers::matching::{Caller, CallerAccount, CallerGroups};

use crate::accounts::Accounts;
use crate::context::Context;

/// All known callers, without root, whom sudo asks for nothing.
pub(super) fn callers(context: &Context<'_>, sudoers: &Sudoers) -> Vec<Caller> {
    let named = sudoers.named();
    let names: BTreeSet<_> =
        people(context).into_iter().chain(named.users.clone()).chain(stored(context)).collect();
    let mut callers: Vec<_> = names.iter().filter_map(|name| caller(context, &named, name)).collect();
    callers.retain(|caller| caller.account.as_ref().is_none_or(|account| account.uid != 0));
    let strangers = sudoers.strangers(&callers);
    callers.extend(strangers);
    callers
}

/// The account called `name`, as sudo sees it; none if there is no such account.
pub(super) fn caller(context: &Context<'_>, named: &NamedCallers, name: &str) -> Option<Caller> {
    let accounts = Accounts::of(context);
    let (uid, gid) = accounts.ids(name)?;
    let account = CallerAccount { name: name.to_owned(), uid };
    let by_gid = named.gids.iter().filter_map(|gid| Some((*gid, accounts.group_name(*gid)?)));
    let by_gid: Vec<(u32, String)> = by_gid.collect();
    // sudo ignores case in group names, and most groups are lower case.
    let lower: Vec<_> = named.groups.iter().map(|group| group.to_lowercase()).collect();
    let names = named.groups.iter().chain(&lower).chain(by_gid.iter().map(|(_, name)| name));
    let groups = match accounts.groups_of(name, &names.map(String::as_str).collect()) {
        Groups::Unknown => None,
        Groups::Known(names) => {
            let mine = by_gid.iter().filter(|(_, name)| names.contains(name)).map(|(gid, _)| *gid);
            let gids = mine.chain([gid]).collect();
            Some(CallerGroups { names, gids })
        }
    };
    Some(Caller { account: Some(account), groups })
}

/// The name of the caller in a list.
pub(super) fn called(caller: &Caller) -> String {
    if let Some(account) = &caller.account {
        return account.name.clone();
    }
    let group = caller.groups.iter().flat_map(|groups| &groups.names).next();
    group.map_or_else(|| "all other users".to_owned(), |group| format!("members of '{group}'"))
}

fn people(context: &Context<'_>) -> Vec<String> {
    let first = login_defs::uid_min(context.root);
    let local = Accounts::of(context).local().unwrap_or_default().into_iter();
    local.filter(|one| one.has_login_shell() && one.uid >= first).map(|one| one.name).collect()
}

fn stored(context: &Context<'_>) -> Vec<String> {
    let Ok((uids, _)) = Store::open(context.root).and_then(|store| store.uids()) else { return Vec::new() };
    let accounts = Accounts::of(context);
    uids.into_iter().filter_map(|uid| accounts.name(uid).ok().flatten()).collect()
}
