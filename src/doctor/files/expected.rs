//! What must hold of a file or directory, and the remedy if it does not.

use std::borrow::Cow;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use nix::unistd::Uid;
use twostep_core::os::root::Root;
use twostep_hostconf::tree::is_denied;

use super::findings::{self, Harm, Loss};
use crate::context::{Context, Visibility};
use crate::finding::Finding;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    uid: u32,
    /// As chown takes it.
    name: Cow<'static, str>,
}

impl Owner {
    /// root, who may own the directories above.
    pub(crate) const ROOT: Self = Self { uid: 0, name: Cow::Borrowed("root") };

    /// The owner of all files outside of the store.
    pub(crate) fn system(uid: Uid) -> Self {
        if uid.is_root() { Self::ROOT } else { Self { uid: uid.as_raw(), name: uid.to_string().into() } }
    }

    /// The owner of the store: the account, except below another root.
    pub(crate) fn store(root: &Root, uid: Uid) -> Self {
        let name = if root.is_machine() { "twostep".into() } else { Self::system(uid).name };
        Self { uid: uid.as_raw(), name }
    }

    /// The command that gives `path` to this owner, and to the group of the same name if there is one.
    fn chown(&self, path: &str) -> String {
        let Self { name, .. } = self;
        let group = if name.parse::<u32>().is_ok() { String::new() } else { format!(":{name}") };
        format!("chown -h {name}{group} {path}")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Directory,
    File,
    /// A regular file that must have no other name (hard link).
    Secret,
}

pub(crate) struct Expected {
    /// The path, as the machine names it.
    pub path: String,
    pub kind: Kind,
    /// The allowed owners; the remedy gives it to the first.
    pub owners: Vec<Owner>,
    /// The bits of the mode that must not be set.
    pub forbidden: u32,
    pub harm: Harm,
    /// The command that creates it; none if it may be missing.
    pub make: Option<String>,
    /// What a new one does not have.
    pub loss: Loss,
}

impl Expected {
    pub(crate) fn judge(&self, context: &Context<'_>) -> Vec<Finding> {
        match fs::symlink_metadata(context.root.path(&self.path)) {
            Ok(found) if self.is_of_kind(&found) => {
                [self.judge_owner(&found), self.judge_mode(&found), self.judge_names(&found)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Ok(found) => vec![self.wrong_type(&found)],
            Err(error) if error.kind() == ErrorKind::NotFound => self.missing().into_iter().collect(),
            Err(error) if is_denied(&error) && context.visibility == Visibility::Public => Vec::new(),
            Err(error) => vec![findings::cannot_be_read(&self.path, &self.harm, &error)],
        }
    }

    fn is_of_kind(&self, found: &Metadata) -> bool {
        match self.kind {
            Kind::Directory => found.is_dir(),
            Kind::File | Kind::Secret => found.is_file(),
        }
    }

    fn wrong_type(&self, found: &Metadata) -> Finding {
        findings::wrong_type(&self.path, &self.harm, found.is_symlink(), self.kind == Kind::Directory)
    }

    fn missing(&self) -> Option<Finding> {
        Some(findings::missing(&self.path, &self.harm, self.loss, self.make.clone()?))
    }

    fn judge_owner(&self, found: &Metadata) -> Option<Finding> {
        let wanted = self.owners.first()?;
        let is_right = self.owners.iter().any(|owner| owner.uid == found.uid());
        let command = wanted.chown(&self.path);
        (!is_right).then(|| findings::wrong_owner(&self.path, &self.harm, found.uid(), &wanted.name, command))
    }

    fn judge_mode(&self, found: &Metadata) -> Option<Finding> {
        let mode = found.mode() & 0o7777;
        let (can_change, change) = if self.forbidden == 0o022 { (true, "go-w") } else { (false, "go-rwx") };
        let command = format!("chmod {change} {}", self.path);
        (mode & self.forbidden != 0)
            .then(|| findings::open_to_others(&self.path, &self.harm, can_change, mode, command))
    }

    /// By a second name, the file could be put back later or read elsewhere. A copy has one name.
    fn judge_names(&self, found: &Metadata) -> Option<Finding> {
        let (dir, name) = self.path.rsplit_once('/')?;
        let copy = format!("{dir}/.{name}.new");
        let command = format!("cp -p {0} {copy} && mv {copy} {0}", self.path);
        (self.kind == Kind::Secret && found.nlink() > 1)
            .then(|| findings::hard_links(&self.path, &self.harm, command))
    }
}

/// The findings on the first of `chain` that has some: the paths below cannot be judged.
pub(crate) fn first_of(context: &Context<'_>, chain: &[Expected]) -> Vec<Finding> {
    let mut findings = chain.iter().map(|expected| expected.judge(context));
    findings.find(|found| !found.is_empty()).unwrap_or_default()
}

/// The mode of a file or directory that other users cannot read or enter, and whether it is a directory.
pub(crate) fn closed(root: &Root, path: &str) -> Option<(bool, u32)> {
    let found = fs::symlink_metadata(root.path(path)).ok()?;
    let bit = if found.is_dir() { 0o001 } else { 0o004 };
    let mode = found.mode() & 0o7777;
    (mode & bit == 0).then_some((found.is_dir(), mode))
}
