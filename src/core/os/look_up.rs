//! Looks up the user names that a policy lists. A login waits for this, so its time is limited.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::unistd::{Group, User};

use crate::fault::{Fault, NamesProblem, Wanted};

use super::account::is_plausible;

/// Uid and name of the entry that the name service has for a name. "No such user" is an error here, because a directory
/// that is down gives this answer too.
pub type Entry = Result<(u32, String), Fault>;

/// The most names that are looked up for one login.
const MOST: usize = 32;
/// How long the look-ups of one login may take until no further one begins.
const PATIENCE: Duration = Duration::from_secs(1);

/// The answer of the name service for each of `names`. After 32 names or one second, the rest is not looked up, which
/// is an error.
pub fn entries<'n>(names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
    if names.is_empty() {
        return Vec::new();
    }
    let began = Instant::now();
    let answer = |(number, &name)| {
        let is_late = number >= MOST || began.elapsed() >= PATIENCE;
        (name, if is_late { Err(not_asked(name)) } else { entry(name) })
    };
    names.iter().enumerate().map(answer).collect()
}

fn entry(name: &str) -> Entry {
    user(name)?.ok_or_else(|| NamesProblem::NoUser(name.to_owned()).into())
}

/// Uid and name of the user `name`; none if the name service knows no such user.
pub fn user(name: &str) -> Result<Option<(u32, String)>, Fault> {
    let user = if is_plausible(name) { User::from_name(name) } else { Ok(None) };
    let user = user.map_err(|error| Fault::look_up(Wanted::User(name.to_owned()), error))?;
    Ok(user.map(|user| (user.uid.as_raw(), user.name)))
}

/// Whether the name service knows a group `name`.
pub fn is_group(name: &str) -> Result<bool, Fault> {
    let group = Group::from_name(name);
    let group = group.map_err(|error| Fault::look_up(Wanted::Group(name.to_owned()), error))?;
    Ok(group.is_some())
}

fn not_asked(name: &str) -> Fault {
    NamesProblem::NotAsked { name: name.to_owned(), most: MOST }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_as_many_names_as_a_login_may() {
        let names: Vec<String> = (0..40).map(|number| format!("root@{number:02}")).collect();
        let found = entries(&names.iter().map(String::as_str).collect());
        let asked =
            found.iter().filter(|(_, entry)| matches!(entry, Err(Fault::Names(NamesProblem::NoUser(_)))));
        assert_eq!((found.len(), asked.count()), (40, MOST));
        assert_eq!(entries(&BTreeSet::from(["root"])), [("root", Ok((0, "root".to_owned())))]);
    }
}
