//! Which files change so that services ask for a code, or no longer do.

mod pam;
mod remedies;
mod sshd;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use twostep_core::fault::{Fault, FileProblem};
use twostep_core::os::root::Root;
use twostep_doctor::context::Context;
use twostep_doctor::draft::{FirstFactor, NoDraft, Step};
use twostep_doctor::finding::Finding;
use twostep_hostconf::tree;

use crate::file::{self, Attributes, Content};
use crate::marks::{self, DamagedBlock};

/// The service whose settings are sshd's, too.
const SSHD: &str = "sshd";

/// The reason for the argument `awaiting_keep`.
const AWAITS_KEEP: &str = "awaiting_keep tells users who log in to run 'twostep keep', which removes it.";

/// What changes, and why.
#[derive(Debug)]
pub struct Plan {
    /// The services, as PAM names them: those that were named, and those that belong to them.
    pub services: BTreeSet<String>,
    /// The files that change; none if everything is already so.
    pub files: Vec<FileChange>,
    /// The reasons, in the order in which the lines were written.
    pub steps: Vec<Step>,
}

/// A file before and after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileChange {
    /// The file, as the machine names it, without links.
    pub path: String,
    /// None if there is none.
    pub old: Option<Content>,
    /// None if it is removed.
    pub new: Option<Content>,
}

impl FileChange {
    /// Has the new lines tell that the change waits. Returns the reason, if there is such a line.
    fn await_keep(&mut self) -> Option<Step> {
        let new = self.new.as_mut()?;
        let text = str::from_utf8(&new.bytes).ok()?;
        let waiting = marks::awaiting_keep(text);
        (waiting != text).then(|| {
            new.bytes = waiting.into_bytes();
            Step { file: self.path.clone(), why: AWAITS_KEEP.to_owned() }
        })
    }
}

/// Why there is no plan. The text is what is wrong, in one line or more.
#[derive(Debug)]
pub enum NoPlan {
    /// A service cannot ask for a code as it is.
    Draft(NoDraft),
    /// A file cannot be read or changed.
    Fault(Fault),
    /// The lines of twostep in a file were changed by hand.
    Damaged(String, DamagedBlock),
    /// The file is not text.
    NotText(String),
    /// The lines of twostep were written by hand, so that it is not known what was there before.
    ByHand { service: String, file: String },
    /// sshd's settings cannot be changed.
    Sshd(SshdObstacle),
}

/// Why sshd's settings are not changed.
#[derive(Debug)]
pub enum SshdObstacle {
    /// sshd has no file of settings.
    NoFile,
    /// The command line of sshd sets what would have to be set in its file.
    OnCommandLine { place: String, keyword: String },
}

impl Display for NoPlan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft(reason) => write!(f, "{reason}"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Damaged(file, block) => write!(f, "{file}, {block}"),
            Self::NotText(file) => write!(f, "{file} is not UTF-8 text"),
            Self::ByHand { service, file } => write!(
                f,
                "{file} has pam_twostep lines that were written by hand; delete them there, or run 'twostep enable {service}' \
                 first"
            ),
            Self::Sshd(obstacle) => write!(f, "{obstacle}"),
        }
    }
}

impl Display for SshdObstacle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => f.write_str("sshd has no file of settings that could be changed"),
            Self::OnCommandLine { place, keyword } => {
                write!(
                    f,
                    "{place} sets {keyword} on the command line of sshd, which no file can change; remove it there"
                )
            }
        }
    }
}

impl From<NoDraft> for NoPlan {
    fn from(reason: NoDraft) -> Self {
        Self::Draft(reason)
    }
}

impl From<Fault> for NoPlan {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<SshdObstacle> for NoPlan {
    fn from(obstacle: SshdObstacle) -> Self {
        Self::Sshd(obstacle)
    }
}

impl Plan {
    /// The plan by which these services ask for a code: sshd after this first factor, the others after a password. If it `waits`, the
    /// new lines tell who logs in to keep it.
    pub fn enable(
        context: &Context<'_>,
        names: &[String],
        first: FirstFactor,
        waits: bool,
    ) -> Result<Self, NoPlan> {
        let mut files = Files::new(context.root);
        let of_sshd = named(context.root, &[SSHD.to_owned()]);
        let first_of = |name: &str| if of_sshd.contains(name) { first } else { FirstFactor::Password };
        let (mut services, mut steps) =
            pam::enable(context, &mut files, &named(context.root, names), first_of)?;
        if names.iter().any(|name| name == SSHD) {
            services.insert(SSHD.to_owned());
            steps.extend(sshd::enable(context.root, &mut files, first)?);
        }
        let mut files = files.changes()?;
        if waits {
            steps.extend(files.iter_mut().filter_map(FileChange::await_keep));
        }
        Ok(Self { services, files, steps })
    }

