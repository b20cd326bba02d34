//! The users of the entries of sudoers: the names to look up, and users whom no entry names.

use std::collections::BTreeSet;

use super::export::{Export, Member, Named};
use super::matching::{Caller, CallerGroups, means_caller};
use super::sure::Sure;

/// The accounts and groups that sudoers names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct NamedCallers {
    pub users: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    pub gids: BTreeSet<u32>,
}

/// Whom the entries and settings name.
pub(super) fn named(export: &Export) -> NamedCallers {
    let mut found = NamedCallers::default();
    let bound = export.settings.iter().flat_map(|setting| &setting.members);
    for member in export.entries.iter().flat_map(|entry| &entry.users).chain(bound) {
        match &member.named {
            Named::Username(name) => found.users.extend(Some(name.clone())),
            Named::Usergroup(name) => found.groups.extend(Some(name.clone())),
            Named::Usergid(gid) => found.gids.extend(Some(*gid)),
            Named::Userid(_)
            | Named::Netgroup(_)
            | Named::NonUnixGroup(_)
            | Named::NonUnixGid(_)
            | Named::Hostname(_)
            | Named::NetworkAddr(_)
            | Named::Command(_) => {}
        }
    }
    let exempt = export.settings.iter().filter(|setting| setting.option == "exempt_group");
    found.groups.extend(exempt.filter_map(|setting| setting.value.as_str().map(str::to_owned)));
    found
}

/// For each entry that matches none of `known`: a user whom it matches, by a group or by `ALL`.
pub(super) fn strangers(export: &Export, known: &[Caller]) -> Vec<Caller> {
    let is_known = |users: &[Member]| known.iter().any(|caller| means_caller(users, caller) != Sure::No);
    let unknown = export.entries.iter().filter(|entry| !is_known(&entry.users));
    let groups: BTreeSet<Option<&str>> =
        unknown.flat_map(|entry| &entry.users).filter_map(|member| stranger(&member.named)).collect();
    let member_of = |group: Option<&str>| {
        let names = group.iter().map(|name| (*name).to_owned()).collect();
        Caller { account: None, groups: Some(CallerGroups { names, gids: BTreeSet::new() }) }
    };
    groups.into_iter().map(member_of).collect()
}

/// The group of a user whom this matches; none for a user without a group.
fn stranger(named: &Named) -> Option<Option<&str>> {
    match named {
        all if all.is_all() => Some(None),
        Named::Usergroup(group) => Some(Some(group)),
        Named::Username(_)
        | Named::Userid(_)
        | Named::Usergid(_)
        | Named::Netgroup(_)
        | Named::NonUnixGroup(_)
        | Named::NonUnixGid(_)
        | Named::Hostname(_)
        | Named::NetworkAddr(_)
        | Named::Command(_) => None,
    }
}
