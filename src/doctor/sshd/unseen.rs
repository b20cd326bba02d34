//! What of sshd could not be looked at. Each finding makes the report one that is not complete.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::launch::{Launch, installed};

use super::pam_service;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// An sshd whose options cannot be told.
pub(crate) fn options(location: Location) -> Finding {
    finding(
        Id::SshdSettingsUnknown,
        location,
        "doctor cannot tell the options of this sshd".to_owned(),
        "Run 'sshd -T' with its options, and again with '-C' for each 'Match' block. Check what it prints.",
    )
}

/// An sshd that does not say what its settings are, in these words.
pub(crate) fn program(launch: &Launch, words: &str) -> Finding {
    finding(
        Id::SshdSettingsUnknown,
        launch.origin.clone(),
        format!("doctor cannot tell the settings of this sshd: {words}"),
        "Correct that, then run doctor again.",
    )
}

/// An sshd whose file of settings is not there.
pub(crate) fn settings(context: &Context<'_>, launch: &Launch) -> Option<Finding> {
    let is_guarded = pam_service::is_guarded(context, pam_service::USUAL);
    let is_there = launch.file.is_some() || installed(context.root).is_some();
    (is_guarded && is_there).then(|| {
        finding(
            Id::SshdSettingsUnknown,
            Location::file(launch.file.as_deref().unwrap_or(MAIN)),
            "doctor did not find the settings of sshd".to_owned(),
            "If they are in another file, name it in the command that starts sshd: -f FILE.",
        )
    })
}

/// Too many `Match` blocks to look at all that may hold together.
pub(crate) fn blocks(count: usize, launch: &Launch) -> Finding {
    finding(
        Id::SshdTooManyBlocks,
        Location::file(launch.file.as_deref().unwrap_or(MAIN)),
        format!("{count} 'Match' blocks say how people may log in: too many to look at each combination"),
        "Set before the first block how everybody may log in, and remove those settings from the blocks.",
    )
}

fn finding(id: Id, location: Location, what: String, advice: &str) -> Finding {
    let why = "It may let people in by a key alone.";
    Finding::warning(id, location, what, why, Remedy::Advice { text: advice.to_owned() }).leaving_out()
}
