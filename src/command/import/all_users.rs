//! The users who may have a file: the accounts that the name service lists, and those that own folders or have their names on
//! folders or files, because a directory service need not list its accounts. What could not be found out is a row of the report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use twostep_core::fault::{Fault, Wanted};
use twostep_core::os::account;
use twostep_core::os::root::Root;
use twostep_core::os::user_list;

use crate::words::import as words;

use super::found::FoundAt;
use super::obstacle::Obstacle;
use super::read::RETIRED;
use super::report::{Outcome, Row};
use super::secret_path::SecretPath;

/// Homes are here, also those of users who are not listed.
const HOME: &str = "/home";
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// The sources of the name service that list all their accounts (nsswitch.conf(5), nss-systemd(8)).
const LISTING: [&str; 6] = ["files", "compat", "db", "systemd", "altfiles", "extrausers"];
/// The account nobody, to which NFS and containers map users that they do not know.
const NOBODY: u32 = 65534;
/// Accounts that systemd creates for services and containers while they run (systemd's UIDS-GIDS).
const TRANSIENT: std::ops::RangeInclusive<u32> = 60001..=65534;
/// A folder of the file system (fsck(8)).
const LOST_FOUND: &str = "lost+found";

/// All users who may have a file.
pub(crate) struct AllUsers<'a> {
    root: &'a Root,
    secret: &'a SecretPath,
    /// Each entry of the name service; an account with two names has two.
    pub users: Vec<User>,
    /// What could not be looked at, and folders that are no home.
    pub rows: Vec<Row>,
    /// The uid and name of each of `users`.
    known: BTreeSet<(u32, String)>,
    /// The device and inode of each home of `users`.
    homes: BTreeSet<(u64, u64)>,
}

/// What a path is where homes are.
enum Place {
    /// The home of an account.
    Home,
    /// A folder that is no account's home.
    Other,
    /// No folder.
    NoFolder,
}

impl<'a> AllUsers<'a> {
    /// Finds them, for files whose paths `secret` gives.
    pub(crate) fn find(root: &'a Root, secret: &'a SecretPath, uid_min: u32) -> Result<Self, Fault> {
        let (users, rows, known, homes) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut all = Self { root, secret, users, rows, known, homes };
        user_list::listed()?.into_iter().for_each(|user| all.add(user));
        let unlisted = unlisted_directory(root, &all.users)?;
        match secret.by_name() {
            Some((folder, start, end)) => all.look_for_files(folder, start, end),
            None => {
                all.rows.extend(unlisted.map(|line| {
                    let place = FoundAt { file: PathBuf::from(NSSWITCH), line: Some(line) };
                    Row::without_account(place).not_looked_at(words::UNLISTED_ACCOUNTS)
                }));
                for (folder, reports) in all.folders_of_homes(uid_min) {
                    all.look_for_homes(&folder, true, reports);
                }
            }
        }
        Ok(all)
    }

    fn add(&mut self, user: User) {
        if self.known.insert((user.uid.as_raw(), user.name.clone())) {
            self.homes.extend(identity(&self.path(&user.dir)));
            self.users.push(user);
        }
    }

    /// The folders of homes, and of each whether the report names what else is in it: it does if two homes or more are there. A
    /// folder within another one is left out, because it is searched with that one.
    fn folders_of_homes(&self, uid_min: u32) -> Vec<(PathBuf, bool)> {
        let users =
            self.users.iter().filter(|user| !user.uid.is_root() && has_login_uid(user.uid.as_raw(), uid_min));
        let mut reports = BTreeMap::new();
        for folder in users.filter_map(|user| user.dir.parent()).filter(|folder| *folder != Path::new("/")) {
            reports.entry(folder).and_modify(|reports| *reports = true).or_insert(false);
        }
        reports.insert(Path::new(HOME), true);
        let is_outer = |folder: &Path| folder.parent().is_none_or(|parent| !reports.contains_key(parent));
        let outer = reports.iter().filter(|(folder, _)| is_outer(folder));
        outer.map(|(folder, reports)| (folder.to_path_buf(), *reports)).collect()
    }

