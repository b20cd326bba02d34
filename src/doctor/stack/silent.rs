//! What stands in the place of a service's file, and cannot be read.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;

use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What is no regular file.
pub(crate) fn check(files: &Files<'_>) -> Vec<Finding> {
    files.unreadable().into_iter().map(cannot_be_read).collect()
}

fn cannot_be_read(file: String) -> Finding {
    Finding::warning(
        Id::PamServiceNotAFile,
        Location::file(file),
        "this is not a regular file",
        "libpam does not read it, or waits for ever: who logs in by this service is refused.",
        Remedy::Advice {
            text: "Put a regular file in its place. Without one, a service is treated by the file 'other', which may ask \
                   for no code."
                .to_owned(),
        },
    )
}
