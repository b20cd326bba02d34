//! What of sshd could not be looked at. Each finding makes the report one that is not complete.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::effective;
use twostep_hostconf::sshd::launch::Launch;

use super::pam_service;
use crate::context::Context;
use crate::finding::{Finding, Remedy};

/// An sshd whose options cannot be told.
pub(crate) fn options(location: Location) -> Finding {
    finding(
        location,
        "an sshd is started here with options that cannot be told".to_owned(),
        "Check what 'sshd -T' says with the options that it gets, for everybody and with '-C' for each 'Match' block.",
    )
}

/// An sshd whose file of settings is not there.
pub(crate) fn settings(context: &Context<'_>, launch: &Launch) -> Option<Finding> {
    let is_guarded = pam_service::is_guarded(context, pam_service::USUAL);
    let is_there = launch.file.is_some() || effective::is_installed(context.root);
    (is_guarded && is_there).then(|| {
        finding(
            Location::file(launch.file.as_deref().unwrap_or(MAIN)),
            "the settings of sshd were not found".to_owned(),
            "If sshd finds them elsewhere, name the file where it is started: -f FILE.",
        )
    })
}

/// Too many `Match` blocks to look at all that may hold together.
pub(crate) fn blocks(count: usize, launch: &Launch) -> Finding {
    finding(
        Location::file(launch.file.as_deref().unwrap_or(MAIN)),
        format!(
            "{count} 'Match' blocks say how people may log in: too many to look at all that may hold together"
        ),
        "Say for everybody how they may log in, and take it out of the blocks.",
    )
}

fn finding(location: Location, what: String, advice: &str) -> Finding {
    let why = "Whether a key alone lets people in there is not known.";
    Finding::warning(location, what, why, Remedy::Advice { text: advice.to_owned() }).leaving_out()
}
