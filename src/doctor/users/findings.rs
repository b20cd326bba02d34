//! The sentences of the findings about users with a record: one function a finding, named after its id.

use twostep_hostconf::location::Location;

use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// After `twostep reset`.
const UNTIL_THEN: &str =
    "Until then the user is not enrolled, and gets in without a code where the second step is opt-in.";

/// `what` is what is wrong with the file. Only a newer version can read a file `of_newer_version`: a reset would lose the enrollment.
pub(super) fn file_damaged(location: Location, what: String, name: &str, of_newer_version: bool) -> Finding {
    let text = if of_newer_version {
        "A newer version of twostep wrote it: install that version again.".to_owned()
    } else {
        format!(
            "Restore it from a backup, or run 'twostep reset {name}' and let the user enroll again. {UNTIL_THEN}"
        )
    };
    Finding::problem(
        Id::UsersFileDamaged,
        location,
        what,
        format!("The logins of {name} are refused."),
        advice(text),
    )
}

/// `stored` is the name in the record.
pub(super) fn account_gone(location: Location, uid: u32, stored: &str) -> Finding {
    Finding::warning(
        Id::UsersAccountGone,
        location,
        format!("the account of '{stored}' no longer exists"),
        format!("The next user with the uid {uid} could not log in, because of this record."),
        advice(format!("If the account was deleted for good, run 'twostep reset {uid}'.")),
    )
}

/// A directory service that is away, without a cache, reports its users as unknown.
pub(super) fn account_not_found(location: Location, uid: u32, stored: &str, sources: &str) -> Finding {
    Finding::warning(
        Id::UsersAccountNotFound,
        location,
        format!("no account has the uid {uid}, under which the second step of '{stored}' is stored"),
        format!(
            "The account was deleted, or the directory service ({sources}) may be away: both look the same."
        ),
        advice(format!(
            "Keep the record until the directory service answers to 'getent passwd {stored}', or its administrator confirms that \
             the account was deleted."
        )),
    )
}

/// `is_rewritten` if both names may be spellings of one, as when a directory service changes all names.
pub(super) fn uid_has_another_name(
    location: Location,
    uid: u32,
    stored: &str,
    account: &str,
    is_rewritten: bool,
) -> Finding {
    let all = if is_rewritten {
        " If the directory service now writes all names differently, run 'twostep rebind --all --dry-run'."
    } else {
        ""
    };
    Finding::problem(
        Id::UsersUidHasAnotherName,
        location,
        format!("this is the second step of '{stored}', but uid {uid} is now '{account}'"),
        format!("The logins of {account} are refused, because the uid may now belong to another user."),
        advice(format!(
            "If '{stored}' was renamed, run 'twostep rebind {account}'. If not, run 'twostep reset {account}' and let the user \
             enroll again. {UNTIL_THEN}{all}"
        )),
    )
}

pub(super) fn locked_out(location: Location, name: &str, failures: u16) -> Finding {
    let what = format!("codes of {name} are refused after {failures} wrong codes in a row");
    wrong_codes(Id::UsersLockedOut, location, what, name)
}

/// At `limit` wrong codes in a row, codes are refused.
pub(super) fn near_lockout(location: Location, name: &str, failures: u16, limit: u16) -> Finding {
    let what = format!("{name} has {failures} wrong codes in a row; at {limit}, codes are refused");
    wrong_codes(Id::UsersNearLockout, location, what, name)
}

pub(super) fn must_wait(location: Location, name: &str, failures: u16) -> Finding {
    let what = format!("{name} must wait after {failures} wrong codes in a row");
    wrong_codes(Id::UsersMustWait, location, what, name)
}

fn wrong_codes(id: Id, location: Location, what: String, name: &str) -> Finding {
    Finding::warning(
        id,
        location,
        what,
        "Someone is guessing codes, or the clock of the user's phone is wrong; the log says by how much.",
        advice(format!("Ask {name}. If it was the user's own mistake, run 'twostep unlock {name}'.")),
    )
}

pub(super) fn code_in_the_future(location: Location, name: &str, days: u64) -> Finding {
    Finding::problem(
        Id::UsersCodeInTheFuture,
        location,
        format!("the last accepted code of {name} is dated {days} days in the future"),
        "The clock is wrong, or was. Codes up to that time are refused.",
        advice(format!("Set the clock, then run 'twostep unlock {name} --reset-clock'.")),
    )
}

pub(super) fn few_recovery_codes(location: Location, name: &str, left: u8) -> Finding {
    let left = match left {
        0 => "no recovery code".to_owned(),
        1 => "1 recovery code".to_owned(),
        left => format!("{left} recovery codes"),
    };
    Finding::warning(
        Id::UsersFewRecoveryCodes,
        location,
        format!("{name} has {left} left"),
        "Without a recovery code, a user who loses the phone cannot log in.",
        advice(format!("With {name} present, run 'twostep recovery --user {name}'.")),
    )
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}
