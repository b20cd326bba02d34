//! Accounts and groups, by the name service (NSS). An error is never "no such user".

use std::collections::BTreeSet;
use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Group, Uid, User, getgrouplist};

use super::{Fault, words};

/// The longest user name that a state file holds, in bytes.
pub const LONGEST_NAME: usize = 127;

/// An account: its numeric id, which is the key of everything stored, and its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The user id.
    pub uid: u32,
    /// The canonical name: what the name service calls this uid. An account may have other names.
    pub name: String,
    gid: u32,
}

/// The account called `name`; none if the name service knows no such user.
pub fn by_name(name: &str) -> Result<Option<Account>, Fault> {
    if !is_plausible(name) {
        return Ok(None);
    }
    let lookup = |error| Fault(format!("the look-up of a user failed: {}", words(error)));
    match User::from_name(name).map_err(lookup)? {
        Some(user) => by_uid(user.uid.as_raw()),
        None => Ok(None),
    }
}

/// The account whose user id is `uid`.
pub fn by_uid(uid: u32) -> Result<Option<Account>, Fault> {
    let user = User::from_uid(Uid::from_raw(uid));
    let user = user.map_err(|error| Fault(format!("the look-up of uid {uid} failed: {}", words(error))))?;
    user.map(|user| canonical(&user)).transpose()
}

fn canonical(user: &User) -> Result<Account, Fault> {
    let uid = user.uid.as_raw();
    if user.name.is_empty() || user.name.len() > LONGEST_NAME || user.name.contains('\u{fffd}') {
        return Err(Fault(format!("the name of uid {uid} is not UTF-8 of 1 to {LONGEST_NAME} bytes")));
    }
    Ok(Account { uid, name: user.name.clone(), gid: user.gid.as_raw() })
}

/// Whether a name can be an account's at all. What begins with a sign was NIS syntax once; a control byte is an attack.
fn is_plausible(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.starts_with(['-', '+']) && !name.contains(char::is_control)
}

/// Those of `groups` to which `account` belongs. A group that does not exist has no members; a failing look-up is an error.
pub fn memberships(account: &Account, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
    let failed = |what: &str, error| Fault(format!("the look-up of {what} failed: {}", words(error)));
    let name = CString::new(account.name.as_str()).map_err(|_| failed("groups", Errno::EINVAL))?;
    let mine = getgrouplist(&name, nix::unistd::Gid::from_raw(account.gid))
        .map_err(|error| failed("a user's groups", error))?;
    let mut found = BTreeSet::new();
    for &group in groups {
        let entry = Group::from_name(group).map_err(|error| failed(&format!("group {group}"), error))?;
        if entry.is_some_and(|entry| mine.contains(&entry.gid) || entry.mem.contains(&account.name)) {
            found.insert(group.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_uid() {
        let root = by_name("root").unwrap().unwrap();
        assert_eq!((root.uid, root.name.as_str()), (0, "root"));
        assert_eq!(by_uid(0).unwrap().unwrap(), root);
    }

    #[test]
    fn what_cannot_be_a_name_is_nobody() {
        for name in ["", "-schallenge", "+", "a\nb", "a\u{7f}", &"x".repeat(256), "no such user here"] {
            assert_eq!(by_name(name).unwrap(), None, "{name:?}");
        }
    }

    #[test]
    fn only_the_asked_groups_are_answered() {
        let root = by_name("root").unwrap().unwrap();
        let groups = memberships(&root, &BTreeSet::from(["root", "no-such-group", "daemon"])).unwrap();
        assert_eq!(groups, BTreeSet::from(["root".to_owned()]));
    }
}
