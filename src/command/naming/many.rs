//! Many users: `NAME...`, `--user NAME`, `--group GROUP`, `--file FILE`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use twostep_core::os::names::Names;

use crate::administrator::unknown;
use crate::caller::check_own;
use crate::candidates::{groups, users};
use crate::failure::Failure;
use crate::subject::Subject;
use crate::words::{frame, naming as words};

use super::file;
use super::group;

/// Any number of users.
#[derive(clap::Args)]
pub(crate) struct ManyUsers {
    /// The users
    #[arg(value_name = "NAME", add = users())]
    names: Vec<String>,
    /// The same as NAME
    #[arg(long = "user", value_name = "NAME", add = users())]
    users: Vec<String>,
    /// All members of this group
    #[arg(long = "group", value_name = "GROUP", add = groups())]
    groups: Vec<String>,
    /// All users in FILE, one name a line; - is standard input
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A user whom the arguments name.
pub(crate) struct Found<S> {
    /// The name, as it was given.
    pub name: String,
    /// What it stands for. A group may have a member that is no user.
    pub subject: Result<S, Failure>,
}

/// The users found so far, each once.
struct Finds<S> {
    found: Vec<Found<S>>,
    /// The uid of each, or the name of one that is no user.
    known: BTreeSet<Result<u32, String>>,
}

impl ManyUsers {
    /// Whether a list is named, even if it has one user. Its output has the form for several.
    pub(crate) fn is_list(&self) -> bool {
        !self.groups.is_empty() || !self.files.is_empty() || self.by_name().count() > 1
    }

    /// Whether no user, group or file is named.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_list() && self.by_name().next().is_none()
    }

    /// All users, each once, in the order in which they are named. Fails if a name of the command line or of a file is
    /// unknown, and if a group or a file cannot be read: then nothing has been done.
    pub(crate) fn find<S: Subject>(&self, names: &Names) -> Result<Vec<Found<S>>, Failure> {
        let mut finds = Finds { found: Vec::new(), known: BTreeSet::new() };
        for name in self.by_name() {
            let subject = S::find(name, names)?.ok_or_else(|| unknown(name))?;
            finds.add(name.to_owned(), Ok(subject));
        }
        for group in &self.groups {
            for name in group::members(group)? {
                let subject = S::find(&name, names)?;
                let subject = subject.ok_or_else(|| group::unknown_member(group, &name));
                finds.add(name, subject);
            }
        }
        for file in &self.files {
            for (name, subject) in file::subjects(file, names)? {
                finds.add(name, Ok(subject));
            }
        }
        if finds.found.is_empty() {
            return Err(Failure::refused(words::NO_USER_IN_IT, words::NO_USER_IN_IT_THEN));
        }
        Ok(finds.found)
    }

    /// Fails if a user who is not root names another one.
    pub(crate) fn check_own(&self) -> Result<(), Failure> {
        if !self.groups.is_empty() || !self.files.is_empty() {
            return Err(Failure::refused(frame::ONLY_ROOT_FOR_OTHERS, frame::ONLY_ROOT_FOR_OTHERS_THEN));
        }
        self.by_name().try_for_each(|name| check_own(Some(name)))
    }

    fn by_name(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(&self.users).map(String::as_str)
    }
}

impl<S: Subject> Finds<S> {
    fn add(&mut self, name: String, subject: Result<S, Failure>) {
        let key = subject.as_ref().map(|subject| subject.target().uid).map_err(|_| name.clone());
        if self.known.insert(key) {
            self.found.push(Found { name, subject });
        }
    }
}
