//! Where libpam finds its files on a machine, and what is in them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use twostep_core::os::root::Root;
use twostep_core::paths::{DEBIAN_PAM_DIRS, PAM_CONF, PAM_DIRS};

use super::library::Library;
use crate::location::Location;
use crate::tree::{self, is_denied, is_hidden};

/// The suffixes of files that packages and editors leave behind. No program uses them as services.
const LEFTOVERS: [&str; 13] = [
    "~",
    ".bak",
    ".orig",
    ".old",
    ".save",
    ".swp",
    ".rpmnew",
    ".rpmsave",
    ".pacnew",
    ".dpkg-old",
    ".pam-old",
    ".dpkg-dist",
    ".dpkg-new",
];

/// Releases of Debian up to this one include files of the first directory alone.
const LAST_OLD_INCLUDE: u32 = 13;
/// What their testing called itself, and what is made of it.
const OLD_INCLUDE: [&str; 5] = ["buster", "bullseye", "bookworm", "trixie", "stretch"];

/// The files of one machine.
pub struct Files<'a> {
    root: &'a Root,
    library: Library<'a>,
    /// Whether libpam is Debian's, which alone knows `@include`.
    debian: bool,
    /// The directories of service files, the first one first.
    directories: Vec<&'static str>,
    /// How many of them are searched for a file that another includes.
    included: usize,
    hides: Cell<bool>,
    /// Texts that count in place of what the machine has, by the path to which the file's links lead.
    changed: BTreeMap<PathBuf, String>,
}

/// A text that libpam reads.
pub struct Text {
    /// The file, as the machine names it.
    pub file: String,
    /// What is in it.
    pub text: String,
    /// The service whose lines count, if each line begins with its service.
    pub service: Option<String>,
}

impl<'a> Files<'a> {
    /// The files below `root`.
    pub fn new(root: &'a Root) -> Self {
        let debian = root.path("/etc/debian_version").exists();
        let usual = if debian { DEBIAN_PAM_DIRS } else { PAM_DIRS };
        let library = Library::of(root, debian);
        let built_for = library.service_directories();
        let directories = built_for.unwrap_or_else(|| usual.to_vec());
        let version = tree::text(root, "/etc/debian_version").unwrap_or_default();
        let included = if debian && includes_from_first(&version) { 1 } else { directories.len() };
        let (hides, changed) = (Cell::new(false), BTreeMap::new());
        Self { root, library, debian, directories, included, hides, changed }
    }

    /// The same files as they would be with `text` in `file`. Nothing is written.
    #[must_use]
    pub fn with(mut self, file: &str, text: String) -> Self {
        if let Some(path) = self.resolve(file) {
            self.changed.insert(path, text);
        }
        self
    }

    /// The text of `file`, which the machine names by its whole path; none if it cannot be read.
    pub fn text(&self, file: &str) -> Option<String> {
        self.read(file.to_owned()).map(|text| text.text)
    }

    /// Whether something is at this path.
    pub fn has(&self, file: &str) -> bool {
        self.resolve(file).is_some_and(|path| self.changed.contains_key(&path) || path.exists())
    }

