//! The account of the logins. It exists in this mount namespace only, and so do its password, a policy that asks it for a code, and
//! a log that keeps nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};
use serde::{Deserialize, Serialize};
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::paths::POLICY;
use twostep_hostconf::tree;

use crate::failure::{Failure, at};
use crate::namespace::{bind, cover};
use crate::overlay::{Change, put_in_place};

pub(crate) const NAME: &str = "twostep-rehearsal";
/// All may know it: no login outside of the namespace takes it. Its end is no code of any kind, see `forward_pass`.
pub(crate) const PASSWORD: &str = "nobody but us";
pub(crate) const WRONG_PASSWORD: &str = "somebody but not us";
/// Its hash (crypt(5), SHA-512).
const HASH: &str = "$6$twosteprehearsal$rfrb0g1O2ucPTvNL6fwQS6Xx7QSpD.zXBd/TOV9ZtecrC33AyTp.TdkYSKknR0YwEUOtnx9cpwn5HTUnaFmO..";

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const GROUP: &str = "/etc/group";
/// Services ask for the name of the shell at most.
pub(crate) const SHELL: &str = "/bin/sh";

/// Uids of people on every distribution. The highest free one is taken.
const FIRST_UID: u32 = 1000;
const LAST_UID: u32 = 59_999;
/// So many are tried: a directory service may be slow.
const MOST_TRIES: usize = 1000;
const SECONDS_OF_A_DAY: u64 = 86_400;

/// Nobody is exempt, and each login asks for one code. Nobody enrolls, because the account is enrolled.
const EVERYBODY: &str = "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n";

/// The sockets of the log. fail2ban and people read what is written there.
const LOGS: [&str; 3] = ["/dev/log", "/run/systemd/journal/dev-log", "/run/systemd/journal/socket"];
/// Where nscd answers, which does not see this namespace.
const NAME_CACHES: [&str; 2] = ["/run/nscd", "/var/run/nscd"];

/// The account called [`NAME`].
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// Creates the account, its password and its policy, and silences the log. The record of its authenticator is made for each login.
pub(crate) fn create() -> Result<Account, Failure> {
    let account = free_account()?;
    let day = clock::now()?.seconds().checked_div(SECONDS_OF_A_DAY).unwrap_or_default();
    let Account { uid, gid } = account;
    // A line for NIS may end a file.
    let users = before(PASSWD, &format!("{NAME}:x:{uid}:{gid}::/nonexistent:{SHELL}\n"))?;
    let groups = before(GROUP, &format!("{NAME}:x:{gid}:\n"))?;
    // The hashes of others are not copied.
    let shadow = format!("{NAME}:{HASH}:{day}:0:99999:7:::\n");
    let change = |path, bytes| Change { path, bytes: Some(bytes) };
    put_in_place(&[
        change(PASSWD, users),
        change(GROUP, groups),
        change(SHADOW, shadow.into_bytes()),
        change(POLICY, EVERYBODY.as_bytes().to_vec()),
    ])?;
    LOGS.iter().try_for_each(|log| silence(log))?;
    NAME_CACHES.iter().try_for_each(|cache| hide(cache))?;
    Ok(account)
}

fn free_account() -> Result<Account, Failure> {
    let is_taken = !matches!((User::from_name(NAME), Group::from_name(NAME)), (Ok(None), Ok(None)));
    if is_taken {
        return Err(Failure::AccountExists(NAME));
    }
    let is_free = |id: &u32| {
        matches!(User::from_uid(Uid::from_raw(*id)), Ok(None))
            && matches!(Group::from_gid(Gid::from_raw(*id)), Ok(None))
    };
    let free = (FIRST_UID..=LAST_UID).rev().take(MOST_TRIES).find(is_free);
    free.map(|id| Account { uid: id, gid: id }).ok_or(Failure::NoFreeUid)
}

/// The bytes of a file after this line.
fn before(path: &str, line: &str) -> Result<Vec<u8>, Failure> {
    let bytes = fs::read(path).map_err(at(Path::new(path)))?;
    Ok([line.as_bytes(), bytes.as_slice()].concat())
}

/// No program can connect to what is no socket. syslog(3) then drops the line.
fn silence(log: &str) -> Result<(), Failure> {
    let Some(path) = tree::resolve(&Root::SYSTEM, log) else { return Ok(()) };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(&path)(error)),
        Ok(_) => bind(Path::new("/dev/null"), &path),
    }
}

fn hide(cache: &str) -> Result<(), Failure> {
    let path = tree::resolve(&Root::SYSTEM, cache).filter(|path| path.is_dir());
    path.map_or(Ok(()), |path| cover(&path))
}
