//! How a failure is told to whoever runs the command.

use std::io::{Write, stderr};
use std::panic::PanicHookInfo;
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

/// What is told of a panic: where it was. Its own words may be those of a file, and so a key.
pub(crate) fn place_of(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    format!("error: a defect of twostep, at {place}. Please report it.")
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn tells_place_of_panic_and_not_its_words() {
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let usual = take_hook();
        set_hook(Box::new(|panic| TOLD.lock().unwrap().push(place_of(panic))));
        let key = "JBSWY3DPEHPK3PXP\u{e9}";
        assert!(catch_unwind(|| key.get(..17).expect(key)).is_err());
        set_hook(usual);
        let told = TOLD.lock().unwrap().join("\n");
        assert!(told.contains("failure.rs:") && !told.contains("JBSWY3DP"), "{told}");
    }
}
