//! The accounts of the machine: those of the name service, or, below another root, those of its files.

use std::collections::BTreeSet;

use nix::unistd::{Gid, Group};
use twostep_core::fault::{Fault, FileProblem};
use twostep_core::login::spellings::names_with_spellings;
use twostep_core::machine::{Roster, System};
use twostep_core::os::account::{Account, NssName};
use twostep_core::os::look_up;
use twostep_core::os::names::Names;
use twostep_core::os::root::Root;
use twostep_core::policy::{
    Address, Condition, Groups, LoginFacts, Methods, Mode, Origin, Policy, Spellings,
};
use twostep_core::time::UnixTime;
use twostep_hostconf::shell::is_login_shell;
use twostep_hostconf::sshd::config::Named;
use twostep_hostconf::tree;

use crate::context::Context;

/// A finding lists at most this many names.
const MOST_NAMES: usize = 10;

/// A line of /etc/passwd.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Local {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// The password field of /etc/passwd.
    pub password: String,
    pub home: String,
    pub shell: String,
    /// The number of the line, from 1.
    pub line: usize,
}

impl Local {
    fn parse(line: usize, text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let name = fields.next()?.to_owned();
        let password = fields.next()?.to_owned();
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let home = fields.nth(1)?.to_owned();
        let shell = fields.next()?.trim().to_owned();
        Some(Self { name, uid, gid, password, home, shell, line })
    }

    /// Whether the shell allows a login.
    pub(crate) fn has_login_shell(&self) -> bool {
        is_login_shell(&self.shell)
    }
}

/// The accounts of the machine below a root.
pub(crate) struct Accounts<'a> {
    root: &'a Root,
    names: &'a Names,
}

impl<'a> Accounts<'a> {
    pub(crate) fn of(context: &'a Context<'_>) -> Self {
        Self::new(context.root, &context.names)
    }

    pub(crate) const fn new(root: &'a Root, names: &'a Names) -> Self {
        Self { root, names }
    }

    /// The lines of /etc/passwd; none if it cannot be read.
    pub(crate) fn local(&self) -> Option<Vec<Local>> {
        let text = tree::text(self.root, "/etc/passwd")?;
        Some((1..).zip(text.lines()).filter_map(|(number, line)| Local::parse(number, line)).collect())
    }

    /// None if no account has the uid.
    pub(crate) fn name(&self, uid: u32) -> Result<Option<String>, Fault> {
        if self.root.is_machine() {
            return Ok(self.names.by_uid(uid)?.map(|account| account.name));
        }
        let local = self.local().ok_or_else(|| Fault::file("/etc/passwd", FileProblem::Unreadable))?;
        Ok(local.into_iter().find(|one| one.uid == uid).map(|one| one.name))
    }

    /// The uid and the gid of the account called `name`; none if it does not exist, or the look-up fails.
    pub(crate) fn ids(&self, name: &str) -> Option<(u32, u32)> {
        if self.root.is_machine() {
            let account = self.names.by_name(name).ok()??;
            return Some((account.uid, account.names.first()?.gid));
        }
        self.local()?.into_iter().find(|one| one.name == name).map(|one| (one.uid, one.gid))
    }

    /// The name of the account, or its uid if it has no name.
    pub(crate) fn called(&self, uid: u32) -> String {
        self.name(uid).ok().flatten().unwrap_or_else(|| format!("uid {uid}"))
    }

