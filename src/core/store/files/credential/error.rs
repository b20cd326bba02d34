//! The errors that a secret file can have. No error holds text of the file: a key may be anywhere in it.

use std::fmt;

use crate::document::{DocumentError, Position, Type, one_of};
use crate::os::account::LONGEST_NAME;
use crate::proof::totp::AuthenticatorError;

use super::{LONGEST_ID, LabelError, MOST_AUTHENTICATORS};

/// What is wrong with a secret file, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CredentialError {
    /// The line and column of the error.
    pub position: Position,
    /// What is wrong.
    pub kind: CredentialErrorKind,
}

/// What is wrong with a secret file (docs/FILEFORMAT.md).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CredentialErrorKind {
    /// It is not UTF-8.
    NotUtf8,
    /// It is not TOML.
    Syntax,
    /// A key is unknown.
    UnknownKey,
    /// This key is missing.
    MissingKey(&'static str),
    /// The value has another type.
    WrongType {
        /// The type that it should have.
        expected: Type,
        /// The type that it has.
        found: Type,
    },
    /// The value is not one of these words.
    UnknownWord(Vec<&'static str>),
    /// The integer is not in this range.
    OutOfRange {
        /// The smallest integer that is accepted.
        least: u64,
        /// The largest integer that is accepted.
        most: u64,
    },
    /// A newer program wrote it.
    UnknownVersion(u64),
    /// There are too many authenticators, or none.
    Count,
    /// `name` cannot be the name of an account.
    Name,
    /// `id` is too long.
    LongId,
    /// `label` cannot be shown.
    Label,
    /// Two authenticators have one label.
    SameLabel,
    /// `secret` is not base32.
    NotBase32,
    /// `period` is too short or too long.
    Period,
    /// The values do not make an authenticator.
    Authenticator(AuthenticatorError),
}

impl From<DocumentError> for CredentialErrorKind {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::NotUtf8 => Self::NotUtf8,
            DocumentError::Syntax(_) => Self::Syntax,
            DocumentError::UnknownKey { .. } => Self::UnknownKey,
            DocumentError::MissingKey(key) => Self::MissingKey(key),
            DocumentError::WrongType { expected, found } => Self::WrongType { expected, found },
            DocumentError::UnknownWord { known, .. } => Self::UnknownWord(known),
            DocumentError::OutOfRange { least, most, .. } => Self::OutOfRange { least, most },
        }
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.position.line, self.position.column, self.kind)
    }
}

impl fmt::Display for CredentialErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => write!(f, "not UTF-8"),
            Self::Syntax => write!(f, "not TOML"),
            Self::UnknownKey => write!(f, "unknown key"),
            Self::MissingKey(key) => write!(f, "missing key '{key}'"),
            Self::WrongType { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::UnknownWord(known) => write!(f, "expected {}", one_of(known)),
            Self::OutOfRange { least, most } => write!(f, "expected an integer from {least} to {most}"),
            Self::UnknownVersion(version) => {
                write!(f, "unknown version {version}: this program reads version 1")
            }
            Self::Count => write!(f, "expected 1 to {MOST_AUTHENTICATORS} authenticators"),
            Self::Name => write!(f, "the name must have 1 to {LONGEST_NAME} bytes and no control characters"),
            Self::LongId => write!(f, "the id has more than {LONGEST_ID} bytes"),
            Self::Label => write!(f, "{LabelError}"),
            Self::SameLabel => write!(f, "two authenticators have the same label"),
            Self::NotBase32 => write!(f, "the secret is not base32"),
            Self::Period => write!(f, "the period must be 15 to 120 seconds"),
            Self::Authenticator(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CredentialError {}
