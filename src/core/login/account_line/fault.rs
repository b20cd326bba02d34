//! Why the account phase of a service may not store an enrollment.

use std::fmt;

use crate::paths::PAM_DIR;

use super::MODULE;

/// A line of a PAM service file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The name of the file in PAM's folder.
    pub file: String,
    /// The number of the line, from 1. For lines joined by `\`, the number of the first.
    pub line: usize,
}

/// Why the account phase of a service may not store an enrollment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountLineFault {
    /// The service has no account line of pam_twostep.
    Missing {
        /// The name of the service.
        service: String,
    },
    /// The account line of pam_twostep is neither `required` nor `requisite`.
    NotRequired(Place),
    /// A line before it may skip it.
    MaySkip {
        /// The line, its words separated by one blank.
        line: String,
        /// The place of that line.
        place: Place,
    },
    /// A line before it is `required`. A login that this line refuses would still store an enrollment.
    GoesOn {
        /// The line, its words separated by one blank.
        line: String,
        /// The place of that line.
        place: Place,
    },
    /// A file cannot be read.
    Unreadable {
        /// The name of the file.
        file: String,
    },
    /// A line begins with a word that is not a type.
    UnknownType {
        /// The word, as written.
        word: String,
        /// The place of the line.
        place: Place,
    },
    /// Versions of libpam read a line in different ways.
    Ambiguous(Ambiguity, Place),
}

/// A form that versions of libpam read in different ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ambiguity {
    /// A line of more than 1000 bytes.
    TooLong,
    /// A control character.
    ControlCharacter,
    /// A `\` in a comment or before blanks at the end of a line.
    Backslash,
    /// A `\` before an empty line or a comment.
    Continuation,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PAM_DIR}/{}, line {}", self.file, self.line)
    }
}

impl fmt::Display for AccountLineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let put = format_args!("put 'account required {MODULE}' before all other account lines");
        match self {
            Self::Missing { service } => {
                write!(f, "no pam_twostep account line ({PAM_DIR}/{service}): {put}")
            }
            Self::NotRequired(place) => {
                write!(f, "the pam_twostep account line is not 'required' ({place}): {put}")
            }
            Self::MaySkip { line, place } => {
                write!(f, "'{line}' may skip the pam_twostep account line ({place}): {put}")
            }
            Self::GoesOn { line, place } => write!(
                f,
                "a login refused by '{line}' would still store an enrollment ({place}): change 'required' to 'requisite' there"
            ),
            Self::Unreadable { file } => write!(f, "cannot read the PAM file '{file}'"),
            Self::UnknownType { word, place } => write!(f, "unknown PAM line type '{word}' ({place})"),
            Self::Ambiguous(ambiguity, place) => {
                let what = match ambiguity {
                    Ambiguity::TooLong => "the line is too long",
                    Ambiguity::ControlCharacter => {
                        "the line contains a control character, perhaps the line end of another system"
                    }
                    Ambiguity::Backslash => "the line ends with a \\ in a comment or before blanks",
                    Ambiguity::Continuation => {
                        "the \\ at the end of the line is followed by an empty line or a comment: remove it"
                    }
                };
                write!(f, "{what} ({place}): versions of libpam read this in different ways")
            }
        }
    }
}

impl std::error::Error for AccountLineFault {}
