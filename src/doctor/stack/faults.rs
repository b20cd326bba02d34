//! What libpam cannot read. It refuses rather than guess.

use twostep_core::pam::control::ControlError;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_fault::{FaultKind, PamFault};
use twostep_hostconf::pam::pam_line::PamLine;

use super::findings::unreadable as findings;
use super::{module_file, own_line};
use crate::finding::Finding;

pub(crate) fn finding(files: &Files<'_>, fault: &PamFault) -> Finding {
    let location = fault.location.clone();
    match &fault.kind {
        FaultKind::CutOff => findings::line_unfinished_at_end(location),
        FaultKind::CarriageReturns => findings::carriage_returns(&location.file),
        FaultKind::UnknownType(line) => unknown_type(files, line),
        FaultKind::NoControl(kind) => findings::line_unfinished_after_type(location, *kind),
        FaultKind::UnknownControl(line, error) => unknown_control(files, line, error),
        FaultKind::NoModule => findings::line_unfinished_without_module(location),
        FaultKind::CannotInclude(name) => findings::include_missing(location, name),
        FaultKind::IncludedElsewhere(file) => findings::include_elsewhere(location, file),
        FaultKind::TooLong => findings::too_long(location),
        FaultKind::IncludesItself(name) => findings::includes_itself(location, name),
    }
}

/// The type of a pam_twostep line is guessed by the length of the word.
fn unknown_type(files: &Files<'_>, line: &PamLine) -> Finding {
    let word = line.words.first().map_or("", |word| word.text.as_str());
    let kind = if word.len() > ModuleType::Auth.word().len().saturating_add(1) {
        ModuleType::Account
    } else {
        ModuleType::Auth
    };
    let fixed = || own_line::clean(&PamLine { kind, ..module_file::corrected(files, line) });
    findings::unknown_type(line.location.clone(), word, line.is_ours().then(fixed))
}

fn unknown_control(files: &Files<'_>, line: &PamLine, error: &ControlError) -> Finding {
    let fixed = || own_line::clean(&module_file::corrected(files, line));
    findings::unknown_control(line.location.clone(), error, line.is_ours().then(fixed))
}
