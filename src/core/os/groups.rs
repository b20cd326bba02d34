//! The groups to which a user belongs, from the name service (NSS). A failure is never "not a member".

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, getgrouplist};

use crate::fault::{Fault, NamesProblem, Operation, Wanted};

use super::account::NssName;
use super::limits;
use super::nss::GroupSources;

/// The local database. Every machine has it, whatever other sources its name service has.
pub(super) const LOCAL_GROUPS: &str = "/etc/group";

/// The groups among `groups` to which `user` belongs. A group that does not exist has no members. It is an error if a
/// source of the name service does not answer or cannot be loaded: then the members of every group are unknown.
pub fn memberships(user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
    limits::check()?;
    let name = c_string(&user.name)?;
    let mine = groups_of(&name, user.gid)?;
    let (mut member, mut others, mut absent) = (BTreeSet::new(), Vec::new(), Vec::new());
    for &wanted in groups {
        match by_name(wanted)? {
            Some(group) if mine.contains(&group.gid) || group.mem.contains(&user.name) => {
                member.insert(wanted.to_owned());
            }
            Some(group) => others.push(group.gid.as_raw()),
            None => absent.push(wanted),
        }
    }
    if member.len() < groups.len() {
        confirm(user, &name, &others, &absent)?;
    }
    Ok(member)
}

/// Fails unless it is certain that `user` is in none of `others`, and that `absent` do not exist.
fn confirm(user: &NssName, name: &CStr, others: &[libc::gid_t], absent: &[&str]) -> Result<(), Fault> {
    let sources = GroupSources::load()?;
    if sources.has_directory() {
        check_primary_group(user)?;
    }
    confirm_not_member(&sources, user, name, others)?;
    confirm_absent(&sources, absent)
}

/// Fails if a source says that `user` is in one of `others`.
pub(super) fn confirm_not_member(
    sources: &GroupSources,
    user: &NssName,
    name: &CStr,
    others: &[libc::gid_t],
) -> Result<(), Fault> {
    for source in &sources.memberships {
        let gids = source.gids_of(name, user.gid)?;
        if others.iter().any(|gid| gids.contains(gid)) {
            return Err(disagreement(source.name()));
        }
    }
    Ok(())
}

/// Fails unless no source has one of the groups `absent`.
pub(super) fn confirm_absent(sources: &GroupSources, absent: &[&str]) -> Result<(), Fault> {
    for source in &sources.groups {
        for group in absent {
            if source.has_group(&c_string(group)?)? {
                return Err(disagreement(source.name()));
            }
        }
    }
    Ok(())
}

/// If the directory cannot be reached, its cache may hold the user without groups. Then the name of the primary group
/// is missing too.
pub(super) fn check_primary_group(user: &NssName) -> Result<(), Fault> {
    let failed = |error| Fault::look_up(Wanted::Gid(user.gid), error);
    match Group::from_gid(Gid::from_raw(user.gid)).map_err(failed)? {
        Some(_) => Ok(()),
        None => Err(NamesProblem::NamelessGroup { gid: user.gid, user: user.name.clone() }.into()),
    }
}

fn disagreement(source: &str) -> Fault {
    NamesProblem::Disagreement(source.to_owned()).into()
}

/// getgrouplist(3) can report an error only through errno.
pub(super) fn groups_of(name: &CStr, gid: libc::gid_t) -> Result<Vec<Gid>, Fault> {
    let failed = |error: Errno| Fault::look_up(Wanted::Groups, error);
    const FAILURES: [Errno; 5] = [Errno::EIO, Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ETIMEDOUT];
    Errno::clear();
    let groups = getgrouplist(name, Gid::from_raw(gid)).map_err(failed)?;
    let hidden = Errno::last();
    if FAILURES.contains(&hidden) { Err(failed(hidden)) } else { Ok(groups) }
}

/// The names in the local group database.
pub fn local_names() -> Result<Vec<String>, Fault> {
    let groups =
        std::fs::read(LOCAL_GROUPS).map_err(|error| Fault::of(LOCAL_GROUPS, Operation::Read, error))?;
    let names =
        groups.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b':').next());
    Ok(names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect())
}

/// The group called `name`, with the members that it lists; none if the name service knows no such group. The name
/// service says "no such group" also if it could not read the local database, so this reads that database once. If it is
/// unreadable, the answer is unknown; if not, the second answer counts.
pub fn by_name(name: &str) -> Result<Option<Group>, Fault> {
    let failed = |error: Errno| Fault::look_up(Wanted::Group(name.to_owned()), error);
    if let Some(group) = Group::from_name(name).map_err(failed)? {
        return Ok(Some(group));
    }
    std::fs::read(LOCAL_GROUPS).map_err(|error| Fault::of(LOCAL_GROUPS, Operation::Read, error))?;
    Group::from_name(name).map_err(failed)
}

pub(super) fn c_string(name: &str) -> Result<CString, Fault> {
    CString::new(name).map_err(|_| NamesProblem::NoName(name.to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::account::by_name;

    #[test]
    fn answers_only_groups_that_were_asked() {
        let root = by_name("root").unwrap().unwrap();
        let groups =
            memberships(&root.names[0], &BTreeSet::from(["root", "no-such-group", "daemon"])).unwrap();
        assert_eq!(groups, BTreeSet::from(["root".to_owned()]));
    }
}
