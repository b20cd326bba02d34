//! Why the helper did not judge, or refused.

use std::fmt;

use crate::document::DocumentError;
use crate::fault::Fault;
use crate::paths::HELPER;

/// Why the helper did not judge, as far as its client knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum HelperError {
    /// The helper could not be reached.
    Fault(Fault),
    /// The status that the helper sent cannot be read.
    Status(DocumentError),
    /// The helper reports that it failed, and has logged why.
    CannotJudge,
    /// The helper refused a request, in these words.
    Refused(String),
    /// The record of the account cannot be used, in the helper's words.
    Record(String),
    /// The helper judges only the user who starts it; this process runs as this uid.
    OnlyOwn(u32),
    /// A login enrolls only where root calls the application; the helper enrolls outside of logins.
    NoEnrollment,
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let helper = HELPER.to_string_lossy();
        match self {
            Self::Fault(fault) => write!(f, "{helper}: {fault}"),
            Self::Status(error) => write!(f, "{helper}: {error}"),
            Self::CannotJudge => write!(f, "twostep-helper could not check this; the system log says why"),
            Self::Refused(what) => write!(f, "{helper}: {what}"),
            Self::Record(problem) => write!(f, "{problem}"),
            Self::OnlyOwn(uid) => {
                write!(f, "this program runs as uid {uid}, and only root can check the codes of other users")
            }
            Self::NoEnrollment => {
                write!(f, "a program that does not run as root cannot enroll a user in a login")
            }
        }
    }
}

impl std::error::Error for HelperError {}
