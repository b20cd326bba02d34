//! Where libpam finds its files on a machine, and what is in them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use twostep_core::os::root::Root;
use twostep_core::paths::{DEBIAN_PAM_DIRS, PAM_CONF, PAM_DIRS};

use crate::location::Location;
use crate::tree::{self, is_denied, is_hidden};

/// What packages and editors leave behind, and no program asks for.
const LEFTOVERS: [&str; 12] = [
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
    ".dpkg-dist",
    ".dpkg-new",
];

/// More links than these, one after the other, are a circle.
const MOST_LINKS: usize = 16;

/// The files of one machine.
pub struct Files<'a> {
    root: &'a Root,
    /// Whether libpam is Debian's, which alone knows `@include`.
    debian: bool,
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
        Self {
            root,
            debian: root.path("/etc/debian_version").exists(),
            hides: Cell::new(false),
            changed: BTreeMap::new(),
        }
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

    /// Whether something that libpam reads could not be read so far, for want of permission.
    pub fn hides(&self) -> bool {
        self.hides.get()
    }

    /// Where all files of this machine lie.
    pub fn root(&self) -> &Root {
        self.root
    }

    /// Whether libpam knows `@include`.
    pub fn knows_at_include(&self) -> bool {
        self.debian
    }

    /// The directories of service files, the first one first.
    pub fn directories(&self) -> &'static [&'static str] {
        if self.debian { DEBIAN_PAM_DIRS } else { PAM_DIRS }
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

    /// What lies where a service's file should, and is none.
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
        if name.starts_with('/') {
            return self.read(name.to_owned());
        }
        if !self.has_directory() {
            return self.open_pam_conf(name);
        }
        self.directories().iter().find_map(|folder| self.read(format!("{folder}/{name}")))
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

    /// Where `path` lies, its links followed below the root and not out of it.
    pub fn resolve(&self, path: &str) -> Option<PathBuf> {
        let (mut wanted, mut links) = (PathBuf::from(path), 0_usize);
        'again: loop {
            let mut found = PathBuf::from("/");
            let mut parts = wanted.components();
            while let Some(part) = parts.next() {
                let here = step(&found, part);
                if let Ok(target) = fs::read_link(self.root.path(here.to_str()?)) {
                    links = links.saturating_add(1);
                    wanted = found.join(target).join(parts.as_path());
                    if links > MOST_LINKS {
                        return None;
                    }
                    continue 'again;
                }
                found = here;
            }
            return Some(self.root.path(found.to_str()?));
        }
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

fn step(from: &Path, part: Component<'_>) -> PathBuf {
    match part {
        Component::ParentDir => from.parent().unwrap_or(from).to_owned(),
        Component::RootDir | Component::Prefix(_) | Component::CurDir => from.to_owned(),
        Component::Normal(name) => from.join(name),
    }
}