    /// The uid and the name in the passwd entry of `name`; none if there is no such entry.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<(u32, String)>, Fault> {
        if self.root.is_machine() {
            return self.names.user(name);
        }
        let local = self.local().ok_or_else(|| Fault::file("/etc/passwd", FileProblem::Unreadable))?;
        Ok(local.into_iter().find(|one| one.name == name).map(|one| (one.uid, one.name)))
    }

    /// Whether there is a group called `name`.
    pub(crate) fn is_group(&self, name: &str) -> Result<bool, Fault> {
        if self.root.is_machine() {
            return look_up::is_group(name);
        }
        let text = tree::text(self.root, "/etc/group");
        let text = text.ok_or_else(|| Fault::file("/etc/group", FileProblem::Unreadable))?;
        Ok(text.lines().any(|line| line.split(':').next() == Some(name)))
    }

    /// The mode of the policy for `user` at `service` at `now`. For a user with several names, the strictest counts.
    pub(crate) fn mode(&self, policy: &Policy, user: &str, service: &str, now: UnixTime) -> Mode {
        let wanted = policy.groups();
        let Some(account) = self.account(user) else {
            let groups = self.groups_of(user, &wanted);
            return mode(policy, user, self.unknown_spellings(policy, user), service, groups, now);
        };
        let system = System::new(self.root.clone());
        let machine = Roster::new(&system, self.names);
        let names = names_with_spellings(&machine, policy, &account, |_| ());
        let modes = names.into_iter().map(|(name, spellings)| {
            let groups = self.names.memberships(name, &wanted).map_or(Groups::Unknown, Groups::Known);
            mode(policy, &name.name, spellings, service, groups, now)
        });
        modes.max().unwrap_or(Mode::Mandatory)
    }

    fn account(&self, user: &str) -> Option<Account> {
        if self.root.is_machine() { self.names.by_name(user).ok()? } else { None }
    }

    /// The names in the policy that may be other spellings of `user`, if no name service can tell.
    fn unknown_spellings<'p>(&self, policy: &'p Policy, user: &str) -> Spellings<'p> {
        let is_nobody = |name: &&str| !matches!(self.entry(name), Ok(Some(_)));
        let unknown = policy.possible_spellings(user).filter(is_nobody).collect();
        Spellings { known: Vec::new(), unknown }
    }

    /// The mode of the policy for a user in `groups` whom no rule names.
    pub(crate) fn mode_of_members(
        &self,
        policy: &Policy,
        groups: BTreeSet<String>,
        service: &str,
        now: UnixTime,
    ) -> Mode {
        mode(policy, "", Spellings::default(), service, Groups::Known(groups), now)
    }

    /// Whether the policy exempts all logins by `service` from `address`.
    pub(crate) fn all_are_exempt(
        &self,
        policy: &Policy,
        service: &str,
        address: Address,
        now: UnixTime,
    ) -> bool {
        let named = policy.rules().iter().flat_map(|rule| rule.names());
        let users = named.filter(|(condition, _)| *condition == Condition::Users).map(|(_, user)| user);
        users.chain([""]).all(|user| {
            let facts = LoginFacts { address, ..facts(user, service, Groups::Unknown) };
            policy.decide(&facts, now).mode == Mode::Exempt
        })
    }

    /// Whether the policy exempts the users of `named` at `service`.
    pub(crate) fn are_exempt(&self, policy: &Policy, named: &Named, service: &str, now: UnixTime) -> bool {
        match named {
            Named::Users(users) => {
                users.iter().all(|user| self.mode(policy, user, service, now) == Mode::Exempt)
            }
            Named::Groups(groups) => groups.iter().all(|group| {
                let only = BTreeSet::from([group.clone()]);
                let somebody = self.mode_of_members(policy, only, service, now);
                let members = self.local_members(group).into_iter();
                let all = members.map(|user| self.mode(policy, &user, service, now));
                all.chain([somebody]).all(|mode| mode == Mode::Exempt)
            }),
            Named::Networks(networks) => networks
                .iter()
                .all(|network| self.all_are_exempt(policy, service, Address::Within(*network), now)),
        }
    }

    /// The accounts of /etc/passwd that belong to `group`, or may belong to it.
    fn local_members(&self, group: &str) -> Vec<String> {
        let names = self.local().unwrap_or_default().into_iter().map(|one| one.name);
        let may_belong = |user: &String| match self.groups_of(user, &BTreeSet::from([group])) {
            Groups::Known(groups) => !groups.is_empty(),
            Groups::Unknown => true,
        };
        names.filter(may_belong).collect()
    }

    /// The groups among `wanted` to which `user` belongs.
    pub(crate) fn groups_of(&self, user: &str, wanted: &BTreeSet<&str>) -> Groups {
        let found = if self.root.is_machine() {
            self.by_name_service(user, wanted)
        } else {
            self.by_files(user, wanted)
        };
        found.map_or(Groups::Unknown, Groups::Known)
    }

    /// The name of the group whose id is `gid`; none if there is no such group, or it cannot be looked up.
    pub(crate) fn group_name(&self, gid: u32) -> Option<String> {
        if self.root.is_machine() {
            return Some(Group::from_gid(Gid::from_raw(gid)).ok()??.name);
        }
        let text = tree::text(self.root, "/etc/group")?;
        let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let mut names = fields.filter_map(|fields| match fields.as_slice() {
            [name, _, id, ..] if *id == gid.to_string() => Some((*name).to_owned()),
            _ => None,
        });
        names.next()
    }

    fn by_name_service(&self, user: &str, wanted: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
        let account = self.names.by_name(user).ok()??;
        let memberships = |name: &NssName| self.names.memberships(name, wanted).ok();
        let found: Option<Vec<_>> = account.names.iter().map(memberships).collect();
        Some(found?.into_iter().flatten().collect())
    }

    fn by_files(&self, user: &str, wanted: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
        let gid = self.local()?.into_iter().find(|one| one.name == user)?.gid.to_string();
        let text = tree::text(self.root, "/etc/group")?;
        let mine = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, id, members] = fields.as_slice() else { return None };
            (*id == gid || members.split(',').any(|member| member == user)).then(|| (*name).to_owned())
        };
        Some(text.lines().filter_map(mine).filter(|name| wanted.contains(name.as_str())).collect())
    }
}

