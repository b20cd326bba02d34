//! The name service for a command about many users. glibc reads the whole of passwd(5) for each look-up of one of its
//! users, so that the work grows with the square of their number. Here each local file is read once.
//!
//! The answers are those of [`super::account`] and [`groups`]. A list answers only where it must be the same: the line of
//! nsswitch.conf(5) begins with the local files, and every line of the file is plain. In all other cases the name service
//! is asked, once for each group: a directory sends all members of a group with it. A login never uses this: a change of the
//! files takes effect at once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs;

use nix::unistd::Gid;

use crate::fault::{Fault, Wanted};

use super::account::{Account, Accounts, NssName, is_plausible};
use super::groups::{self, LOCAL_GROUPS, c_string};
use super::limits;
use super::nss::{self, GroupSources};

/// The answers of the name service, each list read at its first use.
#[derive(Default)]
pub struct Names {
    users: OnceCell<Accounts>,
    groups: OnceCell<Groups>,
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
        self.groups.get_or_init(Groups::load).memberships(user, groups)
    }

    fn users(&self) -> &Accounts {
        self.users.get_or_init(Accounts::read_whole)
    }
}

/// The sources of groups that are on this machine, and what they have answered.
struct Groups {
    /// The users whom the lines of the local database with this gid list. None if the name service may have other answers,
    /// such as those of a directory.
    local: Option<BTreeMap<u32, BTreeSet<Box<str>>>>,
    sources: Result<GroupSources, Fault>,
    /// Each group that was looked up; none if there is no such group.
    known: RefCell<BTreeMap<String, Result<Option<Group>, Fault>>>,
    /// The primary groups that are known to have a name.
    named: RefCell<BTreeSet<u32>>,
}

/// A group, as the name service has it.
struct Group {
    gid: u32,
    members: BTreeSet<Box<str>>,
}

impl Groups {
    fn load() -> Self {
        let sources = GroupSources::load();
        let has_directory = sources.as_ref().map_or(true, GroupSources::has_directory);
        let local = if has_directory { None } else { local_members() };
        Self { local, sources, known: RefCell::default(), named: RefCell::default() }
    }

    fn sources(&self) -> Result<&GroupSources, Fault> {
        self.sources.as_ref().map_err(Fault::clone)
    }

    fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        limits::check()?;
        let name = c_string(&user.name)?;
        let gids = self.gids_of(user, &name)?;
        let (mut mine, mut others) = (BTreeSet::new(), Vec::new());
        for &group in groups {
            self.look_up(group);
            let known = self.known.borrow();
            let Group { gid, members } = match known.get(group) {
                Some(Ok(Some(group))) => group,
                Some(Err(fault)) => return Err(fault.clone()),
                Some(Ok(None)) | None => continue,
            };
            let is_listed = |members: &BTreeSet<Box<str>>| members.contains(user.name.as_str());
            let is_local = || self.local.as_ref()?.get(gid).map(is_listed);
            if gids.contains(gid) || is_listed(members) || is_local() == Some(true) {
                mine.insert(group.to_owned());
            } else {
                others.push(*gid);
            }
        }
        if self.local.is_none() && mine.len() < groups.len() {
            self.confirm(user, &name, &others)?;
        }
        Ok(mine)
    }

    /// The groups of the user, without those in which only the local database lists them.
    fn gids_of(&self, user: &NssName, name: &CStr) -> Result<BTreeSet<u32>, Fault> {
        if self.local.is_none() {
            return Ok(groups::groups_of(name, user.gid)?.into_iter().map(Gid::as_raw).collect());
        }
        let mut gids = BTreeSet::from([user.gid]);
        for source in &self.sources()?.memberships {
            gids.extend(source.gids_of(name, user.gid)?);
        }
        Ok(gids)
    }

    /// Fails unless it is certain that the user is in none of `others`.
    fn confirm(&self, user: &NssName, name: &CStr, others: &[u32]) -> Result<(), Fault> {
        let sources = self.sources()?;
        if sources.has_directory() && !self.named.borrow().contains(&user.gid) {
            groups::check_primary_group(user)?;
            self.named.borrow_mut().insert(user.gid);
        }
        groups::confirm_not_member(sources, user, name, others)
    }

    /// Asks the name service for the group called `name`, once. Fails if a source is not sure that there is none.
    fn look_up(&self, name: &str) {
        if self.known.borrow().contains_key(name) {
            return;
        }
        let found = groups::by_name(name).and_then(|group| match group {
            Some(group) => Ok(Some(Group {
                gid: group.gid.as_raw(),
                members: group.mem.into_iter().map(String::into_boxed_str).collect(),
            })),
            None => groups::confirm_absent(self.sources()?, &[name]).map(|()| None),
        });
        self.known.borrow_mut().insert(name.to_owned(), found);
    }
}

/// The members that the local database lists. None if the name service may have other answers, or a line is not plain.
fn local_members() -> Option<BTreeMap<u32, BTreeSet<Box<str>>>> {
    if !nss::begins_with_files("group") || !nss::begins_with_files("initgroups") {
        return None;
    }
    members(&String::from_utf8(fs::read(LOCAL_GROUPS).ok()?).ok()?)
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
