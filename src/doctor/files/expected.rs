//! What a file or directory must be, and what makes it so.

use std::borrow::Cow;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use nix::unistd::Uid;
use twostep_core::os::root::Root;
use twostep_hostconf::location::Location;
use twostep_hostconf::tree::is_denied;

use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What follows where nobody can be judged.
pub(crate) const EVERYBODY: &str = "Every login that twostep guards is refused.";

/// Who must own it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    uid: u32,
    /// As chown takes it.
    name: Cow<'static, str>,
}

impl Owner {
    /// root, who may own what lies above.
    pub(crate) const ROOT: Self = Self { uid: 0, name: Cow::Borrowed("root") };

    /// The owner of everything that is not the store.
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
    /// A regular file that must have no other name.
    Secret,
}

/// What must hold of one path.
pub(crate) struct Expected {
    /// The path, as the machine names it.
    pub path: String,
    pub kind: Kind,
    /// Whose it may be; the first one is whose it should be.
    pub owners: Vec<Owner>,
    /// The bits of the mode that must not be set.
    pub forbidden: u32,
    /// What follows if it is not so.
    pub why: String,
    /// The command that makes it; none if it need not be there.
    pub make: Option<String>,
    /// What else is to be said if it is not there.
    pub lost: &'static str,
}

impl Expected {
    /// What is wrong with it.
    pub(crate) fn judge(&self, context: &Context<'_>) -> Vec<Finding> {
        match fs::symlink_metadata(context.root.path(&self.path)) {
            Ok(found) if self.is_of_kind(&found) => {
                [self.judge_owner(&found), self.judge_mode(&found), self.judge_names(&found)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Ok(_) => vec![self.of_another_kind()],
            Err(error) if error.kind() == ErrorKind::NotFound => self.missing().into_iter().collect(),
            Err(error) if is_denied(&error) && context.visibility == Visibility::Public => Vec::new(),
            Err(error) => {
                let what = format!("it cannot be looked at: {error}");
                vec![odd(
                    Id::FilesCannotBeRead,
                    &self.path,
                    what,
                    &self.why,
                    "The disk or its mount may be at fault: 'dmesg' says more.",
                )]
            }
        }
    }

    fn is_of_kind(&self, found: &Metadata) -> bool {
        match self.kind {
            Kind::Directory => found.is_dir(),
            Kind::File | Kind::Secret => found.is_file(),
        }
    }

    fn of_another_kind(&self) -> Finding {
        let kind = match self.kind {
            Kind::Directory => "a directory",
            Kind::File | Kind::Secret => "a regular file",
        };
        odd(
            Id::FilesWrongType,
            &self.path,
            format!("it is not {kind}"),
            &self.why,
            format!("Put {kind} in its place."),
        )
    }

    fn missing(&self) -> Option<Finding> {
        let command = self.make.clone()?;
        let why = format!("{}{}", self.why, self.lost);
        Some(Finding::problem(
            Id::FilesMissing,
            Location::file(&self.path),
            "it is missing",
            why,
            Remedy::Run { command },
        ))
    }

    fn judge_owner(&self, found: &Metadata) -> Option<Finding> {
        let should = self.owners.first()?;
        let wrong = !self.owners.iter().any(|owner| owner.uid == found.uid());
        let what = format!("it belongs to uid {}, not to {}", found.uid(), should.name);
        wrong.then(|| {
            self.problem(Id::FilesWrongOwner, what, Remedy::Run { command: should.chown(&self.path) })
        })
    }

    fn judge_mode(&self, found: &Metadata) -> Option<Finding> {
        let mode = found.mode() & 0o7777;
        let (what, change) = match self.forbidden {
            0o022 => ("its group or others can change it", "go-w"),
            _ => ("its group or others can use it", "go-rwx"),
        };
        let command = format!("chmod {change} {}", self.path);
        (mode & self.forbidden != 0).then(|| {
            self.problem(Id::FilesOpenToOthers, format!("{what} (mode {mode:04o})"), Remedy::Run { command })
        })
    }

    /// A second name would let somebody put it back later, or read it elsewhere. A copy in its place has one name.
    fn judge_names(&self, found: &Metadata) -> Option<Finding> {
        let (dir, name) = self.path.rsplit_once('/')?;
        let copy = format!("{dir}/.{name}.new");
        let command = format!("cp -p {0} {copy} && mv {copy} {0}", self.path);
        (self.kind == Kind::Secret && found.nlink() > 1).then(|| {
            self.problem(
                Id::FilesHardLinks,
                "it has more than one name (hard links)",
                Remedy::Run { command },
            )
        })
    }

    fn problem(&self, id: Id, what: impl Into<String>, remedy: Remedy) -> Finding {
        Finding::problem(id, Location::file(&self.path), what, &self.why, remedy)
    }
}

/// What is wrong with the first of `chain` with which something is: what lies below cannot be judged.
pub(crate) fn first_of(context: &Context<'_>, chain: &[Expected]) -> Vec<Finding> {
    let mut findings = chain.iter().map(|expected| expected.judge(context));
    findings.find(|found| !found.is_empty()).unwrap_or_default()
}

/// What is closed to programs that are not root, and that they need. If one of several is found, what lies below comes later.
pub(crate) fn closed(root: &Root, path: &str, why: &str) -> Option<Finding> {
    let found = fs::symlink_metadata(root.path(path)).ok()?;
    let (bit, what, change) = if found.is_dir() { (0o001, "enter", "o+x") } else { (0o004, "read", "o+r") };
    let mode = found.mode() & 0o7777;
    let remedy = Remedy::Run { command: format!("chmod {change} {path}") };
    (mode & bit == 0).then(|| {
        let what = format!("only root and its group can {what} it (mode {mode:04o})");
        Finding::warning(Id::FilesClosedToOthers, Location::file(path), what, why, remedy)
    })
}

/// What only a person can decide about `path`.
pub(crate) fn odd(
    id: Id,
    path: &str,
    what: impl Into<String>,
    why: impl Into<String>,
    advice: impl Into<String>,
) -> Finding {
    Finding::problem(id, Location::file(path), what, why, Remedy::Advice { text: advice.into() })
}