fn mode(
    policy: &Policy,
    user: &str,
    spellings: Spellings<'_>,
    service: &str,
    groups: Groups,
    now: UnixTime,
) -> Mode {
    let facts = LoginFacts { spellings, ..facts(user, service, groups) };
    policy.decide(&facts, now).mode
}

/// For sshd, address and method are unknown, so the stricter verdict counts.
fn facts<'a>(user: &'a str, service: &'a str, groups: Groups) -> LoginFacts<'a> {
    let (origin, address, methods) = match service {
        "login" => (Origin::Local, Address::None, Methods::Known(vec!["password"])),
        _ => (Origin::Remote, Address::Unknown, Methods::UNKNOWN),
    };
    let spellings = Spellings::default();
    LoginFacts { user, spellings, service, origin, address, groups, methods }
}

/// The first names, and how many more there are.
pub(crate) fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let some = names.take(MOST_NAMES).collect::<Vec<_>>().join(", ");
    if more == 0 { some } else { format!("{some} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_ten_names_and_counts_others() {
        let names: Vec<String> = (0..12).map(|number| format!("u{number}")).collect();
        let of = |count| listed(names.iter().take(count).map(String::as_str));
        assert_eq!(of(2), "u0, u1");
        assert!(of(12).ends_with("u9 and 2 more"));
    }

    #[test]
    fn parses_line_of_passwd() {
        let ada = Local::parse(3, "ada:x:1001:100:Ada,,,:/home/ada:/bin/bash").unwrap();
        assert_eq!((ada.name.as_str(), ada.uid, ada.gid, ada.line), ("ada", 1001, 100, 3));
        assert_eq!((ada.password.as_str(), ada.home.as_str()), ("x", "/home/ada"));
        assert!(ada.has_login_shell());
        let table = ["", "ada", "ada:x:-1:100::/:/bin/sh", "+::::::", "# ada:x:1"];
        table.iter().for_each(|line| assert_eq!(Local::parse(1, line), None, "{line}"));
    }
}
