//! The failure of a command: what is wrong, then what to do.

use crate::fault::Fault;
use crate::store::StoreError;
use crate::verdict::Denial;
use crate::words::account::FIX_AND_RUN_AGAIN;
use crate::words::login::denied;

/// A failure and its exit status.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    status: u8,
    what: String,
    then: String,
}

impl Failure {
    /// The exit status of a command that was understood but refused.
    pub(crate) const REFUSED: u8 = 1;
    /// The exit status of a command that was not understood.
    pub const USAGE: u8 = 2;
    /// The exit status after a failed file, lock, clock or look-up.
    pub const UNAVAILABLE: u8 = 3;

    /// A failure that ends with `status`.
    pub fn of(status: u8, what: impl Into<String>, then: impl Into<String>) -> Self {
        Self { status, what: what.into(), then: then.into() }
    }

    /// The command was understood but refused.
    pub fn refused(what: impl Into<String>, then: impl Into<String>) -> Self {
        Self::of(Self::REFUSED, what, then)
    }

    /// Standard output already says what is wrong.
    pub fn silent() -> Self {
        Self::refused("", "")
    }

    /// A file, lock, clock or look-up failed.
    pub fn unavailable(what: impl Into<String>, then: impl Into<String>) -> Self {
        Self::of(Self::UNAVAILABLE, what, then)
    }

    /// The exit status of the command, 1 to 3.
    pub fn status(&self) -> u8 {
        self.status
    }

    /// What is wrong; empty if that was already said.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do; may be empty.
    pub fn then(&self) -> &str {
        &self.then
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault.to_string(), FIX_AND_RUN_AGAIN)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string(), FIX_AND_RUN_AGAIN)
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        let cause = denial.cause();
        Self::unavailable(
            if cause.is_empty() { denied(&denial) } else { cause.into_owned() },
            FIX_AND_RUN_AGAIN,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FileProblem;
    use crate::test_support::misconfigured;

    fn parts(failure: &Failure) -> (u8, &str, &str) {
        (failure.status(), failure.what(), failure.then())
    }

    #[test]
    fn gives_each_failure_its_status_and_words() {
        assert_eq!(parts(&Failure::refused("no", "Ask.")), (1, "no", "Ask."));
        assert_eq!(parts(&Failure::of(Failure::USAGE, "Eh?", "Look.")), (2, "Eh?", "Look."));
        assert_eq!(parts(&Failure::unavailable("Lost.", "Find.")), (3, "Lost.", "Find."));
        assert_eq!(parts(&Failure::silent()), (1, "", ""));
    }

    #[test]
    fn makes_failure_of_fault_or_denial_by_its_cause() {
        let fault = Failure::from(Fault::file("/x", FileProblem::Missing));
        assert_eq!(parts(&fault), (3, "/x is missing", FIX_AND_RUN_AGAIN));
        let denial = Failure::from(misconfigured("1:1: no"));
        assert_eq!(parts(&denial), (3, "1:1: no", FIX_AND_RUN_AGAIN));
        let text = denied(&Denial::NotACode);
        assert_eq!(
            parts(&Denial::NotACode.into()),
            (3, text.as_str(), FIX_AND_RUN_AGAIN),
            "which has no cause"
        );
    }
}