    /// libpam and its modules.
    pub fn library(&self) -> &Library<'a> {
        &self.library
    }

    /// Whether something that libpam reads could not be read so far, for want of permission.
    pub fn hides(&self) -> bool {
        self.hides.get()
    }

    /// What `read` returns, and whether something that it looked for could not be read, for want of permission.
    pub fn watch<T>(&self, read: impl FnOnce() -> T) -> (T, bool) {
        let before = self.hides.replace(false);
        let read = read();
        let hides = self.hides.replace(before || self.hides.get());
        (read, hides)
    }

    /// The root below which all files of this machine are.
    pub fn root(&self) -> &Root {
        self.root
    }

    /// Whether libpam knows `@include`.
    pub fn knows_at_include(&self) -> bool {
        self.debian
    }

    /// The directories of service files, the first one first.
    pub fn directories(&self) -> &[&'static str] {
        &self.directories
    }

    /// The names of all service files, those included that only others include.
    pub fn names(&self) -> BTreeSet<String> {
        if !self.has_directory() {
            return self.names_in_pam_conf();
        }
        let folders = self.directories().iter().filter_map(|folder| self.listed(folder));
        let names = folders.flatten().flatten().filter_map(|item| item.file_name().into_string().ok());
        names
            .filter(|name| !LEFTOVERS.iter().any(|end| name.ends_with(end)) && !name.starts_with('.'))
            .collect()
    }

    /// Paths of services that are not regular files.
    pub fn unreadable(&self) -> Vec<String> {
        let Some(folder) = self.directories().first() else { return Vec::new() };
        let paths = self.names().into_iter().map(|name| format!("{folder}/{name}"));
        let is_odd = |path: &String| {
            let is_there = fs::symlink_metadata(self.root.path(path)).is_ok();
            is_there && !self.resolve(path).is_some_and(|file| file.is_file() || file.is_dir())
        };
        paths.filter(is_odd).collect()
    }

    /// The file of the service or, for a name that begins with `/`, that file.
    pub fn open(&self, name: &str) -> Option<Text> {
        if !self.has_directory() && !name.starts_with('/') {
            return self.open_pam_conf(name);
        }
        self.open_in(&self.directories, name)
    }

    /// The file that a line includes by this name.
    pub(super) fn open_included(&self, name: &str) -> Option<Text> {
        if !self.has_directory() && !name.starts_with('/') {
            return self.open_pam_conf(name);
        }
        self.open_in(self.directories.get(..self.included).unwrap_or_default(), name)
    }

    fn open_in(&self, directories: &[&str], name: &str) -> Option<Text> {
        if name.starts_with('/') {
            return self.read(name.to_owned());
        }
        directories.iter().find_map(|folder| self.read(format!("{folder}/{name}")))
    }

    /// The line after `location`; the end of the file if there is none.
    pub fn after(&self, location: &Location) -> Location {
        let last = location.through.or(location.line).unwrap_or(0);
        let lines = self.read(location.file.clone()).map_or(0, |text| text.text.lines().count());
        if last < lines {
            Location::line(&location.file, last.saturating_add(1))
        } else {
            Location::file(&location.file)
        }
    }

    /// The real place of `path`. Links are followed below the root, and never out of it.
    pub fn resolve(&self, path: &str) -> Option<PathBuf> {
        tree::resolve(self.root, path)
    }

    fn has_directory(&self) -> bool {
        self.directories().iter().any(|folder| self.root.path(folder).is_dir())
    }

    fn listed(&self, folder: &str) -> Option<fs::ReadDir> {
        let listed = fs::read_dir(self.root.path(folder));
        if listed.as_ref().is_err_and(is_denied) {
            self.hides.set(true);
        }
        listed.ok()
    }

    fn read(&self, file: String) -> Option<Text> {
        let path = self.resolve(&file)?;
        if let Some(text) = self.changed.get(&path) {
            return Some(Text { text: text.clone(), file, service: None });
        }
        let Some(text) = tree::text_of(&path) else {
            self.hides.set(self.hides() || is_hidden(&path));
            return None;
        };
        Some(Text { text, file, service: None })
    }

    fn open_pam_conf(&self, service: &str) -> Option<Text> {
        self.read(PAM_CONF.to_owned()).map(|text| Text { service: Some(service.to_owned()), ..text })
    }

    fn names_in_pam_conf(&self) -> BTreeSet<String> {
        let text = self.read(PAM_CONF.to_owned()).map(|text| text.text).unwrap_or_default();
        let lines = twostep_core::pam::line::logical_lines(&text).0;
        lines.iter().filter_map(|line| line.text.split_whitespace().next()).map(str::to_lowercase).collect()
    }
}

/// Whether Debian's libpam of this release, as /etc/debian_version names it, looks for what a line includes in the first
/// directory alone.
fn includes_from_first(version: &str) -> bool {
    let word = version.trim().split(['.', '/']).next().unwrap_or_default();
    word.parse().map_or_else(|_| OLD_INCLUDE.contains(&word), |number: u32| number <= LAST_OLD_INCLUDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_release_that_includes_from_first_directory() {
        for old in ["12.11\n", "13.2", "10", "trixie/sid", "bookworm/sid\n"] {
            assert!(includes_from_first(old), "{old}");
        }
        for new in ["14.0", "forky/sid", "", "kali-rolling"] {
            assert!(!includes_from_first(new), "{new}");
        }
    }
}
