//! What libpam cannot read. It refuses rather than guess.

use twostep_core::pam::control::ControlError;
use twostep_core::paths::PAM_DIR;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_fault::{FaultKind, PamFault};
use twostep_hostconf::pam::pam_line::PamLine;

use super::{module_file, own_line};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const REFUSES: &str = "libpam takes such a line for one that always refuses: nobody gets in here.";
/// Without the line, a wrong password might get in.
const FINISH: &str = "Finish the line. Delete it only if you know what it was for.";
const GIVES_UP: &str = "libpam gives up on the whole service: nobody gets in here.";

/// The finding for `fault`.
pub(crate) fn finding(files: &Files<'_>, fault: &PamFault) -> Finding {
    let location = fault.location.clone();
    match &fault.kind {
        FaultKind::CutOff => cut_off(location),
        FaultKind::CarriageReturns => carriage_returns(&location.file),
        FaultKind::UnknownType(line) => unknown_kind(files, line),
        FaultKind::NoControl(kind) => no_control(location, *kind),
        FaultKind::UnknownControl(line, error) => unknown_control(files, line, error),
        FaultKind::NoModule => no_module(location),
        FaultKind::CannotInclude(name) => cannot_include(location, name),
        FaultKind::IncludedElsewhere(file) => included_elsewhere(location, file),
        FaultKind::TooLong => too_long(location),
        FaultKind::IncludesItself(name) => includes_itself(location, name),
    }
}

fn by_hand(id: Id, location: Location, what: String, why: &str, advice: &str) -> Finding {
    Finding::problem(id, location, what, why, Remedy::Advice { text: advice.to_owned() })
}

/// The file ends in the middle of a line.
fn cut_off(location: Location) -> Finding {
    by_hand(
        Id::PamLineUnfinished,
        location,
        "this line ends with '\\', and the file ends there".to_owned(),
        GIVES_UP,
        "Finish the line, or take the '\\' away.",
    )
}

/// The lines end as on Windows.
fn carriage_returns(file: &str) -> Finding {
    let what = "the lines of this file end with carriage returns";
    let why =
        "libpam takes them for a part of the last word, finds no such module or file, and refuses everybody.";
    Finding::problem(
        Id::PamCarriageReturns,
        Location::file(file),
        what,
        why,
        Remedy::Run { command: format!("sed -i 's/\\r$//' {file}") },
    )
}

/// The first word is no kind.
fn unknown_kind(files: &Files<'_>, line: &PamLine) -> Finding {
    let word = line.words.first().map_or("", |word| word.text.as_str());
    let what = format!("'{}' is none of auth, account, password, session", word);
    if word.eq_ignore_ascii_case("@include") {
        let advice = "This machine's libpam does not know it: write 'auth include NAME', and the same for the other kinds.";
        return by_hand(Id::PamUnknownType, line.location.clone(), what, REFUSES, advice);
    }
    if !line.is_ours() {
        return by_hand(Id::PamUnknownType, line.location.clone(), what, REFUSES, "Correct the word.");
    }
    let kind = if word.len() > ModuleType::Auth.word().len().saturating_add(1) {
        ModuleType::Account
    } else {
        ModuleType::Auth
    };
    let line = PamLine { kind, ..module_file::corrected(files, line) };
    Finding::problem(Id::PamUnknownType, line.location.clone(), what, REFUSES, own_line::clean(&line))
}

/// The line ends after its kind.
fn no_control(location: Location, kind: ModuleType) -> Finding {
    let what = format!("the line says '{}' and nothing else", kind.word());
    by_hand(Id::PamLineUnfinished, location, what, REFUSES, FINISH)
}

/// The control is not understood.
fn unknown_control(files: &Files<'_>, line: &PamLine, why: &ControlError) -> Finding {
    let what = format!("libpam does not understand the control: {}", why);
    if !line.is_ours() {
        return by_hand(
            Id::PamUnknownControl,
            line.location.clone(),
            what,
            REFUSES,
            "Correct the control; pam.d(5) has all of them.",
        );
    }
    let remedy = own_line::clean(&module_file::corrected(files, line));
    Finding::problem(Id::PamUnknownControl, line.location.clone(), what, REFUSES, remedy)
}

/// The line names no module.
fn no_module(location: Location) -> Finding {
    by_hand(Id::PamLineUnfinished, location, "the line names no module".to_owned(), REFUSES, FINISH)
}

/// A file is named that is not there.
fn cannot_include(location: Location, name: &str) -> Finding {
    let what = if name.is_empty() {
        "the line names no file to include".to_owned()
    } else {
        format!("there is no file '{}' to include", name)
    };
    by_hand(
        Id::PamIncludeMissing,
        location,
        what,
        GIVES_UP,
        "Correct the name, or install the package that the file belongs to.",
    )
}

/// A file is named that lies where libpam does not look for it.
fn included_elsewhere(location: Location, file: &str) -> Finding {
    let what = format!("libpam does not include {file}: it looks for such files in {PAM_DIR} alone");
    let copy = Remedy::Run { command: format!("cp {file} {PAM_DIR}/") };
    Finding::problem(Id::PamIncludeElsewhere, location, what, GIVES_UP, copy)
}

/// More lines than this reads.
fn too_long(location: Location) -> Finding {
    by_hand(
        Id::PamTooLong,
        location,
        "with this line the service has more lines or files than doctor reads".to_owned(),
        "What stands behind it is not known, and libpam takes long for it.",
        "Delete what includes the same file again and again.",
    )
}

/// A file includes itself, or too many levels of files.
fn includes_itself(location: Location, name: &str) -> Finding {
    let what = format!("'{}' includes itself, or too deep", name);
    by_hand(Id::PamIncludesItself, location, what, GIVES_UP, "Delete the line that closes the circle.")
}