    /// Finds the homes in `folder` and, if it `descends`, in folders there. Adds a row for each other folder if it `reports`.
    /// Returns whether there is a home.
    fn look_for_homes(&mut self, folder: &Path, descends: bool, reports: bool) -> bool {
        let (mut others, mut has_homes) = (Vec::new(), false);
        for name in self.names_in(folder) {
            let path = folder.join(name);
            match self.place(&path) {
                Ok(Place::Home) => has_homes = true,
                Ok(Place::NoFolder) => {}
                Ok(Place::Other) if descends && self.look_for_homes(&path, false, reports) => {
                    has_homes = true
                }
                Ok(Place::Other) => others.push(path),
                Err(obstacle) => {
                    self.rows.push(row(&path).not_looked_at(obstacle));
                    has_homes = true;
                }
            }
        }
        if reports && (has_homes || descends) {
            self.rows.extend(others.iter().map(|path| row(path).with(Outcome::NobodysHome)));
        }
        has_homes
    }

    /// Adds the account that has the name of a folder, and the account that owns it. Fails if a user may be left out.
    fn place(&mut self, path: &Path) -> Result<Place, Obstacle> {
        let at = self.path(path);
        let is_link = match fs::symlink_metadata(&at).map_err(Obstacle::NotLookedAt)?.file_type() {
            kind if kind.is_symlink() => true,
            kind if kind.is_dir() => false,
            _ => return Ok(Place::NoFolder),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let called = user_called(&name).map_err(Obstacle::LookUp)?;
        let is_called = called.is_some();
        called.into_iter().for_each(|user| self.add(user));
        let about = match fs::metadata(&at) {
            Ok(about) if about.is_dir() => about,
            // The account of this name has no home, which is reported with the account.
            Ok(_) => return Ok(Place::NoFolder),
            Err(_) if is_link && is_called => return Ok(Place::NoFolder),
            Err(error) => return Err(Obstacle::NotLookedAt(error)),
        };
        user_with(about.uid()).map_err(Obstacle::LookUp)?.into_iter().for_each(|user| self.add(user));
        if self.homes.contains(&(about.dev(), about.ino())) {
            return Ok(Place::Home);
        }
        self.stray_file(path).map_or(Ok(Place::Other), Err)
    }

    /// The obstacle if a folder is no home and has a file of an unknown user or of root.
    fn stray_file(&self, folder: &Path) -> Option<Obstacle> {
        match fs::symlink_metadata(self.path(folder).join(self.secret.below_home()?)) {
            Ok(about) => match user_with(about.uid()) {
                // A file of a known user is looked at with that user. One of root's may be any user's.
                Ok(Some(user)) if !user.uid.is_root() => None,
                Ok(_) => Some(Obstacle::StrayFile(about.uid())),
                Err(fault) => Some(Obstacle::LookUp(fault)),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => Some(Obstacle::NotLookedAt(error)),
        }
    }

    /// Adds the users whose names the files in `folder` have.
    fn look_for_files(&mut self, folder: &str, start: &str, end: &str) {
        let folder = Path::new(folder);
        for file in self.names_in(folder).iter().filter(|file| !file.ends_with(RETIRED)) {
            let Some(name) = file.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
                continue;
            };
            match user_called(name) {
                Ok(Some(user)) => self.add(user),
                Ok(None) => {
                    self.rows.push(row(&folder.join(file)).not_looked_at(words::NO_ACCOUNT));
                }
                Err(fault) => self.rows.push(row(&folder.join(file)).not_looked_at(fault)),
            }
        }
    }

    /// The names in a folder; none if it does not exist.
    fn names_in(&mut self, folder: &Path) -> BTreeSet<String> {
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
        };
        match fs::read_dir(self.path(folder))
            .and_then(|entries| entries.map(name).collect::<io::Result<BTreeSet<_>>>())
        {
            Ok(mut names) => {
                names.remove(LOST_FOUND);
                return names;
            }
            Err(error) if error.kind() == ErrorKind::NotFound && folder == Path::new(HOME) => {}
            Err(error) => self.rows.push(row(folder).not_looked_at(Obstacle::NotListed(error))),
        }
        BTreeSet::new()
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.root.path(&path.to_string_lossy())
    }
}

