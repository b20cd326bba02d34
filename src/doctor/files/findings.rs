//! The sentences of the findings about files: one function a finding, named after its id.

use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;

use crate::finding::{Finding, Remedy};
use crate::helper_path::{HELPER, WHO_NEEDS_IT};
use crate::id::Id;

const EVERY_LOGIN: &str = "Every login that twostep guards is refused.";
const NEW_RECORDS: &str = "twostep cannot create a state file. So users cannot enroll. A user who has a secret file and no state file \
                           cannot log in. Other logins work as before.";
const INSTALL: &str = "Install twostep again.";

/// What goes wrong where a file is not as it must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Harm {
    EveryLogin,
    /// The logins of the user with this name.
    LoginsOf(String),
    /// No record can be created.
    NewRecords,
    /// Others can change the command.
    CommandOfOthers,
    /// Others can change the helper, or a folder above it.
    HelperOfOthers,
}

impl Harm {
    fn words(&self) -> String {
        match self {
            Self::EveryLogin => EVERY_LOGIN.to_owned(),
            Self::LoginsOf(name) => format!("The logins of {name} are refused."),
            Self::NewRecords => NEW_RECORDS.to_owned(),
            Self::CommandOfOthers => {
                "Anyone who can change this file can read secrets, and let in anyone.".to_owned()
            }
            Self::HelperOfOthers => {
                "All users run the helper, and it reads all secrets. Anyone who can change this can let in anyone. If someone may \
                 have done so, install twostep again."
                    .to_owned()
            }
        }
    }
}

/// What is lost with a missing file or directory, and not restored by the command that makes a new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Loss {
    Nothing,
    Rules,
    Enrollments,
}

pub(super) fn missing(path: &str, harm: &Harm, loss: Loss, command: String) -> Finding {
    let loss = match loss {
        Loss::Nothing => "",
        Loss::Rules => {
            " With the policy below, only enrolled users need a code. If yours required more, restore a backup instead."
        }
        Loss::Enrollments => {
            " If users were enrolled, restore a backup instead. In a new store nobody is enrolled, and users for whom the second \
             step is opt-in get in without a code."
        }
    };
    let why = format!("{}{loss}", harm.words());
    Finding::problem(Id::FilesMissing, Location::file(path), "it is missing", why, Remedy::Run { command })
}

pub(super) fn wrong_owner(path: &str, harm: &Harm, uid: u32, wanted: &str, command: String) -> Finding {
    let what = format!("it belongs to uid {uid}, not to {wanted}");
    problem(Id::FilesWrongOwner, path, what, harm, Remedy::Run { command })
}

/// `can_change` if others can change it; otherwise they can read or enter it.
pub(super) fn open_to_others(
    path: &str,
    harm: &Harm,
    can_change: bool,
    mode: u32,
    command: String,
) -> Finding {
    let verb = if can_change { "change" } else { "use" };
    let what = format!("its group or others can {verb} it (mode {mode:04o})");
    problem(Id::FilesOpenToOthers, path, what, harm, Remedy::Run { command })
}

pub(super) fn hard_links(path: &str, harm: &Harm, command: String) -> Finding {
    let what = "it has more than one name (hard links)";
    problem(Id::FilesHardLinks, path, what, harm, Remedy::Run { command })
}

/// It must be a directory if `wants_directory`, otherwise a regular file.
pub(super) fn wrong_type(path: &str, harm: &Harm, is_link: bool, wants_directory: bool) -> Finding {
    let wanted = if wants_directory { "a directory" } else { "a regular file" };
    let (what, replace) = if is_link {
        ("it is a symbolic link, which twostep does not follow".to_owned(), "Replace the link")
    } else {
        (format!("it is not {wanted}"), "Replace it")
    };
    problem(Id::FilesWrongType, path, what, harm, advice(format!("{replace} with {wanted}.")))
}

pub(super) fn cannot_be_read(path: &str, harm: &Harm, error: &std::io::Error) -> Finding {
    let what = format!("it cannot be examined: {error}");
    let text = "The disk or its mount may be faulty: 'dmesg' tells more.";
    problem(Id::FilesCannotBeRead, path, what, harm, advice(text))
}

/// `fault` keeps the store, or a file in it, from being used.
pub(super) fn store_cannot_be_read(fault: String, harm: &Harm) -> Finding {
    let text = "Correct that, then run 'twostep doctor' again.";
    problem(Id::FilesCannotBeRead, STORE, fault, harm, advice(text))
}

pub(super) fn policy_too_long(path: &str) -> Finding {
    too_long(path, &Harm::EveryLogin, "Write fewer rules: name groups rather than users.")
}

pub(super) fn record_too_long(path: &str, harm: &Harm) -> Finding {
    too_long(path, harm, "twostep does not write such files: restore it from a backup.")
}

