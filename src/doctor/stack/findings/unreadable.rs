//! What libpam cannot read.

use twostep_core::pam::control::ControlError;
use twostep_core::paths::PAM_DIR;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::module_type::ModuleType;

use super::advice;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const LINE_REFUSES: &str = "libpam treats an invalid line as a failing module, so every login is refused.";
const SERVICE_REFUSES: &str = "libpam does not load this service, so every login is refused.";
/// Without the line, a wrong password might get in.
const COMPLETE: &str = "Complete the line. Delete it only if you know what it was for.";

/// The file ends with a line that `\` continues.
pub(in crate::stack) fn line_unfinished_at_end(location: Location) -> Finding {
    Finding::problem(
        Id::PamLineUnfinished,
        location,
        "this line ends with '\\', and the file ends there",
        SERVICE_REFUSES,
        advice("Complete the line, or remove the '\\'."),
    )
}

pub(in crate::stack) fn line_unfinished_after_type(location: Location, kind: ModuleType) -> Finding {
    let what = format!("the line has nothing after '{}'", kind.word());
    Finding::problem(Id::PamLineUnfinished, location, what, LINE_REFUSES, advice(COMPLETE))
}

pub(in crate::stack) fn line_unfinished_without_module(location: Location) -> Finding {
    let what = "the line names no module";
    Finding::problem(Id::PamLineUnfinished, location, what, LINE_REFUSES, advice(COMPLETE))
}

pub(in crate::stack) fn carriage_returns(file: &str) -> Finding {
    Finding::problem(
        Id::PamCarriageReturns,
        Location::file(file),
        "the lines of this file end with carriage returns",
        "libpam reads a carriage return as part of the last word. It finds no such module or file, and refuses every login.",
        Remedy::Run { command: format!("sed -i 's/\\r$//' {file}") },
    )
}

/// `remedy` is none if nobody knows what is meant.
pub(in crate::stack) fn unknown_type(location: Location, word: &str, remedy: Option<Remedy>) -> Finding {
    let by_hand = || {
        advice(if word.eq_ignore_ascii_case("@include") {
            "This machine's libpam does not know @include. Write 'auth include NAME', and the same for the other types."
        } else {
            "Correct the word: auth, account, password or session."
        })
    };
    Finding::problem(
        Id::PamUnknownType,
        location,
        format!("unknown PAM line type '{word}'"),
        LINE_REFUSES,
        remedy.unwrap_or_else(by_hand),
    )
}

/// `remedy` is none if nobody knows what is meant.
pub(in crate::stack) fn unknown_control(
    location: Location,
    error: &ControlError,
    remedy: Option<Remedy>,
) -> Finding {
    Finding::problem(
        Id::PamUnknownControl,
        location,
        format!("libpam does not understand the control: {error}"),
        LINE_REFUSES,
        remedy.unwrap_or_else(|| advice("Correct the control; pam.d(5) lists all controls.")),
    )
}

/// `name` is empty if the line has none.
pub(in crate::stack) fn include_missing(location: Location, name: &str) -> Finding {
    let what = if name.is_empty() {
        "the line names no file to include".to_owned()
    } else {
        format!("the included file '{name}' does not exist")
    };
    Finding::problem(
        Id::PamIncludeMissing,
        location,
        what,
        SERVICE_REFUSES,
        advice("Correct the name, or install the package that has the file."),
    )
}

pub(in crate::stack) fn include_elsewhere(location: Location, file: &str) -> Finding {
    Finding::problem(
        Id::PamIncludeElsewhere,
        location,
        format!("libpam does not include {file}: it looks for included files only in {PAM_DIR}"),
        SERVICE_REFUSES,
        Remedy::Run { command: format!("cp {file} {PAM_DIR}/") },
    )
}

pub(in crate::stack) fn includes_itself(location: Location, name: &str) -> Finding {
    Finding::problem(
        Id::PamIncludesItself,
        location,
        format!("'{name}' includes itself, or the includes are nested too deeply"),
        SERVICE_REFUSES,
        advice("Delete the include that leads back to its own file."),
    )
}

pub(in crate::stack) fn too_long(location: Location) -> Finding {
    Finding::problem(
        Id::PamTooLong,
        location,
        "with this line, the service has more lines or files than doctor reads",
        "doctor does not know what the rest says, and libpam needs a long time to read it.",
        advice("Delete the lines that include the same file repeatedly."),
    )
}
