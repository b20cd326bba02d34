//! Accounts, from the name service (NSS). An error is never "no such user".

use nix::unistd::{Uid, User, getuid};

use crate::fault::{Fault, NamesProblem, Operation, Wanted};

use super::limits;
use super::local_users::{Entry, LOCAL_USERS, LocalUsers};

/// The longest user name that a state file holds, in bytes.
pub(crate) const LONGEST_NAME: usize = 127;

/// An account: its numeric id and its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The numeric user id, the key of what is stored.
    pub uid: u32,
    /// The canonical name: the one that the name service has for this uid.
    pub name: String,
    /// The canonical name, and the typed name if it differs.
    pub names: Vec<NssName>,
}

/// One name of an account, with the groups that this name brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NssName {
    /// The name, as the name service writes it.
    pub name: String,
    /// The primary group, as a numeric group id.
    pub gid: u32,
}

/// Looks up accounts: asks the name service each question, or reads the local database once for several.
pub struct Accounts {
    /// The local database, if its answers are those of the name service.
    local: Option<LocalUsers>,
}

impl Accounts {
    /// Asks the name service each question.
    const ASKED: Self = Self { local: None };

    /// Reads the first part of the local database once, for a login, and asks the name service only what it does not
    /// tell.
    pub(crate) fn read() -> Self {
        Self { local: LocalUsers::read() }
    }

    /// The same for a command about many users: reads all of the local database.
    pub(super) fn read_whole() -> Self {
        Self { local: LocalUsers::read_whole() }
    }

    /// Whether the local database has this name.
    pub(super) fn is_local(&self, name: &str) -> Result<bool, Fault> {
        match &self.local {
            Some(local) if local.is_whole() => Ok(local.by_name(name).is_some()),
            _ => Ok(local_names()?.iter().any(|local| local == name)),
        }
    }

    /// The account called `name`; none if the name service knows no such user.
    pub(crate) fn by_name(&self, name: &str) -> Result<Option<Account>, Fault> {
        let Some(typed) = self.entry_by_name(name, Wanted::TypedUser)? else { return Ok(None) };
        let nameless = || NamesProblem::Nameless(typed.uid);
        let mut account = self.by_uid(typed.uid)?.ok_or_else(nameless)?;
        let typed = name_of(typed)?;
        if typed.name != account.name {
            account.names.push(typed);
        }
        Ok(Some(account))
    }

    /// The user id of the account called `name`; none if the name service knows no such user. The other names are not
    /// looked up.
    pub(crate) fn uid_by_name(&self, name: &str) -> Result<Option<u32>, Fault> {
        Ok(self.entry_by_name(name, Wanted::TypedUser)?.map(|entry| entry.uid))
    }

    /// The account whose user id is `uid`; none if the name service knows no such uid.
    pub(super) fn by_uid(&self, uid: u32) -> Result<Option<Account>, Fault> {
        let Some(entry) = self.entry_by_uid(uid)? else { return Ok(None) };
        let name = name_of(entry)?;
        Ok(Some(Account { uid, name: name.name.clone(), names: vec![name] }))
    }

    /// The entry called `name`; none if the name service knows no such user. An error calls it `wanted`.
    pub(super) fn entry_by_name(&self, name: &str, wanted: Wanted) -> Result<Option<Entry>, Fault> {
        if !is_plausible(name) {
            return Ok(None);
        }
        limits::check()?;
        if let Some(entry) = self.local.as_ref().and_then(|local| local.by_name(name)) {
            return Ok(Some(entry));
        }
        let user = User::from_name(name).map_err(|error| Fault::look_up(wanted, error))?;
        Ok(user.map(Entry::from))
    }

    fn entry_by_uid(&self, uid: u32) -> Result<Option<Entry>, Fault> {
        limits::check()?;
        if let Some(entry) = self.local.as_ref().and_then(|local| local.by_uid(uid)) {
            return Ok(Some(entry));
        }
        let user = User::from_uid(Uid::from_raw(uid));
        Ok(user.map_err(|error| Fault::look_up(Wanted::Uid(uid), error))?.map(Entry::from))
    }
}

/// The account of an entry that the name service listed.
pub fn of_listed(user: User) -> Result<Account, Fault> {
    let uid = user.uid.as_raw();
    let name = name_of(user.into())?;
    Ok(Account { uid, name: name.name.clone(), names: vec![name] })
}

