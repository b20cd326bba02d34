//! Why a login does not enroll a user who must have a second step.

use std::fmt;

use super::account_line::AccountLineFault;
use super::may_log_in::MayNotLogIn;

/// Why a login does not enroll a user who must have a second step, though the policy lets its service enroll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotHere {
    /// A look-up of groups or names failed, so that the second step is only assumed to be mandatory.
    Assumed,
    /// Two codes of the policy's period take longer than a login may, in seconds.
    Period(u64),
    /// `forward_pass` allows one question.
    OneQuestion,
    /// The application shows no texts (PAM_SILENT).
    Silent,
    /// A user started the program, which may ignore the answer of the account phase.
    StartedByUser,
    /// Nothing shows that a first factor was proved.
    NoFirstFactor,
    /// The account phase may not store the enrollment.
    AccountLine(AccountLineFault),
    /// The system lets the account log in by no service.
    MayNotLogIn(MayNotLogIn),
}

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assumed => write!(
                f,
                "a look-up of groups or names failed, so it is not known whether a second step is mandatory"
            ),
            Self::Period(seconds) => {
                write!(f, "two codes with a period of {seconds} s take longer than a login may")
            }
            Self::OneQuestion => write!(f, "forward_pass allows one question, and an enrollment takes more"),
            Self::Silent => write!(f, "the application shows no texts (PAM_SILENT)"),
            Self::StartedByUser => {
                write!(f, "a program that the user started may ignore the answer of the account phase")
            }
            Self::NoFirstFactor => write!(
                f,
                "nothing shows that a first factor was proved: no line before has left a password (pam_sss.so does so with \
                 forward_pass)"
            ),
            Self::AccountLine(fault) => write!(f, "{fault}"),
            Self::MayNotLogIn(reason) => write!(f, "{reason}"),
        }
    }
}

impl std::error::Error for NotHere {}
