//! The name service for a command about many users. glibc reads the whole of passwd(5) for each look-up of one of its
//! users, so that the work grows with the square of their number. Here each local file is read once.
//!
//! The answers are those of [`account`] and [`groups`]. A list answers only where it must be the same: the line of
//! nsswitch.conf(5) begins with the local files, and every line of the file is plain. In all other cases the name service
//! is asked. A login never uses this: a change of the files takes effect at once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs;

use crate::fault::{Fault, NamesProblem};

use super::account::{self, Account, NssName, is_plausible, is_storable};
use super::groups::{self, LOCAL_GROUPS};
use super::local_users::LOCAL_USERS;
use super::look_up;
use super::nss::{self, GroupSources, Source};

/// The answers of the name service, each list read at its first use.
#[derive(Default)]
pub struct Names {
    users: OnceCell<Option<Users>>,
    groups: OnceCell<Option<LocalGroups>>,
}

impl Names {
    /// The account with this uid; none if the name service knows no such uid.
    pub fn by_uid(&self, uid: u32) -> Result<Option<Account>, Fault> {
        let listed = self.users().and_then(|users| users.by_uid(uid)).and_then(|entry| entry.account());
        listed.map_or_else(|| account::by_uid(uid), |account| Ok(Some(account)))
    }

    /// The account called `name`; none if the name service knows no such user.
    pub fn by_name(&self, name: &str) -> Result<Option<Account>, Fault> {
        let listed = self.users().filter(|_| is_plausible(name)).and_then(|users| users.account(name));
        listed.map_or_else(|| account::by_name(name), |account| Ok(Some(account)))
    }

    /// Uid and name of the user `name`; none if the name service knows no such user.
    pub fn user(&self, name: &str) -> Result<Option<(u32, String)>, Fault> {
        let listed = self.users().filter(|_| is_plausible(name)).and_then(|users| users.by_name(name));
        listed.map_or_else(|| look_up::user(name), |entry| Ok(Some((entry.uid, entry.name.to_string()))))
    }

    /// Whether the local user database has this name.
    pub fn is_local(&self, name: &str) -> Result<bool, Fault> {
        match self.users() {
            Some(users) => Ok(users.by_name(name).is_some()),
            None => Ok(account::local_names()?.iter().any(|local| local == name)),
        }
    }

    /// The groups among `groups` to which `user` belongs.
    pub fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        match self.groups.get_or_init(LocalGroups::read) {
            Some(local) => local.memberships(user, groups),
            None => groups::memberships(user, groups),
        }
    }

    fn users(&self) -> Option<&Users> {
        self.users.get_or_init(Users::read).as_ref()
    }
}

/// The lines of the local user database.
struct Users {
    entries: Vec<Entry>,
    /// The places of the entries, sorted by name. Of several with one name, the first line comes first.
    by_name: Vec<usize>,
    /// The same by uid.
    by_uid: Vec<usize>,
}

struct Entry {
    name: Box<str>,
    uid: u32,
    gid: u32,
}

impl Users {
    /// None if the name service may have other answers than the file.
    fn read() -> Option<Self> {
        if !nss::begins_with_files("passwd") {
            return None;
        }
        Self::parse(&String::from_utf8(fs::read(LOCAL_USERS).ok()?).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let entries: Vec<Entry> =
            text.lines().filter(|line| !is_passed_over(line)).map(Entry::parse).collect::<Option<_>>()?;
        let mut by_name: Vec<usize> = (0..entries.len()).collect();
        let mut by_uid = by_name.clone();
        // These sorts keep the order of equal ones.
        by_name.sort_by_key(|&place| entries.get(place).map(|entry| &entry.name));
        by_uid.sort_by_key(|&place| entries.get(place).map(|entry| entry.uid));
        Some(Self { entries, by_name, by_uid })
    }

    fn by_name(&self, name: &str) -> Option<&Entry> {
        let first = self
            .by_name
            .partition_point(|&place| self.entries.get(place).is_some_and(|entry| &*entry.name < name));
        self.entries.get(*self.by_name.get(first)?).filter(|entry| &*entry.name == name)
    }

    fn by_uid(&self, uid: u32) -> Option<&Entry> {
        let first = self
            .by_uid
            .partition_point(|&place| self.entries.get(place).is_some_and(|entry| entry.uid < uid));
        self.entries.get(*self.by_uid.get(first)?).filter(|entry| entry.uid == uid)
    }

    /// The account, with the name that its uid has and with `name`.
    fn account(&self, name: &str) -> Option<Account> {
        let typed = self.by_name(name)?;
        let mut account = self.by_uid(typed.uid)?.account()?;
        if *typed.name != *account.name {
            account.names.push(typed.named()?);
        }
        Some(account)
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, uid, gid) = (fields.next()?, fields.nth(1)?, fields.next()?);
        // Further fields: the full name, the home, the shell.
        let is_whole = fields.count() == 3 && is_plain(name);
        is_whole.then_some(Self { name: name.into(), uid: number(uid)?, gid: number(gid)? })
    }

    /// None if the name cannot be stored: the name service gives the fault.
    fn account(&self) -> Option<Account> {
        let name = self.named()?;
        Some(Account { uid: self.uid, name: name.name.clone(), names: vec![name] })
    }

    fn named(&self) -> Option<NssName> {
        is_storable(&self.name).then(|| NssName { name: self.name.to_string(), gid: self.gid })
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

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:5:::/bin/sh\n#gone:x:9:9:::\n\nada:x:7:100:Ada:/home/ada:\n\
                          ada:x:8:100:::\nÄda:x:9:9:::\n";

    fn names(account: Option<Account>) -> Vec<(u32, String, u32)> {
        let names = account.into_iter().flat_map(|account| {
            let uid = account.uid;
            account.names.into_iter().map(move |name| (uid, name.name, name.gid))
        });
        names.collect()
    }

    #[test]
    fn takes_first_line_of_each_name_and_uid() {
        let users = Users::parse(PASSWD).unwrap();
        let root = (0, "root".to_owned(), 0);
        assert_eq!(names(users.account("root")), std::slice::from_ref(&root));
        assert_eq!(names(users.account("toor")), [root, (0, "toor".to_owned(), 5)]);
        assert_eq!(names(users.account("ada")), [(7, "ada".to_owned(), 100)]);
        assert_eq!(names(users.by_uid(8).and_then(Entry::account)), [(8, "ada".to_owned(), 100)]);
        assert_eq!(names(users.account("Äda")), [(9, "Äda".to_owned(), 9)]);
        for (name, uid) in [("", 1), ("gone", 2), ("#gone", 10), ("zoe", u32::MAX)] {
            assert!(users.account(name).is_none() && users.by_uid(uid).is_none(), "{name}");
        }
    }

    #[test]
    fn answers_from_no_file_that_glibc_may_read_otherwise() {
        let odd = [
            "+::::::",
            "-ada:x:7:7:::",
            " ada:x:7:7:::",
            "ada:x:07:7:::",
            "ada:x:7::::",
            "ada:x:7:7::",
            "ada:x:7:7:::/bin/sh:x",
            "a\tb:x:7:7:::",
        ];
        for line in odd {
            assert!(Users::parse(&format!("root:x:0:0:::\n{line}\n")).is_none(), "{line}");
        }
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