/// The account called `name`; none if the name service knows no such user.
pub fn by_name(name: &str) -> Result<Option<Account>, Fault> {
    Accounts::ASKED.by_name(name)
}

/// The user id of the account called `name`; none if the name service knows no such user. The other names are not
/// looked up.
pub(crate) fn uid_by_name(name: &str) -> Result<Option<u32>, Fault> {
    Accounts::ASKED.uid_by_name(name)
}

/// The account whose user id is `uid`; none if the name service knows no such uid.
pub fn by_uid(uid: u32) -> Result<Option<Account>, Fault> {
    Accounts::ASKED.by_uid(uid)
}

/// The account whose user id is `uid`, with every name that the local user database has for it, because a rule may name
/// any of them.
pub fn by_uid_with_all_names(uid: u32) -> Result<Option<Account>, Fault> {
    let Some(mut account) = by_uid(uid)? else { return Ok(None) };
    for line in local_users()?.split(|&byte| byte == b'\n') {
        if let Some(name) = local_name(line, uid).filter(|name| !account.names.contains(name)) {
            account.names.push(name);
        }
    }
    Ok(Some(account))
}

/// The names in the local user database.
pub fn local_names() -> Result<Vec<String>, Fault> {
    let names = local_users()?;
    let names = names.split(|&byte| byte == b'\n').filter_map(|line| line.split(|&byte| byte == b':').next());
    Ok(names.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect())
}

fn local_users() -> Result<Vec<u8>, Fault> {
    std::fs::read(LOCAL_USERS).map_err(|error| Fault::of(LOCAL_USERS, Operation::Read, error))
}

/// The entry of a line of the local user database (passwd(5)); none if it is not an entry of `uid`.
fn local_name(line: &[u8], uid: u32) -> Option<NssName> {
    let fields: Vec<&str> = std::str::from_utf8(line).ok()?.split(':').collect();
    let [name, _, number, gid, ..] = fields.as_slice() else { return None };
    let is_theirs = number.parse() == Ok(uid) && is_storable(name);
    Some(NssName { name: (*name).to_owned(), gid: gid.parse().ok()? }).filter(|_| is_theirs)
}

/// The real uid, which is that of the user who started this process.
pub fn real_uid() -> u32 {
    getuid().as_raw()
}

/// Whether root started this process, and not a user through a setuid program.
pub fn is_called_by_root() -> bool {
    getuid().is_root()
}

fn name_of(Entry { name, uid, gid }: Entry) -> Result<NssName, Fault> {
    if is_storable(&name) {
        return Ok(NssName { name, gid });
    }
    Err(NamesProblem::OddName { uid, longest: LONGEST_NAME }.into())
}

/// Whether `name` can be stored, shown and logged: UTF-8 of 1 to [`LONGEST_NAME`] bytes without control characters.
pub(crate) fn is_storable(name: &str) -> bool {
    // The replacement character shows that a byte was not UTF-8.
    let is_odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(is_odd)
}

/// Whether `name` can be the name of an account at all. A name that begins with a sign was NIS syntax once; a control
/// byte is an attack.
pub(super) fn is_plausible(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with(['-', '+']) && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_root_by_name_and_by_uid() {
        let root = by_name("root").unwrap().unwrap();
        assert_eq!((root.uid, root.name.as_str()), (0, "root"));
        assert_eq!(by_uid(0).unwrap().unwrap(), root);
    }

    #[test]
    fn takes_name_of_each_line_of_the_uid() {
        let entry = |line: &str| local_name(line.as_bytes(), 7).map(|entry| (entry.name, entry.gid));
        assert_eq!(entry("ada:x:7:100:Ada:/home/ada:/bin/sh"), Some(("ada".to_owned(), 100)));
        for line in ["", "#ada:x:7", "bob:x:77:100::/:", "ada:x:07a:1::/:", ":x:7:100::/:", "ada:x:7:x::/:"] {
            assert_eq!(entry(line), None, "{line}");
        }
        let root = by_uid_with_all_names(0).unwrap().unwrap();
        assert_eq!(root.names.first(), by_uid(0).unwrap().unwrap().names.first());
    }

    #[test]
    fn finds_no_account_for_impossible_name() {
        for name in ["", "-schallenge", "+", "a\nb", "a\u{7f}", &"x".repeat(256), "no such user here"] {
            assert_eq!(by_name(name).unwrap(), None, "{name:?}");
        }
    }
}
