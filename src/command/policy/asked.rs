//! What a login asks of the user.

use crate::words::policy_explain as words;

/// What the login asks of the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// The user is exempt.
    Nothing,
    /// The user is enrolled.
    Code,
    /// The user is not enrolled, and need not be.
    NothingBeforeEnrollment,
    /// As the two before: who is enrolled is not known.
    CodeIfEnrolled,
    /// The user is not enrolled, and must be.
    Enrollment(Newcomer),
    /// As `Code` and the one before: who is enrolled is not known.
    CodeOrEnrollment(Newcomer),
    /// No line of twostep is reached, and the login succeeds.
    Unasked,
    /// The login fails whatever the policy says.
    Refused,
}

/// What becomes of a user who must enroll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Newcomer {
    /// They enroll in the login.
    Enrolls,
    /// No user enrolls at this service.
    IsRefused,
}

impl Asked {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Nothing => words::NOTHING,
            Self::Code => words::CODE,
            Self::NothingBeforeEnrollment => words::NOT_ENROLLED,
            Self::CodeIfEnrolled => words::CODE_IF_ENROLLED,
            Self::Enrollment(Newcomer::Enrolls) => words::ENROLLS,
            Self::Enrollment(Newcomer::IsRefused) => words::REFUSED,
            Self::CodeOrEnrollment(Newcomer::Enrolls) => words::CODE_OR_ENROLLS,
            Self::CodeOrEnrollment(Newcomer::IsRefused) => words::CODE_OR_REFUSED,
            Self::Unasked => words::UNASKED,
            Self::Refused => words::REFUSED_ANYWAY,
        }
    }

    /// The word of the JSON.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "exempt",
            Self::Code => "code",
            Self::NothingBeforeEnrollment | Self::Unasked => "nothing",
            Self::CodeIfEnrolled => "code-if-enrolled",
            Self::Enrollment(Newcomer::Enrolls) => "enrolls",
            Self::Enrollment(Newcomer::IsRefused) | Self::Refused => "refused",
            Self::CodeOrEnrollment(Newcomer::Enrolls) => "code-or-enrolls",
            Self::CodeOrEnrollment(Newcomer::IsRefused) => "code-or-refused",
        }
    }

    /// The words in a table.
    pub(super) const fn cell(self) -> &'static str {
        match self {
            Self::Nothing => words::CELL_EXEMPT,
            Self::Code => words::CELL_CODE,
            Self::NothingBeforeEnrollment | Self::Unasked => words::CELL_NOTHING,
            Self::CodeIfEnrolled => words::CELL_CODE_IF_ENROLLED,
            Self::Enrollment(Newcomer::Enrolls) => words::CELL_ENROLLS,
            Self::Enrollment(Newcomer::IsRefused) | Self::Refused => words::CELL_REFUSED,
            Self::CodeOrEnrollment(Newcomer::Enrolls) => words::CELL_CODE_OR_ENROLLS,
            Self::CodeOrEnrollment(Newcomer::IsRefused) => words::CELL_CODE_OR_REFUSED,
        }
    }
}