fn too_long(path: &str, harm: &Harm, text: &str) -> Finding {
    problem(Id::FilesTooLong, path, "it is longer than 64 KiB", harm, advice(text))
}

/// `path` is the file that names the format of new records.
pub(super) fn unknown_format(path: &str) -> Finding {
    let what = "it names no format of records that this version knows";
    let text = format!(
        "If a later version of twostep wrote it, install that version. Otherwise run 'rm {path} && twostep storage upgrade'. This \
         gives all records format 2."
    );
    problem(Id::FilesUnknownFormat, path, what, &Harm::NewRecords, advice(text))
}

/// Programs that are not root need the policy or a folder above it.
pub(super) fn policy_closed_to_others(path: &str, is_dir: bool, mode: u32) -> Finding {
    let why = "Programs that do not run as root, such as screen lockers, refuse every login, and users cannot enroll or use \
               'twostep' themselves. sshd, login, sudo and su read it as root.";
    closed_to_others(path, is_dir, mode, why)
}

/// Programs that are not root need a folder above the helper.
pub(super) fn helper_closed_to_others(path: &str, is_dir: bool, mode: u32) -> Finding {
    closed_to_others(path, is_dir, mode, WHO_NEEDS_IT)
}

fn closed_to_others(path: &str, is_dir: bool, mode: u32, why: &str) -> Finding {
    let (verb, change) = if is_dir { ("enter", "o+x") } else { ("read", "o+r") };
    let what = format!("only root and its group can {verb} it (mode {mode:04o})");
    let remedy = Remedy::Run { command: format!("chmod {change} {path}") };
    Finding::warning(Id::FilesClosedToOthers, Location::file(path), what, why, remedy)
}

pub(super) fn left_over(path: &str) -> Finding {
    Finding::warning(
        Id::FilesLeftOver,
        Location::file(path),
        "left over from a replacement that was interrupted",
        "twostep ignores it, but it may contain a secret.",
        Remedy::Run { command: format!("rm {path}") },
    )
}

pub(super) fn not_ours(path: &str) -> Finding {
    Finding::warning(
        Id::FilesNotOurs,
        Location::file(path),
        "this is not a file of twostep",
        "twostep ignores it. If it is a copy of a secret file, it contains a secret.",
        advice("Move it away, or delete it."),
    )
}

pub(super) fn helper_missing() -> Finding {
    let what = "the helper is missing";
    Finding::warning(Id::HelperMissing, Location::file(HELPER), what, WHO_NEEDS_IT, advice(INSTALL))
}

/// `bit` is set-uid or set-gid.
pub(super) fn helper_runs_as_root(bit: &str, mode: u32, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::HelperRunsAsRoot,
        Location::file(HELPER),
        format!("it is {bit} to root (mode {mode:04o})"),
        "Any user who starts it runs it as root, for which it is not made: a fault in it would make every user root.",
        remedy,
    )
}

/// `is_harmless` if it belongs to root and is neither set-uid nor open to others.
pub(super) fn helper_wrong_owner(uid: u32, gid: u32, is_harmless: bool, remedy: Remedy) -> Finding {
    let what = format!("it belongs to {uid}:{gid}, not to the account twostep");
    let location = Location::file(HELPER);
    if is_harmless {
        return Finding::warning(Id::FilesWrongOwner, location, what, WHO_NEEDS_IT, remedy);
    }
    let why =
        format!("It runs with the rights of another account, or that account can change it. {WHO_NEEDS_IT}");
    Finding::problem(Id::FilesWrongOwner, location, what, why, remedy)
}

pub(super) fn helper_open_to_others(mode: u32, command: String) -> Finding {
    open_to_others(HELPER, &Harm::HelperOfOthers, true, mode, command)
}

/// A mode bit that the helper needs.
pub(super) enum Bit {
    SetUid,
    SetGid,
    /// For all users.
    Execute,
}

pub(super) fn helper_without_bits(missing: &Bit, mode: u32, command: String) -> Finding {
    let (what, why) = match missing {
        Bit::SetUid => ("it is not set-uid", WHO_NEEDS_IT),
        Bit::SetGid => ("it is not set-gid", "It keeps the group of the user who starts it."),
        Bit::Execute => ("not all users can start it", WHO_NEEDS_IT),
    };
    let what = format!("{what} (mode {mode:04o})");
    let location = Location::file(HELPER);
    Finding::warning(Id::HelperWithoutBits, location, what, why, Remedy::Run { command })
}

pub(super) fn install_again() -> Remedy {
    advice(INSTALL)
}

fn problem(id: Id, path: &str, what: impl Into<String>, harm: &Harm, remedy: Remedy) -> Finding {
    Finding::problem(id, Location::file(path), what, harm.words(), remedy)
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}
