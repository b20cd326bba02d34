//! A change that waits to be kept, on the disk: what each file was before, and until when it waits.
//!
//! ```text
//! /var/lib/twostep-enable/           root, 0700: what another account can write must never become a file of PAM
//!     lock                           held by the process that changes something
//!     pending.json                   the change; written after the old files, removed before them
//!     enabled.json                   the services that must ask for a code: kept, and not disabled since
//!     0, 1, ...                      the old files, in the order of pending.json
//! ```
//!
//! Each step can be repeated after a crash: a file that is already as it should be is left alone.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use twostep_core::fault::{Failed, Fault, FileProblem, Operation};
use twostep_core::os::files::{self, Privacy};
use twostep_core::os::root::Root;
use twostep_core::os::{LockError, lock_exclusive};
use twostep_core::paths::CHANGES;
use twostep_core::time::UnixTime;
use twostep_doctor::changes::{ENABLED, Enabled, PENDING};

use crate::file::{self, Attributes, Content, digest};
use crate::marks;
use crate::plan::FileChange;

const LOCK: &str = "lock";
/// Identifies the present boot (proc(5)).
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// A change takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A change that waits to be kept.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The services that it is about, as they were named.
    pub services: Vec<String>,
    /// The PAM services that ask for a code by it.
    #[serde(default)]
    pub asking: BTreeSet<String>,
    /// When it was made, in seconds since 1970.
    pub since: u64,
    /// When it is taken back, in seconds since 1970.
    until: u64,
    /// The boot in which it was made.
    pub boot: String,
    /// Whether all files were changed.
    pub is_complete: bool,
    /// The files in the order in which they change.
    files: Vec<PendingFile>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
struct PendingFile {
    path: String,
    /// The SHA-256 of the old content, and the rest of the old file; none if there was none.
    old: Option<(String, Attributes)>,
    /// The SHA-256 of the new content; none if the file is removed.
    new: Option<String>,
}

impl Pending {
    /// Whether it must be taken back now.
    pub fn is_due(&self, now: UnixTime, boot: &str) -> bool {
        !self.is_complete || now.seconds() >= self.until || now.seconds() < self.since || self.boot != boot
    }

    /// When it is taken back.
    pub fn until(&self) -> UnixTime {
        UnixTime::new(self.until)
    }

    /// The files that it changes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }
}

/// What became of a file that was to be put back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PutBack {
    /// It is as it was before the change.
    Whole(String),
    /// Somebody has changed it since. Only the lines of twostep were taken out.
    OwnLines(String),
    /// Somebody has changed it since, and it has no lines of twostep that could be taken out.
    Left(String),
}

/// The one change that a machine may have waiting. No other process changes it meanwhile.
pub struct Journal<'a> {
    root: &'a Root,
    _lock: File,
}

