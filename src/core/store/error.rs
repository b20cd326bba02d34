//! Why the record of an account cannot be used.

use std::fmt;
use std::path::PathBuf;

use crate::fault::Fault;
use crate::verdict::Denial;

use super::files::credential::CredentialError;
use super::not_theirs::NotTheirs;

/// Why the record of an account cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreError {
    /// A file, folder or lock failed.
    Fault(Fault),
    /// The secret file is damaged or of another version.
    Credential {
        /// The path of the secret file.
        path: PathBuf,
        /// What is wrong with it.
        error: CredentialError,
    },
    /// The state file is damaged or of another version.
    State {
        /// The path of the state file.
        path: PathBuf,
        /// The uid in its name.
        uid: u32,
        /// What is wrong with it.
        error: StateError,
    },
    /// The state file was removed after it was created.
    StateRemoved {
        /// The uid of its account.
        uid: u32,
    },
    /// A first credential was to be stored, but the account has one now.
    EnrolledMeanwhile,
    /// The record belongs to another account: the uid was given to another user, or the account was renamed.
    NotTheirs(NotTheirs),
}

/// What is wrong with a state file (docs/FILEFORMAT.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateError {
    /// A newer program wrote it.
    UnknownVersion(u8),
    /// It is of format 2, and a newer program wrote into it what only that program can use.
    Later,
    /// It is the state of this other uid.
    OfUid(u32),
    /// Neither slot is whole.
    Damaged,
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<NotTheirs> for StoreError {
    fn from(error: NotTheirs) -> Self {
        Self::NotTheirs(error)
    }
}

impl From<StoreError> for Denial {
    fn from(error: StoreError) -> Self {
        if error == StoreError::EnrolledMeanwhile {
            return Self::EnrolledMeanwhile;
        }
        Self::unavailable(error)
    }
}

impl From<NotTheirs> for Denial {
    fn from(error: NotTheirs) -> Self {
        StoreError::from(error).into()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Credential { path, error } => write!(f, "{}: {error}", path.display()),
            Self::State { path, uid, error: StateError::Damaged } => write!(
                f,
                "{} {}: run 'twostep reset {uid}' and enroll again",
                path.display(),
                StateError::Damaged
            ),
            Self::State { path, error, .. } => write!(f, "{} {error}", path.display()),
            Self::StateRemoved { uid } => write!(f, "the state of uid {uid} was removed"),
            Self::EnrolledMeanwhile => write!(f, "a credential was stored meanwhile"),
            Self::NotTheirs(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion(version) => {
                write!(f, "has version {version}: this program reads versions 1 and 2")
            }
            Self::Later => write!(f, "was written by a newer version of twostep: install that version"),
            Self::OfUid(uid) => write!(f, "is the state of uid {uid}"),
            Self::Damaged => write!(f, "is damaged"),
        }
    }
}
