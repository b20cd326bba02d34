//! The errors that a policy file can have.

use std::fmt;
use std::path::PathBuf;

use crate::document::{DocumentError, Position, one_of};

use super::model::{DEFAULT_RULE, METHODS, Mode};
use super::network::NetworkError;

/// What is wrong with a policy, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyError {
    /// The line and column of the error.
    pub position: Position,
    /// What is wrong.
    pub kind: PolicyErrorKind,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.position.line, self.position.column, self.kind)
    }
}

impl std::error::Error for PolicyError {}

/// What is wrong with the policy file of a machine, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyFileError {
    /// The path of the policy file.
    pub path: PathBuf,
    /// The first error in the file.
    pub error: PolicyError,
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.error)
    }
}

impl std::error::Error for PolicyFileError {}

/// What is wrong with a policy. The strings are text of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyErrorKind {
    /// The file has wrong syntax, keys or types.
    Document(DocumentError),
    /// `version` names an unknown version of this format.
    UnknownVersion(u64),
    /// `period` is an integer that few apps accept.
    Period(u64),
    /// `issuer` has characters that cannot be shown, or is empty or too long.
    Issuer,
    /// A list without a value.
    EmptyList,
    /// A name without a character.
    EmptyName,
    /// The name of a PAM service has capital letters: libpam makes every name lower case (pam_start.c).
    ServiceInCapitals(String),
    /// `from` has a value that is not a network.
    Network(NetworkError),
    /// `first-factor` has a value that is not a method of sshd.
    UnknownMethod(String),
    /// A rule whose name is empty.
    UnnamedRule,
    /// A rule has the name of the policy's own mode.
    ReservedName,
    /// Two rules have this name.
    NameTaken(String),
    /// A rule has this key, but not the mode that the key needs.
    NeedsMode {
        /// The key, as the policy file writes it.
        key: &'static str,
        /// The mode that the key needs.
        mode: Mode,
    },
}

impl From<DocumentError> for PolicyErrorKind {
    fn from(error: DocumentError) -> Self {
        Self::Document(error)
    }
}

impl fmt::Display for PolicyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(error) => write!(f, "{error}"),
            Self::UnknownVersion(version) => {
                write!(f, "unknown version {version}: this program reads version 1")
            }
            Self::Period(seconds) => write!(f, "the period must be 30 or 60 seconds, not {seconds}"),
            Self::Issuer => write!(f, "the issuer must have 1 to 64 printable characters"),
            Self::EmptyList => write!(f, "an empty list matches nothing"),
            Self::EmptyName => write!(f, "an empty name matches nothing"),
            Self::ServiceInCapitals(name) => {
                write!(f, "PAM service names are lower case: write '{}'", name.to_ascii_lowercase())
            }
            Self::Network(error) => write!(f, "{error}"),
            Self::UnknownMethod(method) => {
                write!(f, "unknown method '{method}', expected {}", one_of(&METHODS))
            }
            Self::UnnamedRule => write!(f, "the name of a rule must not be empty"),
            Self::ReservedName => {
                write!(f, "a rule must not be called '{DEFAULT_RULE}': that name means the policy's own mode")
            }
            Self::NameTaken(name) => write!(f, "another rule is called '{name}'"),
            Self::NeedsMode { key, mode } => write!(f, "'{key}' needs mode = \"{}\"", mode.word()),
        }
    }
}