    /// The plan that applies doctor's remedies, and the findings that are gone then. The others need an administrator.
    pub fn fix(
        context: &Context<'_>,
        findings: &[Finding],
        waits: bool,
    ) -> Result<(Self, Vec<Finding>), NoPlan> {
        let mut files = Files::new(context.root);
        let remedies::Fixed { services, mut steps, findings } = remedies::fix(context, &mut files, findings)?;
        let mut files = files.changes()?;
        if waits {
            steps.extend(files.iter_mut().filter_map(FileChange::await_keep));
        }
        Ok((Self { services, files, steps }, findings))
    }

    /// The plan that takes all lines of twostep out of these services again.
    pub fn disable(root: &Root, names: &[String]) -> Result<Self, NoPlan> {
        let mut files = Files::new(root);
        let services = pam::disable(root, &mut files, &named(root, names))?;
        if names.iter().any(|name| name == SSHD) {
            sshd::disable(root, &mut files)?;
        }
        Ok(Self { services, files: files.changes()?, steps: Vec::new() })
    }

    /// Whether everything is already so.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// The PAM services of these names: sshd may use others.
fn named(root: &Root, names: &[String]) -> BTreeSet<String> {
    let mut services: BTreeSet<String> = names.iter().cloned().collect();
    if services.contains(SSHD) {
        services.extend(twostep_hostconf::sshd::services::services(root));
    }
    services
}

/// The files that a plan reads and changes.
struct Files<'a> {
    root: &'a Root,
    /// What was read, by the path without links.
    read: BTreeMap<String, Option<Content>>,
    /// The new texts; none for a file that is removed.
    new: BTreeMap<String, Option<String>>,
}

impl<'a> Files<'a> {
    fn new(root: &'a Root) -> Self {
        Self { root, read: BTreeMap::new(), new: BTreeMap::new() }
    }

    /// The text of a file as it is on the disk; none if there is none.
    fn text(&mut self, path: &str) -> Result<Option<String>, NoPlan> {
        let path = self.real(path)?;
        if !self.read.contains_key(&path) {
            let content = file::read(&self.root.path(&path))?;
            self.read.insert(path.clone(), content);
        }
        let content = self.read.get(&path).and_then(Option::as_ref);
        let text = content.map(|content| String::from_utf8(content.bytes.clone()));
        text.transpose().map_err(|_| NoPlan::NotText(path))
    }

    /// The text of a file without what twostep added; none if twostep made the file, or there is none.
    fn base(&mut self, path: &str) -> Result<Option<String>, NoPlan> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let damaged = |block| NoPlan::Damaged(path.to_owned(), block);
        match marks::unmark(&text).map_err(damaged)? {
            Some(base) => Ok(Some(base).filter(|base| !base.trim().is_empty())),
            None => Ok(Some(text)),
        }
    }

    fn set(&mut self, path: &str, text: Option<String>) -> Result<(), NoPlan> {
        let path = self.real(path)?;
        self.text(&path)?;
        self.new.insert(path, text);
        Ok(())
    }

    /// The path without links: a link stays, and what it leads to changes.
    fn real(&self, path: &str) -> Result<String, NoPlan> {
        let circle = || NoPlan::Fault(Fault::file(path, FileProblem::Unreadable));
        tree::real(self.root, path).ok_or_else(circle)
    }

    fn changes(self) -> Result<Vec<FileChange>, NoPlan> {
        let owner = self.root.system_owner()?.as_raw();
        let mut changes = Vec::new();
        for (path, text) in self.new {
            let old = self.read.get(&path).cloned().flatten();
            let attributes =
                old.as_ref().map_or_else(|| Attributes::new(owner, owner), |old| old.attributes.clone());
            let new = text.map(|text| Content { bytes: text.into_bytes(), attributes });
            if new != old {
                changes.push(FileChange { path, old, new });
            }
        }
        Ok(changes)
    }
}
