//! How a command fails: what is wrong, then what to do.

use std::io::{Write, stderr};
use std::process::ExitCode;

use twostep_core::os::Fault;
use twostep_core::verdict::Denial;

use crate::printable::printable;

const MEND: &str = "Mend that, then run the command again.";

/// A failure and its exit status.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    what: String,
    then: String,
}

impl Failure {
    /// The command was understood, and is refused.
    pub fn refused(what: impl Into<String>, then: impl Into<String>) -> Self {
        Self { status: 1, what: what.into(), then: then.into() }
    }

    /// What is wrong was said on standard output already.
    pub fn silent() -> Self {
        Self::refused("", "")
    }

    /// A file, lock, clock or look-up failed.
    pub fn unavailable(what: impl Into<String>, then: impl Into<String>) -> Self {
        Self { status: 3, what: what.into(), then: then.into() }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Tells the person, and gives the exit status.
    pub fn tell(&self) -> ExitCode {
        if self.what.is_empty() {
            return ExitCode::from(self.status);
        }
        let then = if self.then.is_empty() { String::new() } else { format!("\n{}", self.then) };
        // Without standard error there is nobody to tell.
        let _ = writeln!(stderr(), "error: {}", printable(&format!("{}{then}", self.what)));
        ExitCode::from(self.status)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault.0, MEND)
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        let cause = denial.cause();
        Self::unavailable(if cause.is_empty() { denial.text() } else { cause.into_owned() }, MEND)
    }
}
