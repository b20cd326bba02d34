//! Whose files there may be: the accounts that the name service lists, and those that folders and files tell of, because a
//! directory service need not list its accounts. What could not be found out is a row of the report.

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

use super::found::FoundAt;
use super::read::RETIRED;
use super::report::{Outcome, Row};
use super::secret_path::SecretPath;

/// Where homes are, whoever is listed.
const HOME: &str = "/home";
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// The sources of the name service that list all their accounts (nsswitch.conf(5), nss-systemd(8)).
const LISTING: [&str; 6] = ["files", "compat", "db", "systemd", "altfiles", "extrausers"];
/// The account to which NFS and containers map others, and which is nobody.
const NOBODY: u32 = 65534;
/// The accounts that systemd makes for a while (systemd's UIDS-GIDS): services, containers.
const TRANSIENT: std::ops::RangeInclusive<u32> = 60001..=65534;
/// What is in a file system, and nobody's.
const LOST_FOUND: &str = "lost+found";

/// Everybody who may have a file.
pub(crate) struct Everybody<'a> {
    root: &'a Root,
    secret: &'a SecretPath,
    /// Each entry of the name service; an account with two names has two.
    pub users: Vec<User>,
    /// What could not be looked at, and folders that are nobody's home.
    pub rows: Vec<Row>,
    /// Uid and name of `users`.
    known: BTreeSet<(u32, String)>,
    /// Device and inode of the homes of `users`.
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