/// The line of nsswitch.conf(5) that names a directory service of which `listed` has no account: it does not list its accounts.
pub(crate) fn unlisted_directory(root: &Root, listed: &[User]) -> Result<Option<usize>, Fault> {
    let text = fs::read_to_string(root.path(NSSWITCH)).unwrap_or_default();
    let source = (1..).zip(text.lines()).find(|(_, line)| asks_directory(line, has_sssd(root)));
    let Some((line, _)) = source else { return Ok(None) };
    let local: BTreeSet<String> = account::local_names()?.into_iter().collect();
    let is_of_directory =
        |user: &User| !local.contains(&user.name) && !TRANSIENT.contains(&user.uid.as_raw());
    Ok((!listed.iter().any(is_of_directory)).then_some(line))
}

/// Whether sssd has a configuration. Some distributions name it in nsswitch.conf on machines where it has none.
fn has_sssd(root: &Root) -> bool {
    let mut snippets = fs::read_dir(root.path("/etc/sssd/conf.d")).into_iter().flatten();
    root.path("/etc/sssd/sssd.conf").exists() || snippets.next().is_some()
}

/// Whether a line of nsswitch.conf(5) names a source that need not list its users.
fn asks_directory(line: &str, has_sssd: bool) -> bool {
    let sources = line.trim_start().strip_prefix("passwd:").unwrap_or_default();
    let words = sources.split('#').next().unwrap_or_default().split_whitespace();
    // Words in brackets are actions: [NOTFOUND=return].
    let mut names = words.filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    names.any(|name| !LISTING.contains(&name) && (name != "sss" || has_sssd))
}

/// Whether the uid is that of root or of a user who logs in, as login.defs(5) numbers them.
pub(crate) fn has_login_uid(uid: u32, uid_min: u32) -> bool {
    uid == 0 || (uid >= uid_min && uid != NOBODY)
}

fn row(path: &Path) -> Row {
    Row::without_account(FoundAt { file: path.to_owned(), line: None })
}

/// Device and inode of a folder; none if there is no folder.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|about| (about.dev(), about.ino()))
}

/// The account called `name`, with its own spelling.
pub(crate) fn user_called(name: &str) -> Result<Option<User>, Fault> {
    account::by_name(name)?.map_or(Ok(None), |account| user_with(account.uid))
}

/// The account with that uid.
pub(crate) fn user_with(uid: u32) -> Result<Option<User>, Fault> {
    User::from_uid(Uid::from_raw(uid)).map_err(|error| Fault::look_up(Wanted::Uid(uid), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_sources_that_need_not_list_users() {
        let table = [
            ("passwd: files systemd", false, false),
            ("passwd:\tfiles [NOTFOUND=return] compat # sss", true, false),
            ("group: files sss", true, false),
            ("passwd: sss files systemd", false, false),
            ("passwd: sss files systemd", true, true),
            ("  passwd:   files winbind", false, true),
            ("passwd: files ldap [NOTFOUND=return]", false, true),
        ];
        for (line, has_sssd, asks) in table {
            assert_eq!(asks_directory(line, has_sssd), asks, "{line}");
        }
    }

    #[test]
    fn tells_users_from_system_accounts_by_uid() {
        let users = [0, 999, 1000, 70001, NOBODY].map(|uid| has_login_uid(uid, 1000));
        assert_eq!(users, [true, false, true, true, false]);
    }
}
