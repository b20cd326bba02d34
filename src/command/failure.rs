//! How a failure is told to whoever runs the command.

use std::io::{Write, stderr};
use std::process::ExitCode;

pub(crate) use twostep_core::manage::failure::Failure;

use crate::printable::printable;

/// Tells the person, and gives the exit status.
pub(crate) fn tell(failure: &Failure) -> ExitCode {
    let status = ExitCode::from(failure.status());
    if failure.what().is_empty() {
        return status;
    }
    let then = if failure.then().is_empty() { String::new() } else { format!("\n{}", failure.then()) };
    // Without standard error there is nobody to tell.
    let _ = writeln!(stderr(), "error: {}", printable(&format!("{}{then}", failure.what())));
    status
}
