//! The name service for a command about many users. glibc reads the whole of passwd(5) for each look-up of one of its
//! users, so that the work grows with the square of their number. Here each local file is read once.
//!
//! The answers are those of [`super::account`] and [`groups`]. A list answers only where it must be the same: the line of
//! nsswitch.conf(5) begins with the local files, and every line of the file is plain. In all other cases the name service
//! is asked. A login never uses this: a change of the files takes effect at once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs;

use crate::fault::{Fault, NamesProblem, Wanted};

use super::account::{Account, Accounts, NssName, is_plausible};
use super::groups::{self, LOCAL_GROUPS};
use super::nss::{self, GroupSources, Source};

/// The answers of the name service, each list read at its first use.
#[derive(Default)]
pub struct Names {
    users: OnceCell<Accounts>,
    groups: OnceCell<Option<LocalGroups>>,
}

impl Names {
    /// The account with this uid; none if the name service knows no such uid.
    pub fn by_uid(&self, uid: u32) -> Result<Option<Account>, Fault> {
        self.users().by_uid(uid)
    }

    /// The account called `name`; none if the name service knows no such user.
    pub fn by_name(&self, name: &str) -> Result<Option<Account>, Fault> {
        self.users().by_name(name)
    }

    /// Uid and name of the user whom the policy calls `name`; none if the name service knows no such user.
    pub fn user(&self, name: &str) -> Result<Option<(u32, String)>, Fault> {
        let entry = self.users().entry_by_name(name, Wanted::User(name.to_owned()))?;
        Ok(entry.map(|entry| (entry.uid, entry.name)))
    }

    /// Whether the local user database has this name.
    pub fn is_local(&self, name: &str) -> Result<bool, Fault> {
        self.users().is_local(name)
    }

    /// The groups among `groups` to which `user` belongs.
    pub fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        match self.groups.get_or_init(LocalGroups::read) {
            Some(local) => local.memberships(user, groups),
            None => groups::memberships(user, groups),
        }
    }

    fn users(&self) -> &Accounts {
        self.users.get_or_init(Accounts::read_whole)
    }
}

/// The local group database, and the other sources of groups that are on this machine.
struct LocalGroups {
    /// The users whom the lines with this gid list.
    members: BTreeMap<u32, BTreeSet<Box<str>>>,
    sources: GroupSources,
    /// Each group that was looked up; none if there is no such group.
    known: RefCell<BTreeMap<String, Option<Group>>>,
}

/// A group, as the name service has it.
struct Group {
    gid: u32,
    members: BTreeSet<Box<str>>,
}

impl LocalGroups {
    /// None if the name service may have other answers, such as those of a directory.
    fn read() -> Option<Self> {
        if !nss::begins_with_files("group") || !nss::begins_with_files("initgroups") {
            return None;
        }
        let sources = GroupSources::load().ok()?;
        if sources.groups.iter().chain(&sources.memberships).any(Source::is_directory) {
            return None;
        }
        let text = String::from_utf8(fs::read(LOCAL_GROUPS).ok()?).ok()?;
        Some(Self { members: members(&text)?, sources, known: RefCell::default() })
    }

    fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        let name = CString::new(user.name.as_str()).map_err(|_| NamesProblem::NoName(user.name.clone()))?;
        let mut gids = BTreeSet::from([user.gid]);
        for source in &self.sources.memberships {
            gids.extend(source.gids_of(&name, user.gid)?);
        }
        let mut mine = BTreeSet::new();
        for &group in groups {
            self.look_up(group)?;
            let known = self.known.borrow();
            let Some(Some(Group { gid, members })) = known.get(group) else { continue };
            let is_listed = |members: &BTreeSet<Box<str>>| members.contains(user.name.as_str());
            if gids.contains(gid) || is_listed(members) || self.members.get(gid).is_some_and(is_listed) {
                mine.insert(group.to_owned());
            }
        }
        Ok(mine)
    }

    /// Asks the name service for the group called `name`, once. Fails if a source is not sure that there is none.
    fn look_up(&self, name: &str) -> Result<(), Fault> {
        if self.known.borrow().contains_key(name) {
            return Ok(());
        }
        let found = groups::by_name(name)?.map(|group| Group {
            gid: group.gid.as_raw(),
            members: group.mem.into_iter().map(String::into_boxed_str).collect(),
        });
        if found.is_none() {
            groups::confirm_absent(&self.sources, &[name])?;
        }
        self.known.borrow_mut().insert(name.to_owned(), found);
        Ok(())
    }
}

/// The users whom the lines with each gid list; none if a line is not plain.
fn members(text: &str) -> Option<BTreeMap<u32, BTreeSet<Box<str>>>> {
    let mut members: BTreeMap<u32, BTreeSet<Box<str>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !is_passed_over(line)) {
        let [name, _, gid, list] = line.split(':').collect::<Vec<_>>().try_into().ok()?;
        let (true, gid) = (is_plain(name), number(gid)?) else { return None };
        if !list.is_empty() {
            let listed = list.split(',').map(|user| is_plain(user).then(|| user.into()));
            members.entry(gid).or_default().extend(listed.collect::<Option<Vec<Box<str>>>>()?);
        }
    }
    Some(members)
}

/// Whether glibc passes over a line (nss_files).
fn is_passed_over(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// Whether every reader takes a field as the same name: it has no blanks, and no sign of NIS at the start.
fn is_plain(name: &str) -> bool {
    is_plausible(name) && !name.contains(char::is_whitespace)
}

/// A number in the form that every reader takes for the same.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::account;
    use crate::os::look_up;

    #[test]
    fn answers_from_no_file_that_glibc_may_read_otherwise() {
        for line in ["+", "+:::", "ada:x:7", "ada:x:7:bob:x", "ada:x:-1:", "ada:x:7:bob, eve", "ada:x:7:bob,"]
        {
            assert!(members(&format!("root:x:0:\n{line}\n")).is_none(), "{line}");
        }
    }

    #[test]
    fn lists_members_of_all_lines_with_one_gid() {
        let found = members("root:x:0:\nstaff:x:50:ada,bob\n# x\nold:!:50:eve\n").unwrap();
        assert_eq!(found, BTreeMap::from([(50, ["ada", "bob", "eve"].into_iter().map(Box::from).collect())]));
    }

    /// On a machine whose name service asks a directory, both sides are that service.
    #[test]
    fn answers_as_name_service_does_for_every_local_user() {
        let listed = Names::default();
        let groups = groups::local_names().unwrap();
        let groups: BTreeSet<&str> = groups.iter().map(String::as_str).chain(["no-such-group"]).collect();
        for name in account::local_names().unwrap().into_iter().chain(["no-such-user".to_owned()]) {
            let account = account::by_name(&name).unwrap();
            assert_eq!(listed.by_name(&name).unwrap(), account);
            assert_eq!(listed.is_local(&name).unwrap(), account.is_some(), "{name}");
            assert_eq!(listed.user(&name).unwrap(), look_up::user(&name).unwrap());
            for account in account.iter() {
                assert_eq!(listed.by_uid(account.uid), account::by_uid(account.uid));
                for name in &account.names {
                    assert_eq!(listed.memberships(name, &groups), groups::memberships(name, &groups));
                }
            }
        }
        assert_eq!(listed.by_uid(4_000_000_000).unwrap(), None);
    }
}