impl<'a> Journal<'a> {
    /// Takes the lock, and creates the folder if it is missing.
    pub fn open(root: &'a Root) -> Result<Self, Fault> {
        let folder = root.path(CHANGES);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Fault::of(&folder, Operation::Create, error));
            }
            Ok(()) | Err(_) => {}
        }
        check(root)?;
        let path = folder.join(LOCK);
        let lock =
            File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(|error| Fault::of(&path, Operation::Open, error))?;
        let deadline = Instant::now().checked_add(PATIENCE).unwrap_or_else(Instant::now);
        lock_exclusive(&lock, deadline).map_err(|error| match error {
            LockError::Busy => Fault::file(&path, FileProblem::Locked { seconds: PATIENCE.as_secs() }),
            LockError::Failed(error) => Fault::of(&path, Operation::Lock, error),
        })?;
        Ok(Self { root, _lock: lock })
    }

    /// The change that waits, if there is one.
    pub fn pending(&self) -> Result<Option<Pending>, Fault> {
        pending(self.root)
    }

    /// Changes the files, after their old contents are on the disk. If a change fails, all are put back.
    pub fn begin(
        &self,
        services: &[String],
        asking: &BTreeSet<String>,
        changes: &[FileChange],
        since: UnixTime,
        until: UnixTime,
    ) -> Result<Pending, Fault> {
        self.clear()?;
        let mut files = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let old = match &change.old {
                Some(old) => {
                    let copy = Content { bytes: old.bytes.clone(), attributes: private() };
                    file::replace(&self.backup(number), &copy)?;
                    Some((digest(&old.bytes), old.attributes.clone()))
                }
                None => None,
            };
            let new = change.new.as_ref().map(|new| digest(&new.bytes));
            files.push(PendingFile { path: change.path.clone(), old, new });
        }
        let mut pending = Pending {
            services: services.to_vec(),
            asking: asking.clone(),
            since: since.seconds(),
            until: until.seconds(),
            boot: boot(),
            is_complete: false,
            files,
        };
        self.save(&pending)?;
        if let Err(fault) = changes.iter().try_for_each(|change| self.make(change)) {
            // What cannot be put back now is put back later: the change is not complete.
            if self.put_back(&pending).iter().all(Result::is_ok) {
                self.forget()?;
            }
            return Err(fault);
        }
        pending.is_complete = true;
        self.save(&pending)?;
        Ok(pending)
    }

    /// Forgets the change: it stays.
    pub fn forget(&self) -> Result<(), Fault> {
        file::remove(&self.path(PENDING))?;
        self.clear()
    }

    /// Forgets the change, and remembers the services that ask for a code by it.
    pub fn keep(&self, pending: &Pending) -> Result<(), Fault> {
        pending.files.iter().try_for_each(|file| self.tell_no_more(file))?;
        self.forget()?;
        self.remember(|enabled| enabled.extend(pending.asking.iter().cloned()))
    }

    /// These services need not ask for a code any more.
    pub fn disabled(&self, services: &BTreeSet<String>) -> Result<(), Fault> {
        self.remember(|enabled| enabled.retain(|service| !services.contains(service)))
    }

    /// The lines of a file that is as the change left it no longer say that it waits.
    fn tell_no_more(&self, file: &PendingFile) -> Result<(), Fault> {
        let path = self.root.path(&file.path);
        let Some(now) = file::read(&path)? else { return Ok(()) };
        let text = String::from_utf8(now.bytes).unwrap_or_default();
        let kept = marks::kept(&text);
        if file.new.as_deref() != Some(&digest(text.as_bytes())) || kept == text {
            return Ok(());
        }
        file::replace(&path, &Content { bytes: kept.into_bytes(), attributes: now.attributes })
    }

    fn remember(&self, change: impl FnOnce(&mut BTreeSet<String>)) -> Result<(), Fault> {
        let path = self.path(ENABLED);
        // A file that cannot be read is of no use to doctor either.
        let read = file::read(&path)?.and_then(|content| serde_json::from_slice(&content.bytes).ok());
        let before: Enabled = read.unwrap_or_default();
        let mut enabled = before.clone();
        change(&mut enabled.services);
        if enabled == before {
            return Ok(());
        }
        if enabled.services.is_empty() {
            return file::remove(&path);
        }
        let bytes = serde_json::to_vec_pretty(&enabled).map_err(|error| unclear(&path, &error))?;
        file::replace(&path, &Content { bytes, attributes: private() })
    }

    /// Puts all files back, as far as that is possible. [`Self::forget`] follows when none is left.
    pub fn put_back(&self, pending: &Pending) -> Vec<Result<PutBack, Fault>> {
        let files = pending.files.iter().enumerate().rev();
        files.map(|(number, file)| self.put_back_one(number, file)).collect()
    }

    fn make(&self, change: &FileChange) -> Result<(), Fault> {
        let path = self.root.path(&change.path);
        // Between the plan and now somebody may have written the file.
        if file::read(&path)? != change.old {
            return Err(Fault::file(path, FileProblem::ReplacedAgain));
        }
        match &change.new {
            Some(new) => file::replace(&path, new),
            None => file::remove(&path),
        }
    }

    fn put_back_one(&self, number: usize, file: &PendingFile) -> Result<PutBack, Fault> {
        let path = self.root.path(&file.path);
        file::tidy(&path)?;
        let now = file::read(&path)?;
        let is = now.as_ref().map(|now| digest(&now.bytes));
        if is == file.old.as_ref().map(|(digest, _)| digest.clone()) {
            return Ok(PutBack::Whole(file.path.clone()));
        }
        if is == file.new {
            match &file.old {
                Some((expected, attributes)) => {
                    let bytes = self.backed_up(number, expected)?;
                    file::replace(&path, &Content { bytes, attributes: attributes.clone() })?;
                }
                None => file::remove(&path)?,
            }
            return Ok(PutBack::Whole(file.path.clone()));
        }
        let Some(now) = now else { return Ok(PutBack::Left(file.path.clone())) };
        let text = String::from_utf8(now.bytes).ok();
        match text.and_then(|text| marks::unmark(&text).ok().flatten()) {
            Some(text) if text.trim().is_empty() && file.old.is_none() => file::remove(&path)?,
            Some(text) => {
                file::replace(&path, &Content { bytes: text.into_bytes(), attributes: now.attributes })?;
            }
            None => return Ok(PutBack::Left(file.path.clone())),
        }
        Ok(PutBack::OwnLines(file.path.clone()))
    }

    fn backed_up(&self, number: usize, expected: &str) -> Result<Vec<u8>, Fault> {
        let path = self.backup(number);
        let copy = file::read(&path)?.ok_or_else(|| Fault::file(&path, FileProblem::Missing))?;
        if digest(&copy.bytes) == expected {
            Ok(copy.bytes)
        } else {
            Err(Fault::file(path, FileProblem::Unreadable))
        }
    }

    fn save(&self, pending: &Pending) -> Result<(), Fault> {
        let path = self.path(PENDING);
        let bytes = serde_json::to_vec_pretty(pending).map_err(|error| unclear(&path, &error))?;
        file::replace(&path, &Content { bytes, attributes: private() })
    }

    /// Removes the old files of a change that is over.
    fn clear(&self) -> Result<(), Fault> {
        let folder = self.root.path(CHANGES);
        let listed = fs::read_dir(&folder).map_err(|error| Fault::of(&folder, Operation::List, error))?;
        for entry in listed.flatten() {
            let name = entry.file_name();
            if ![PENDING, LOCK, ENABLED].iter().any(|kept| name == *kept) {
                file::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path(CHANGES).join(name)
    }

    fn backup(&self, number: usize) -> PathBuf {
        self.path(&number.to_string())
    }
}

/// The change that waits on the machine below `root`, if there is one.
pub fn pending(root: &Root) -> Result<Option<Pending>, Fault> {
    if !root.path(CHANGES).exists() {
        return Ok(None);
    }
    check(root)?;
    let path = root.path(CHANGES).join(PENDING);
    let Some(content) = file::read(&path)? else { return Ok(None) };
    serde_json::from_slice(&content.bytes).map(Some).map_err(|error| unclear(&path, &error))
}

/// What identifies the present boot; empty if the kernel does not say.
pub fn boot() -> String {
    fs::read_to_string(BOOT).map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// A folder that another account can write could give root a file of PAM.
fn check(root: &Root) -> Result<(), Fault> {
    let owner = root.system_owner()?;
    files::check_above(&root.above(CHANGES), owner)?;
    files::check_dir(&root.path(CHANGES), owner, Privacy::Secret)
}

fn private() -> Attributes {
    Attributes { mode: 0o600, ..Attributes::new(geteuid().as_raw(), nix::unistd::getegid().as_raw()) }
}

fn unclear(path: &std::path::Path, error: &serde_json::Error) -> Fault {
    Fault::of(path, Operation::Read, Failed::Other(error.to_string()))
}

#[cfg(test)]
mod tests;
