//! How a failure is shown on standard error.

use std::io::{Write, stderr};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

pub(crate) use twostep_core::manage::failure::Failure;

use crate::printable::printable;
use crate::progress::beside;
use crate::words::frame::{UNKNOWN_PLACE, defect};

/// Shows it, if it is not shown already. Returns the exit status.
pub(crate) fn show(failure: &Failure) -> ExitCode {
    let status = ExitCode::from(failure.status());
    if failure.what().is_empty() {
        return status;
    }
    let then = if failure.then().is_empty() { String::new() } else { format!("\n{}", failure.then()) };
    // If standard error is closed, nothing can be said.
    let _ = beside(|| writeln!(stderr(), "error: {}", printable(&format!("{}{then}", failure.what()))));
    status
}

/// What is said of a panic: only where it was. Its message may quote a file, and so a secret.
pub(crate) fn place_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| UNKNOWN_PLACE.to_owned(), ToString::to_string);
    defect(place)
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn shows_place_of_panic_and_not_its_message() {
        static SHOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let usual = take_hook();
        set_hook(Box::new(|panic| SHOWN.lock().unwrap().push(place_of(panic))));
        let key = "JBSWY3DPEHPK3PXP\u{e9}";
        assert!(catch_unwind(|| key.get(..17).expect(key)).is_err());
        set_hook(usual);
        let shown = SHOWN.lock().unwrap().join("\n");
        assert!(shown.contains("failure.rs:") && !shown.contains("JBSWY3DP"), "{shown}");
    }
}
