//! What can be wrong with account lines.

use twostep_core::login::account_line::AccountLineFault;
use twostep_core::paths::DEBIAN_PAM_DIRS;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::pam_line::PamLine;

use super::advice;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const PURPOSE: &str =
    "The account line saves an enrollment made during login, and refuses logins that bypassed the code.";

pub(in crate::stack) fn account_line_missing(location: Location, remedy: Remedy) -> Finding {
    let what = "the pam_twostep account line is missing";
    Finding::problem(Id::PamAccountLineMissing, location, what, PURPOSE, remedy)
}

/// `by` is the line that can skip it; none if no path is known on which a line does.
pub(in crate::stack) fn account_line_can_be_skipped(
    location: Location,
    by: Option<&Location>,
    remedy: Remedy,
) -> Finding {
    let how = by.map_or_else(
        || "A line before it is neither 'required' nor 'requisite'".to_owned(),
        |line| format!("{line} can skip it"),
    );
    Finding::problem(
        Id::PamAccountLineCanBeSkipped,
        location,
        "an account line before the pam_twostep account line may skip it",
        format!("{PURPOSE} {how}, so nobody can enroll here."),
        remedy,
    )
}

/// `doubt` is what the module itself would say before an enrollment.
pub(in crate::stack) fn account_line_not_certain(location: Location, doubt: &AccountLineFault) -> Finding {
    Finding::problem(
        Id::PamAccountLineNotCertain,
        location,
        doubt.to_string(),
        "twostep cannot be certain that PAM reaches its account line, so nobody can enroll here.",
        advice("Write the account lines before it plainly, one after the other."),
    )
}

pub(in crate::stack) fn refused_login_goes_on(line: &PamLine, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::PamRefusedLoginGoesOn,
        line.location.clone(),
        format!("the pam_twostep account line is still reached after {} refuses", line.module()),
        "twostep would save an enrollment for a user who is refused, so nobody can enroll here.",
        remedy,
    )
}

/// `remedy` puts a line before the account line of twostep at `ours`; none if an administrator must write it.
pub(in crate::stack) fn refusal_comes_late(
    line: &PamLine,
    ours: &Location,
    remedy: Option<Remedy>,
) -> Finding {
    let by_hand =
        || advice(format!("Before {ours}, add a 'requisite' account line that refuses the same users."));
    Finding::warning(
        Id::PamRefusalComesLate,
        line.location.clone(),
        format!("{} can refuse a login after its enrollment is saved", line.module()),
        "Someone who knows the password but may not log in could then choose the user's second step.",
        remedy.unwrap_or_else(by_hand),
    )
}

pub(in crate::stack) fn folder_not_read(location: Location, command: String) -> Finding {
    Finding::problem(
        Id::PamFolderNotRead,
        location,
        "nobody can enroll here: twostep does not read this folder",
        format!("twostep looks for the account line only in {}.", DEBIAN_PAM_DIRS.join(" and ")),
        Remedy::Run { command },
    )
}

pub(in crate::stack) fn no_line_says_yes(location: Location, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::PamNoLineSaysYes,
        location,
        "no other account line returns success, so every login is refused",
        "The pam_twostep account line either refuses or returns PAM_IGNORE.",
        remedy,
    )
}
