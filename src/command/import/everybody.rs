//! Whose files there may be: the accounts that the name service lists, and those that folders and files tell of, because a
//! directory service need not list its accounts. What could not be found out is a row of the report.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use twostep_core::fault::Fault;
use twostep_core::os::account;
use twostep_core::os::root::Root;
use twostep_core::os::user_list;

use super::found::FoundAt;
use super::homes::{RETIRED, user_called, user_with};
use super::report::{Outcome, Row};
use super::secret_path::SecretPath;

/// Where homes are, whoever is listed.
const HOME: &str = "/home";
const NSSWITCH: &str = "/etc/nsswitch.conf";
/// The sources of the name service that list all their accounts (nsswitch.conf(5), nss-systemd(8)).
const LISTING: [&str; 5] = ["files", "compat", "db", "systemd", "altfiles"];
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
    /// Device and inode of the homes of `users`.
    homes: BTreeSet<(u64, u64)>,
}

impl<'a> Everybody<'a> {
    /// All who can be found, for files that are where `secret` says.
    pub(crate) fn find(root: &'a Root, secret: &'a SecretPath, uid_min: u32) -> Result<Self, Fault> {
        let (users, rows, homes) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut all = Self { root, secret, users, rows, homes };
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
        if !self.users.iter().any(|other| (other.uid, &other.name) == (user.uid, &user.name)) {
            self.homes.extend(identity(&self.path(&user.dir)));
            self.users.push(user);
        }
    }

    /// A directory service that lists none of its accounts: who has no home that is found has been left out.
    fn unlisted(&self) -> Result<Option<Row>, Fault> {
        let text = fs::read_to_string(self.root.path(NSSWITCH)).unwrap_or_default();
        let source = (1..).zip(text.lines()).find(|(_, line)| {
            let sources = line.trim_start().strip_prefix("passwd:").unwrap_or_default();
            let sources = sources.split('#').next().unwrap_or_default().split_whitespace();
            // Between brackets stand actions: [NOTFOUND=return].
            let mut names =
                sources.filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
            names.any(|name| !LISTING.contains(&name))
        });
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

    /// The folders that homes of people are in, and whether each has enough of them to tell of what else is there. A folder in
    /// another of them is looked into with that.
    fn folders_of_homes(&self, uid_min: u32) -> Vec<(PathBuf, bool)> {
        let people =
            self.users.iter().filter(|user| !user.uid.is_root() && is_person(user.uid.as_raw(), uid_min));
        let parents: Vec<&Path> = people.filter_map(|user| user.dir.parent()).collect();
        let mut folders: BTreeSet<&Path> =
            parents.iter().copied().filter(|path| *path != Path::new("/")).collect();
        folders.insert(Path::new(HOME));
        let outer =
            folders.iter().filter(|path| path.parent().is_none_or(|parent| !folders.contains(parent)));
        outer
            .map(|path| {
                let homes = parents.iter().filter(|parent| *parent == path).count();
                (path.to_path_buf(), *path == Path::new(HOME) || homes >= 2)
            })
            .collect()
    }

    /// Finds out whose homes the folders in `folder` are, and those in them where it `descends`. Returns whether any is
    /// somebody's.
    fn look_for_homes(&mut self, folder: &Path, descends: bool, tells: bool) -> bool {
        let entries = match fs::read_dir(self.path(folder)) {
            Ok(entries) => entries.flatten().map(|entry| folder.join(entry.file_name())),
            Err(error) if error.kind() == ErrorKind::NotFound => return false,
            Err(error) => {
                self.rows.push(row(folder).not_looked_at(&format!("it cannot be listed: {error}")));
                return false;
            }
        };
        let mut others = Vec::new();
        let mut has_homes = false;
        for path in entries.filter(|path| !path.ends_with(LOST_FOUND)).collect::<BTreeSet<_>>() {
            let met = self.meet(&path);
            let Some(identity) = identity(&self.path(&path)) else { continue };
            if self.homes.contains(&identity) {
                has_homes = true;
            } else if let Some(problem) = met.err().map(|fault| fault.0).or_else(|| self.stray_file(&path)) {
                self.rows.push(row(&path).not_looked_at(&problem));
                has_homes = true;
            } else if descends && self.look_for_homes(&path, false, tells) {
                has_homes = true;
            } else {
                others.push(path);
            }
        }
        if tells && (has_homes || descends) {
            self.rows.extend(others.iter().map(|path| row(path).with(Outcome::NobodysHome)));
        }
        has_homes
    }

    /// Adds the account after which a folder is called, and the one that owns it.
    fn meet(&mut self, path: &Path) -> Result<(), Fault> {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            user_called(name)?.into_iter().for_each(|user| self.add(user));
        }
        if let Ok(about) = fs::metadata(self.path(path)) {
            user_with(about.uid())?.into_iter().for_each(|user| self.add(user));
        }
        Ok(())
    }

    /// What is wrong with a folder that is nobody's home, if somebody's file is in it.
    fn stray_file(&self, folder: &Path) -> Option<String> {
        match fs::symlink_metadata(self.path(folder).join(self.secret.below_home()?)) {
            Ok(about) => match user_with(about.uid()) {
                // Theirs is looked at; root's may be anybody's.
                Ok(Some(user)) if !user.uid.is_root() => None,
                Ok(_) => Some(format!("it is no account's home, and has a file of uid {}", about.uid())),
                Err(fault) => Some(fault.0),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => Some(format!("it cannot be looked into: {error}")),
        }
    }

    /// Finds out whose the files in `folder` are, each of which is called after its user.
    fn look_for_files(&mut self, folder: &str, start: &str, end: &str) {
        let folder = Path::new(folder);
        let entries = match fs::read_dir(self.path(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                return self.rows.push(row(folder).not_looked_at(&format!("it cannot be listed: {error}")));
            }
        };
        let names: BTreeSet<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        for file in names.iter().filter(|file| !file.ends_with(RETIRED)) {
            let Some(name) = file.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
                continue;
            };
            match user_called(name) {
                Ok(Some(user)) => self.add(user),
                Ok(None) => {
                    self.rows.push(row(&folder.join(file)).not_looked_at("no account is called so"));
                }
                Err(fault) => self.rows.push(row(&folder.join(file)).not_looked_at(&fault.0)),
            }
        }
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.root.path(&path.to_string_lossy())
    }
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
