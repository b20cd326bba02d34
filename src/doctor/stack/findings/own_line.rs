//! What can be wrong with a line of twostep itself.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;

use super::{advice, and};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// A finding lists at most this many services.
const MOST_NAMES: usize = 12;

pub(in crate::stack) fn refusal_is_ignored(line: &PamLine, remedy: Remedy) -> Finding {
    let why = match line.kind {
        ModuleType::Account => {
            "Users who bypassed the code, or whose enrollment was not saved, still get in."
        }
        ModuleType::Auth | ModuleType::Password | ModuleType::Session => {
            "Anyone who types a wrong code, or none, still gets in."
        }
    };
    control(Id::PamRefusalIsIgnored, line, "a refusal by twostep is ignored", why, remedy)
}

pub(in crate::stack) fn code_skips_lines(line: &PamLine, remedy: Remedy) -> Finding {
    let why = "What those lines check is not checked.";
    control(Id::PamCodeSkipsLines, line, "a right code skips the lines that follow", why, remedy)
}

pub(in crate::stack) fn ignore_decides(line: &PamLine, remedy: Remedy) -> Finding {
    let why =
        "twostep returns PAM_IGNORE for users who are exempt or not enrolled. Here it decides their login.";
    control(Id::PamIgnoreDecides, line, "PAM_IGNORE counts as a decision", why, remedy)
}

fn control(id: Id, line: &PamLine, what: &str, why: &str, remedy: Remedy) -> Finding {
    let what = format!("{what}: the control is {}", line.control_word());
    Finding::problem(id, line.location.clone(), what, why, remedy)
}

pub(in crate::stack) fn dash_hides_error(line: &PamLine, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::PamDashHidesError,
        line.location.clone(),
        format!("the line begins with '-{}'", line.kind.word()),
        "If the module is missing, libpam still refuses every login, but does not log the reason.",
        remedy,
    )
}

/// An argument that makes twostep refuse every login.
pub(in crate::stack) enum WrongArgument {
    Twice(String),
    /// An argument that names a method of sshd, with this value.
    NoSuchMethod {
        key: String,
        value: String,
    },
    /// `sshd_accepted=` beside another argument.
    NotAlone,
    /// `sshd_accepted=` in an account line.
    AuthAlone,
    /// An argument that only other modules have, and what replaces it.
    Unknown {
        argument: String,
        instead: Option<&'static str>,
    },
}

pub(in crate::stack) fn wrong_argument(location: Location, wrong: &WrongArgument, remedy: Remedy) -> Finding {
    let what = match wrong {
        WrongArgument::Twice(key) => format!("the argument {key} is given twice"),
        WrongArgument::NoSuchMethod { key, value } => format!("{key} cannot be '{value}'"),
        WrongArgument::NotAlone => "sshd_accepted= allows no other argument on its line".to_owned(),
        WrongArgument::AuthAlone => "sshd_accepted= is for auth lines alone".to_owned(),
        WrongArgument::Unknown { argument, instead } => {
            let instead = instead.map_or_else(String::new, |instead| format!(": {instead}"));
            format!("twostep does not know the argument '{argument}'{instead}")
        }
    };
    let why = match wrong {
        WrongArgument::NotAlone | WrongArgument::AuthAlone => {
            "Such a line returns an error whether or not sshd has accepted the method."
        }
        WrongArgument::Twice(_) | WrongArgument::NoSuchMethod { .. } | WrongArgument::Unknown { .. } => {
            "twostep refuses every login, because it does not guess what an argument means."
        }
    };
    Finding::problem(Id::PamWrongArgument, location, what, why, remedy)
}

/// `folder` is the value of `root=`.
pub(in crate::stack) fn argument_for_tests(location: Location, folder: &str, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::PamArgumentForTests,
        location,
        format!("root={folder} is an argument for tests"),
        "twostep uses the policy, users and lockouts below that directory, not those of this machine.",
        remedy,
    )
}

/// `others` are services that include the line and cannot ask for a code.
pub(in crate::stack) fn line_in_shared_file(
    location: Location,
    kind: ModuleType,
    others: &[&str],
    remedy: Remedy,
) -> Finding {
    let (named, more) = others.split_at_checked(MOST_NAMES).unwrap_or((others, &[]));
    let among = match (named.is_empty(), more.len()) {
        (true, _) => String::new(),
        (false, 0) => format!(", also {}", and(named)),
        (false, more) => format!(", also {} and {more} more", named.join(", ")),
    };
    let why = match kind {
        ModuleType::Auth => {
            "Some screen lockers, servers and other programs cannot ask for a code, and lock users out."
        }
        ModuleType::Account | ModuleType::Password | ModuleType::Session => {
            "An error in the policy then stops all these services, cron included, and sshd can skip the line."
        }
    };
    let what = format!("the pam_twostep line is in a file that many services include{among}");
    Finding::problem(Id::PamLineInSharedFile, location, what, why, remedy)
}

/// `services` need an account line of their own.
pub(in crate::stack) fn own_account_lines_first(services: &[&str]) -> Remedy {
    advice(format!("First add an account line to the files of {}. Then delete this line.", and(services)))
}
