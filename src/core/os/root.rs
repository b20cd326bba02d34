//! Where twostep's files lie, and who must own them.

use std::path::{Path, PathBuf};

use nix::sys::stat::lstat;
use nix::unistd::{Uid, geteuid};

use crate::fault::{Fault, FileProblem, Operation, StartProblem};

use super::account;

/// The account that owns secrets and states.
const STORE_ACCOUNT: &str = "twostep";

/// The root of the file system, or a directory that stands for it.
#[derive(Clone, Debug)]
pub struct Root {
    prefix: Option<PathBuf>,
}

/// Who owns what below a root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owners {
    /// Owns the policy and the directories above the store.
    pub system: Uid,
    /// Owns the store: the account `twostep`; below another root, its owner.
    pub store: Uid,
}

impl Root {
    /// The machine itself, not a folder that stands for it.
    pub const SYSTEM: Self = Self { prefix: None };

    /// `dir` stands for the root of the file system; whoever owns it is the expected owner of all files.
    pub fn at(dir: &Path) -> Result<Self, Fault> {
        if !dir.is_absolute() {
            return Err(Fault::file(dir, FileProblem::NotAbsolute));
        }
        Ok(Self { prefix: Some(dir.to_owned()) })
    }

    /// Where `path`, an absolute one, lies below this root.
    pub fn path(&self, path: &str) -> PathBuf {
        match &self.prefix {
            Some(prefix) => prefix.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Whether this is the machine itself, and not a directory that stands for it.
    pub fn is_machine(&self) -> bool {
        self.prefix.is_none()
    }

    /// Whether this process may judge codes itself: it is root, or the root is its own directory.
    pub fn is_ours(&self) -> bool {
        self.prefix.is_some() || geteuid().is_root()
    }

    /// Who owns the policy.
    pub fn system_owner(&self) -> Result<Uid, Fault> {
        let Some(dir) = &self.prefix else { return Ok(Uid::from_raw(0)) };
        let stat = lstat(dir).map_err(|error| Fault::of(dir, Operation::LookAt, error))?;
        Ok(Uid::from_raw(stat.st_uid))
    }

    /// Who owns the store.
    pub fn owners(&self) -> Result<Owners, Fault> {
        let system = self.system_owner()?;
        let store = match self.prefix {
            Some(_) => system,
            None => store_account()?,
        };
        Ok(Owners { system, store })
    }

    /// The directories between this root and `path`, an absolute one, outermost first, without `path` itself.
    pub(crate) fn above(&self, path: &str) -> Vec<PathBuf> {
        let ends = path.match_indices('/').map(|(end, _)| end).filter(|&end| end > 0);
        ends.filter_map(|end| path.get(..end)).map(|above| self.path(above)).collect()
    }
}

fn store_account() -> Result<Uid, Fault> {
    match account::uid_by_name(STORE_ACCOUNT)? {
        Some(uid) => Ok(Uid::from_raw(uid)),
        None => Err(StartProblem::NoAccount(STORE_ACCOUNT).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_below_the_root() {
        let root = Root::at(Path::new("/tmp/x")).unwrap();
        assert_eq!(root.path("/etc/twostep"), Path::new("/tmp/x/etc/twostep"));
        assert_eq!(root.above("/var/lib/twostep"), [Path::new("/tmp/x/var"), Path::new("/tmp/x/var/lib")]);
        assert_eq!(Root::SYSTEM.above("/var/lib/twostep"), [Path::new("/var"), Path::new("/var/lib")]);
    }

    #[test]
    fn a_relative_root_is_refused() {
        assert!(Root::at(Path::new("tmp")).is_err());
    }
}
