//! Settings of sshd that could not be checked. Each finding makes the report incomplete.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::launch::{Launch, installed};

use super::{findings, pam_service};
use crate::context::Context;
use crate::finding::Finding;

/// The finding on an sshd whose file of settings does not exist.
pub(crate) fn settings(context: &Context<'_>, launch: &Launch) -> Option<Finding> {
    let is_guarded = pam_service::is_guarded(context, pam_service::USUAL);
    let is_there = launch.file.is_some() || installed(context.root).is_some();
    (is_guarded && is_there).then(|| findings::settings_unknown_without_file(file(launch)))
}

/// The finding on `count` blocks, whose combinations are too many to check.
pub(crate) fn blocks(count: usize, launch: &Launch) -> Finding {
    findings::too_many_blocks(file(launch), count)
}

fn file(launch: &Launch) -> Location {
    Location::file(launch.file.as_deref().unwrap_or(MAIN))
}
