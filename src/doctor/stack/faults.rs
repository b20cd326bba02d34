//! What libpam cannot read. It refuses rather than guess.

use twostep_core::pam::control::ControlError;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_fault::{FaultKind, PamFault};
use twostep_hostconf::pam::pam_line::PamLine;

use crate::finding::{Finding, Remedy};

const REFUSES: &str = "libpam takes such a line for one that always refuses: nobody gets in here.";
const GIVES_UP: &str = "libpam gives up on the whole service: nobody gets in here.";

/// The finding that tells of `fault`.
pub(crate) fn finding(fault: &PamFault) -> Finding {
    let place = fault.location.clone();
    match &fault.kind {
        FaultKind::CutOff => cut_off(place),
        FaultKind::CarriageReturns => carriage_returns(&place.file),
        FaultKind::UnknownKind(entry) => unknown_kind(entry),
        FaultKind::NoControl(kind) => no_control(place, *kind),
        FaultKind::UnknownControl(entry, error) => unknown_control(entry, error),
        FaultKind::NoModule => no_module(place),
        FaultKind::CannotInclude(name) => cannot_include(place, name),
        FaultKind::TooLong => too_long(place),
        FaultKind::IncludesItself(name) => includes_itself(place, name),
    }
}

fn by_hand(place: Location, what: String, why: &str, advice: &str) -> Finding {
    Finding::problem(place, what, why, Remedy::Advice { text: advice.to_owned() })
}

/// The file ends in the middle of a line.
fn cut_off(place: Location) -> Finding {
    by_hand(
        place,
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
        Location::file(file),
        what,
        why,
        Remedy::Run { command: format!("sed -i 's/\\r$//' {file}") },
    )
}

/// The first word is no kind.
fn unknown_kind(entry: &PamLine) -> Finding {
    let word = entry.words.first().map_or("", |word| word.text.as_str());
    let what = format!("'{}' is none of auth, account, password, session", word);
    if word.eq_ignore_ascii_case("@include") {
        let advice = "This machine's libpam does not know it: write 'auth include NAME', and the same for the other kinds.";
        return by_hand(entry.place.clone(), what, REFUSES, advice);
    }
    if !entry.is_ours() {
        return by_hand(entry.place.clone(), what, REFUSES, "Correct the word, or delete the line.");
    }
    let kind = if word.len() > ModuleType::Auth.word().len().saturating_add(1) {
        ModuleType::Account
    } else {
        ModuleType::Auth
    };
    let text = PamLine { kind, ..entry.clone() }.with_control(entry.control_word());
    Finding::problem(entry.place.clone(), what, REFUSES, Remedy::Replace { place: entry.place.clone(), text })
}

/// The line ends after its kind.
fn no_control(place: Location, kind: ModuleType) -> Finding {
    let what = format!("the line says '{}' and nothing else", kind.word());
    by_hand(place, what, REFUSES, "Finish the line, or delete it.")
}

/// The control is not understood.
fn unknown_control(entry: &PamLine, why: &ControlError) -> Finding {
    let what = format!("libpam does not understand the control: {}", why);
    if !entry.is_ours() {
        return by_hand(entry.place.clone(), what, REFUSES, "Correct the control; pam.d(5) has all of them.");
    }
    let text = entry.with_control("required");
    Finding::problem(entry.place.clone(), what, REFUSES, Remedy::Replace { place: entry.place.clone(), text })
}

/// The line names no module.
fn no_module(place: Location) -> Finding {
    by_hand(place, "the line names no module".to_owned(), REFUSES, "Finish the line, or delete it.")
}

/// A file is named that is not there.
fn cannot_include(place: Location, name: &str) -> Finding {
    let what = if name.is_empty() {
        "the line names no file to include".to_owned()
    } else {
        format!("there is no file '{}' to include", name)
    };
    by_hand(place, what, GIVES_UP, "Correct the name, or install the package that the file belongs to.")
}

/// More lines than this reads.
fn too_long(place: Location) -> Finding {
    by_hand(
        place,
        "with this line the service has more lines or files than doctor reads".to_owned(),
        "What stands behind it is not known, and libpam takes long for it.",
        "Delete what includes the same file again and again.",
    )
}

/// A file includes itself, or too many levels of files.
fn includes_itself(place: Location, name: &str) -> Finding {
    let what = format!("'{}' includes itself, or too deep", name);
    by_hand(place, what, GIVES_UP, "Delete the line that closes the circle.")
}
