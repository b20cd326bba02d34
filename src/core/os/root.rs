//! The places of twostep's files, and the accounts that must own them.

use std::path::{Path, PathBuf};

use nix::sys::stat::lstat;
use nix::unistd::{Uid, geteuid};

use crate::fault::{Fault, FileProblem, Operation, StartProblem};

use super::account;

/// The account that owns secrets and states.
const STORE_ACCOUNT: &str = "twostep";

/// The root of the file system, or a directory used as the root.
#[derive(Clone, Debug)]
pub struct Root {
    prefix: Option<PathBuf>,
}

/// The owners of the files below a root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owners {
    /// The owner of the policy and of the directories above the store.
    pub system: Uid,
    /// The owner of the store: the account `twostep`; below another root, the owner of that root.
    pub store: Uid,
}

impl Root {
    /// The machine itself, not a directory used as the root.
    pub const SYSTEM: Self = Self { prefix: None };

    /// Uses `dir` as the root of the file system. The owner of `dir` must own all files.
    pub fn at(dir: &Path) -> Result<Self, Fault> {
        if !dir.is_absolute() {
            return Err(Fault::file(dir, FileProblem::NotAbsolute));
        }
        Ok(Self { prefix: Some(dir.to_owned()) })
    }

    /// The place of `path`, which must be absolute, below this root.
    pub fn path(&self, path: &str) -> PathBuf {
        match &self.prefix {
            Some(prefix) => prefix.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Whether this is the machine itself, and not a directory used as the root.
    pub fn is_machine(&self) -> bool {
        self.prefix.is_none()
    }

    /// Whether this process may judge codes itself: it runs as root, or the root is its own directory.
    pub fn is_ours(&self) -> bool {
        self.prefix.is_some() || geteuid().is_root()
    }

    /// The owner of the policy.
    pub fn system_owner(&self) -> Result<Uid, Fault> {
        let Some(dir) = &self.prefix else { return Ok(Uid::from_raw(0)) };
        let stat = lstat(dir).map_err(|error| Fault::of(dir, Operation::LookAt, error))?;
        Ok(Uid::from_raw(stat.st_uid))
    }

    /// The owners of the files below this root.
    pub fn owners(&self) -> Result<Owners, Fault> {
        self.owners_with(account::uid_by_name)
    }

    /// The owners of the files below this root. `uid_of` looks up the account `twostep` on the machine itself.
    pub(crate) fn owners_with(
        &self,
        uid_of: impl FnOnce(&str) -> Result<Option<u32>, Fault>,
    ) -> Result<Owners, Fault> {
        let system = self.system_owner()?;
        if self.prefix.is_some() {
            return Ok(Owners { system, store: system });
        }
        let store = uid_of(STORE_ACCOUNT)?.ok_or(StartProblem::NoAccount(STORE_ACCOUNT))?;
        Ok(Owners { system, store: Uid::from_raw(store) })
    }

    /// The directories from this root to `path`, which must be absolute, outermost first, without `path` itself.
    pub fn above(&self, path: &str) -> Vec<PathBuf> {
        let ends = path.match_indices('/').map(|(end, _)| end).filter(|&end| end > 0);
        ends.filter_map(|end| path.get(..end)).map(|above| self.path(above)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_paths_below_root() {
        let root = Root::at(Path::new("/tmp/x")).unwrap();
        assert_eq!(root.path("/etc/twostep"), Path::new("/tmp/x/etc/twostep"));
        assert_eq!(root.above("/var/lib/twostep"), [Path::new("/tmp/x/var"), Path::new("/tmp/x/var/lib")]);
        assert_eq!(Root::SYSTEM.above("/var/lib/twostep"), [Path::new("/var"), Path::new("/var/lib")]);
    }

    #[test]
    fn refuses_relative_root() {
        assert!(Root::at(Path::new("tmp")).is_err());
    }
}