impl<'a> Everybody<'a> {
    /// All who can be found, for files that are where `secret` says.
    pub(crate) fn find(root: &'a Root, secret: &'a SecretPath, uid_min: u32) -> Result<Self, Fault> {
        let (users, rows, known, homes) = (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut all = Self { root, secret, users, rows, known, homes };
        user_list::listed()?.into_iter().for_each(|user| all.add(user));
        let unlisted = all.unlisted()?;
        match secret.by_name() {
            Some((folder, start, end)) => all.look_for_files(folder, start, end),
            None => {
                all.rows.extend(unlisted);
                for (folder, tells) in all.folders_of_homes(uid_min) {
                    all.look_for_homes(&folder, true, tells);
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

    /// A directory service that lists none of its accounts: who has no home that is found has been left out.
    fn unlisted(&self) -> Result<Option<Row>, Fault> {
        let text = fs::read_to_string(self.root.path(NSSWITCH)).unwrap_or_default();
        let source = (1..).zip(text.lines()).find(|(_, line)| asks_directory(line, self.has_sssd()));
        let Some((line, _)) = source else { return Ok(None) };
        let local: BTreeSet<String> = account::local_names()?.into_iter().collect();
        let is_of_directory =
            |user: &User| !local.contains(&user.name) && !TRANSIENT.contains(&user.uid.as_raw());
        if self.users.iter().any(is_of_directory) {
            return Ok(None);
        }
        let place = FoundAt { file: PathBuf::from(NSSWITCH), line: Some(line) };
        Ok(Some(Row::of_nobody(place).not_looked_at(
            "a directory here lists none of its accounts: only those whose homes were found were looked at. Name \
             the others, as in --user alice --user bob",
        )))
    }

    /// Whether sssd has a configuration: some distributions ask it on machines that have none.
    fn has_sssd(&self) -> bool {
        let mut snippets = fs::read_dir(self.root.path("/etc/sssd/conf.d")).into_iter().flatten();
        self.root.path("/etc/sssd/sssd.conf").exists() || snippets.next().is_some()
    }

    /// The folders that homes of people are in, and whether each has enough of them to tell of what else is there. A folder in
    /// another of them is looked into with that.
    fn folders_of_homes(&self, uid_min: u32) -> Vec<(PathBuf, bool)> {
        let people =
            self.users.iter().filter(|user| !user.uid.is_root() && is_person(user.uid.as_raw(), uid_min));
        let mut tells = BTreeMap::new();
        for folder in people.filter_map(|user| user.dir.parent()).filter(|folder| *folder != Path::new("/")) {
            tells.entry(folder).and_modify(|tells| *tells = true).or_insert(false);
        }
        tells.insert(Path::new(HOME), true);
        let is_outer = |folder: &Path| folder.parent().is_none_or(|parent| !tells.contains_key(parent));
        let outer = tells.iter().filter(|(folder, _)| is_outer(folder));
        outer.map(|(folder, tells)| (folder.to_path_buf(), *tells)).collect()
    }

    /// Finds out whose homes the folders in `folder` are, and those in them where it `descends`. Returns whether any is
    /// somebody's.
    fn look_for_homes(&mut self, folder: &Path, descends: bool, tells: bool) -> bool {
        let (mut others, mut has_homes) = (Vec::new(), false);
        for name in self.names_in(folder) {
            let path = folder.join(name);
            match self.whose(&path) {
                Ok(Place::Home) => has_homes = true,
                Ok(Place::NoFolder) => {}
                Ok(Place::Other) if descends && self.look_for_homes(&path, false, tells) => has_homes = true,
                Ok(Place::Other) => others.push(path),
                Err(problem) => {
                    self.rows.push(row(&path).not_looked_at(&problem));
                    has_homes = true;
                }
            }
        }
        if tells && (has_homes || descends) {
            self.rows.extend(others.iter().map(|path| row(path).with(Outcome::NobodysHome)));
        }
        has_homes
    }

    /// Adds the account after which a folder is called, and the one that owns it. Fails where somebody may have been left out.
    fn whose(&mut self, path: &Path) -> Result<Place, String> {
        let at = self.path(path);
        let cannot = |error: io::Error| format!("it cannot be looked at: {error}");
        let is_link = match fs::symlink_metadata(&at).map_err(cannot)?.file_type() {
            kind if kind.is_symlink() => true,
            kind if kind.is_dir() => false,
            _ => return Ok(Place::NoFolder),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let called = user_called(&name).map_err(|fault| fault.to_string())?;
        let is_called = called.is_some();
        called.into_iter().for_each(|user| self.add(user));
        let about = match fs::metadata(&at) {
            Ok(about) if about.is_dir() => about,
            // The account after which it is called has a home that is not there: that is told.
            Ok(_) => return Ok(Place::NoFolder),
            Err(_) if is_link && is_called => return Ok(Place::NoFolder),
            Err(error) => return Err(cannot(error)),
        };
        user_with(about.uid())
            .map_err(|fault| fault.to_string())?
            .into_iter()
            .for_each(|user| self.add(user));
        if self.homes.contains(&(about.dev(), about.ino())) {
            return Ok(Place::Home);
        }
        self.stray_file(path).map_or(Ok(Place::Other), Err)
    }

    /// What is wrong with a folder that is nobody's home, if somebody's file is in it.
    fn stray_file(&self, folder: &Path) -> Option<String> {
        match fs::symlink_metadata(self.path(folder).join(self.secret.below_home()?)) {
            Ok(about) => match user_with(about.uid()) {
                // Theirs is looked at; root's may be anybody's.
                Ok(Some(user)) if !user.uid.is_root() => None,
                Ok(_) => Some(format!("it is no account's home, and has a file of uid {}", about.uid())),
                Err(fault) => Some(fault.to_string()),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => Some(format!("it cannot be looked into: {error}")),
        }
    }

    /// Finds out whose the files in `folder` are, each of which is called after its user.
    fn look_for_files(&mut self, folder: &str, start: &str, end: &str) {
        let folder = Path::new(folder);
        for file in self.names_in(folder).iter().filter(|file| !file.ends_with(RETIRED)) {
            let Some(name) = file.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
                continue;
            };
            match user_called(name) {
                Ok(Some(user)) => self.add(user),
                Ok(None) => {
                    self.rows.push(row(&folder.join(file)).not_looked_at("no account is called so"));
                }
                Err(fault) => self.rows.push(row(&folder.join(file)).not_looked_at(&fault.to_string())),
            }
        }
    }

    /// What is in a folder, if it is there.
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
            Err(error) => self.rows.push(row(folder).not_looked_at(&format!("it cannot be listed: {error}"))),
        }
        BTreeSet::new()
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.root.path(&path.to_string_lossy())
    }
}

/// Whether a line of nsswitch.conf(5) has a source of users that need not list them.
fn asks_directory(line: &str, has_sssd: bool) -> bool {
    let sources = line.trim_start().strip_prefix("passwd:").unwrap_or_default();
    let words = sources.split('#').next().unwrap_or_default().split_whitespace();
    // Between brackets stand actions: [NOTFOUND=return].
    let mut names = words.filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    names.any(|name| !LISTING.contains(&name) && (name != "sss" || has_sssd))
}

/// Whether it is the account of a person, as far as its number tells, or root's.
pub(crate) fn is_person(uid: u32, uid_min: u32) -> bool {
    uid == 0 || (uid >= uid_min && uid != NOBODY)
}

fn row(path: &Path) -> Row {
    Row::of_nobody(FoundAt { file: path.to_owned(), line: None })
}

/// Device and inode of a folder; none if there is no folder.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|about| (about.dev(), about.ino()))
}

/// The account called `name`, by its own name.
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
    fn tells_people_from_system_accounts_by_uid() {
        let people = [0, 999, 1000, 70001, NOBODY].map(|uid| is_person(uid, 1000));
        assert_eq!(people, [true, false, true, true, false]);
    }
}
