//! Where an administrator changes a setting of sudoers. Files of vendors stay unchanged, since the next version of the package
//! would undo a change.

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::text::{MAIN, OwnFile, is_vendors};

use super::words;

pub(super) enum Place {
    /// In the line itself.
    Line,
    /// At the end of this file, which sudo reads later.
    After(OwnFile),
    /// In a copy of the vendor's main file: sudo reads only the first main file that exists.
    Copy,
}

impl Place {
    /// Where to change the line at `location`.
    pub(super) fn of(sudoers: &Sudoers, location: &Location) -> Self {
        match sudoers.own_file_after(location) {
            _ if !is_vendors(&location.file) => Self::Line,
            Some(own) => Self::After(own),
            None => Self::Copy,
        }
    }

    /// Where to remove an entry at `location`: a later line can only add to it.
    pub(super) fn of_entry(sudoers: &Sudoers, location: &Location) -> Self {
        if is_vendors(&location.file) && location.file == sudoers.main() { Self::Copy } else { Self::Line }
    }

    /// The commands that edit the file, where `location` is the line.
    pub(super) fn editors(&self, location: &Location) -> Vec<String> {
        match self {
            Self::Line => vec![words::editor(&location.file)],
            Self::After(own) => vec![words::editor(&own.file)],
            Self::Copy => vec![words::editor(MAIN[0])],
        }
    }
}

/// The command that copies the vendor's main file.
pub(super) fn copy(sudoers: &Sudoers) -> String {
    format!("cp -p {} {}", sudoers.main(), MAIN[0])
}
