//! The people whom the report is about: everybody who may log in here, as far as that can be found out.

use std::collections::{BTreeMap, BTreeSet};

use nix::unistd::User;
use twostep_core::fault::Fault;
use twostep_core::login::audit::Value;
use twostep_core::manage::act::Target;
use twostep_core::os::account::{Account, of_listed};
use twostep_core::os::groups;
use twostep_core::os::names::Names;
use twostep_core::os::user_list;
use twostep_core::policy::{Condition, Policy};
use twostep_core::store::files::Store;
use twostep_hostconf::logged_in::LoggedIn;
use twostep_hostconf::login_defs;
use twostep_hostconf::shell::is_login_shell;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::import::{has_login_uid, unlisted_directory};
use crate::words::frame::CHECK_SPELLING;
use crate::words::naming::unknown_group;
use crate::words::report as words;

/// The people, in the order of their uids, and what could not be seen.
pub(super) struct People {
    pub targets: Vec<Target>,
    unseen: Vec<String>,
    /// The same, where it may name a user.
    unseen_users: Vec<String>,
}

struct Search<'a> {
    names: &'a Names,
    found: BTreeMap<u32, Target>,
    /// Accounts without a shell for logins. They are people only if they have a record.
    without_shell: BTreeSet<u32>,
    unseen: Vec<String>,
    unseen_users: Vec<String>,
}

impl People {
    /// The accounts that the name service lists, and those that it need not list: members of the groups of the policy and of
    /// `groups`, users whom the policy names, those with a record, and those who logged in here.
    pub(super) fn find(
        administrator: &Administrator,
        store: &Store,
        policy: &Policy,
        groups: &[String],
    ) -> Result<Self, Failure> {
        let (root, names) = (administrator.root(), administrator.names());
        let listed = user_list::listed()?;
        let mut search = Search {
            names,
            found: BTreeMap::new(),
            without_shell: BTreeSet::new(),
            unseen: Vec::new(),
            unseen_users: Vec::new(),
        };
        if let Some(line) = unlisted_directory(root, &listed)? {
            search.unseen.push(words::unlisted_directory(line));
        }
        search.add_listed(listed, login_defs::uid_min(root));
        for name in groups {
            if !search.add_members(name)? {
                return Err(Failure::refused(unknown_group(Value(name)), CHECK_SPELLING));
            }
        }
        for name in policy.groups() {
            if let Err(fault) = search.add_members(name) {
                search.unseen.push(words::members_unseen(fault));
            }
        }
        for rule in policy.rules() {
            let users = rule.names().filter(|(condition, _)| *condition == Condition::Users);
            users.for_each(|(_, name)| search.add_name(name));
        }
        let logged_in = LoggedIn::read(root);
        logged_in.names.iter().for_each(|name| search.add_name(name));
        logged_in.uids.iter().for_each(|&uid| search.add_uid(uid));
        let unread = logged_in.unread.iter().map(|(source, error)| words::unread(source, Value(error)));
        search.unseen.extend(unread);
        search.add_stored(store.uids()?.0);
        let Search { found, unseen, unseen_users, .. } = search;
        Ok(Self { targets: found.into_values().collect(), unseen, unseen_users })
    }

    /// What could not be seen, or without names how much.
    pub(super) fn unseen(&self, names_users: bool) -> Vec<String> {
        let users = match self.unseen_users.len() {
            0 => Vec::new(),
            _ if names_users => self.unseen_users.clone(),
            users => vec![words::users_unseen(users)],
        };
        [self.unseen.clone(), users].concat()
    }
}

impl Search<'_> {
    fn add_listed(&mut self, listed: Vec<User>, uid_min: u32) {
        for user in listed {
            let uid = user.uid.as_raw();
            if !user.shell.to_str().is_none_or(is_login_shell) {
                self.without_shell.insert(uid);
            } else if has_login_uid(uid, uid_min) {
                match of_listed(user) {
                    Ok(account) => self.add(&account),
                    Err(fault) => self.unseen_users.push(words::user_unseen(fault)),
                }
            }
        }
    }

    /// Whether there is such a group. Those whose primary group it is are listed, or cannot be found.
    fn add_members(&mut self, group: &str) -> Result<bool, Fault> {
        let Some(group) = groups::by_name(group)? else { return Ok(false) };
        group.mem.iter().for_each(|name| self.add_name(name));
        Ok(true)
    }

    fn add_name(&mut self, name: &str) {
        match self.names.by_name(name) {
            Ok(Some(account)) => self.add(&account),
            Ok(None) => {}
            Err(fault) => self.unseen_users.push(words::named_user_unseen(Value(name), fault)),
        }
    }

    fn add_uid(&mut self, uid: u32) {
        if self.found.contains_key(&uid) {
            return;
        }
        match self.names.by_uid(uid) {
            Ok(Some(account)) => self.add(&account),
            Ok(None) => {}
            Err(fault) => self.unseen_users.push(words::user_unseen(fault)),
        }
    }

    fn add(&mut self, account: &Account) {
        if !self.without_shell.contains(&account.uid) {
            self.found.entry(account.uid).or_insert_with(|| account.into());
        }
    }

    /// Adds those who have a record, whatever their account is.
    fn add_stored(&mut self, uids: Vec<u32>) {
        for uid in uids {
            if self.found.contains_key(&uid) {
                continue;
            }
            match Target::of(uid, self.names) {
                Ok(target) => drop(self.found.insert(uid, target)),
                Err(failure) => self.unseen_users.push(words::user_unseen(failure.what())),
            }
        }
    }
}
