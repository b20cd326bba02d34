//! Where an administrator changes what a line of sudoers says. A file of a vendor's is left alone, since the next version of
//! its package would undo the change.

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::Sudoers;
use twostep_hostconf::sudoers::text::{MAIN, OwnFile, is_vendors};

use super::words;

pub(super) enum Place {
    /// In the line itself.
    Line,
    /// At the end of this file, which sudo reads later.
    After(OwnFile),
    /// In the main file, once it is a copy of the vendor's: sudo reads only the first one that is there.
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

    /// Where to take away an entry at `location`: what stands later adds to it.
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

    /// Why not in the line itself.
    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::Line => "",
            Self::After(_) => {
                " A package owns this file: leave it as it is, and set the option in a file of yours that sudo reads later."
            }
            Self::Copy => {
                " A package owns this file, and sudo reads it only while there is no /etc/sudoers: copy it there, then run \
                 doctor again."
            }
        }
    }
}

/// The command that copies the vendor's main file.
pub(super) fn copy(sudoers: &Sudoers) -> String {
    format!("cp -p {} {}", sudoers.main(), MAIN[0])
}
