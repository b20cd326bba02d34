//! What libpam cannot read in the files of a service.

use twostep_core::pam::control::ControlError;

use super::module_type::ModuleType;
use super::pam_line::PamLine;
use crate::location::Location;

/// Something that libpam cannot read.
#[derive(Clone, Debug)]
pub struct PamFault {
    /// The line, or the file as a whole.
    pub location: Location,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What libpam cannot read.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// The file ends in the middle of a line.
    CutOff,
    /// The lines end as on Windows.
    CarriageReturns,
    /// The first word of this line is no type.
    UnknownType(Box<PamLine>),
    /// The line ends after its kind.
    NoControl(ModuleType),
    /// The control of this line is not understood.
    UnknownControl(Box<PamLine>, ControlError),
    /// The line names no module.
    NoModule,
    /// The file of this name cannot be included; no name is given if it is empty.
    CannotInclude(String),
    /// This file cannot be included, because libpam does not look for included files in its directory.
    IncludedElsewhere(String),
    /// The service has more lines or files than are read.
    TooLong,
    /// The file of this name includes itself, or too many levels of files.
    IncludesItself(String),
}
