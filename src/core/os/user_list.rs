//! The accounts that the name service lists. A directory need not list its own: sssd and winbind do so only if
//! configured.

use std::ptr;

use nix::errno::Errno;
use nix::unistd::User;

use crate::fault::{Fault, Wanted};

/// Bytes for the text of one entry, at first.
const ROOM: usize = 4096;
/// The most bytes that an entry may have.
const MOST_ROOM: usize = 1 << 20;

/// Every account that the name service lists (getpwent(3)), in its order. An account that several sources have is
/// listed several times. A source that is down lists no users, and the name service reports no error.
pub fn listed() -> Result<Vec<User>, Fault> {
    let mut users = Vec::new();
    let mut room = vec![0_u8; ROOM];
    // SAFETY: it takes nothing. It sets the name service's place in the list, which no other thread of this process
    // reads.
    unsafe { libc::setpwent() };
    let end = loop {
        match next(&mut room) {
            Ok(Some(user)) => users.push(user),
            Ok(None) => break Ok(()),
            Err(Errno::ERANGE) if room.len() < MOST_ROOM => room.resize(room.len().saturating_mul(2), 0),
            Err(error) => break Err(Fault::look_up(Wanted::Users, error)),
        }
    };
    // SAFETY: as above.
    unsafe { libc::endpwent() };
    end.map(|()| users)
}

/// The next account of the list. After the error `ERANGE`, the same account is next.
fn next(room: &mut [u8]) -> nix::Result<Option<User>> {
    // SAFETY: `passwd` has only integers and pointers, for which zero is a valid value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: `room` has the given length, and lives as long as `entry` is used: to the end of this function.
    let status =
        unsafe { libc::getpwent_r(&raw mut entry, room.as_mut_ptr().cast(), room.len(), &raw mut found) };
    match status {
        0 if !found.is_null() => Ok(Some(User::from(&entry))),
        0 | libc::ENOENT => Ok(None),
        error => Err(Errno::from_raw(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_user_of_local_database() {
        let listed: Vec<String> = listed().unwrap().into_iter().map(|user| user.name).collect();
        let local = crate::os::account::local_names().unwrap();
        for name in local.iter().filter(|name| !name.is_empty()) {
            assert!(listed.contains(name), "{name}: {listed:?}");
        }
    }
}
