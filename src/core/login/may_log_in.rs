//! The refusals of the lines after the pam_twostep account line that can be known before a login enrolls a user:
//! nologin(5), and the age of the account by shadow(5). Without this check, a user who knows the password of a locked
//! account could choose its second step.

use std::ffi::c_int;
use std::{fmt, io};

use crate::fault::Fault;
use crate::pam::control::ReturnValue;

/// The files with which pam_nologin lets only root log in.
pub const NOLOGIN: [&str; 2] = ["/var/run/nologin", "/etc/nologin"];

/// The exit status if a program could not be run.
const NOT_RUN: c_int = 127;

/// Why the system lets an account log in by no service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MayNotLogIn {
    /// This file of [`NOLOGIN`] exists.
    NoLogin(&'static str),
    /// This file of [`NOLOGIN`] cannot be looked at.
    Unseen(&'static str, io::ErrorKind),
    /// This account has expired.
    Expired(String),
    /// The password of this account expired too long ago.
    PasswordExpired(String),
    /// unix_chkpwd(8), which knows the age of accounts, cannot be run.
    NotRun,
    /// unix_chkpwd(8) ended with this status for this account.
    Unclear(String, c_int),
    /// The age of the account could not be looked up.
    Fault(Fault),
}

impl From<Fault> for MayNotLogIn {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for MayNotLogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLogin(file) => {
                write!(f, "{file} exists, so only root may log in: remove it to let others log in")
            }
            Self::Unseen(file, error) => write!(f, "cannot look at {file}: {error}"),
            Self::Expired(name) => {
                write!(f, "the account has expired: set a later day with 'chage --expiredate DATE {name}'")
            }
            Self::PasswordExpired(name) => write!(
                f,
                "the password expired too long ago, which locks the account: set a new one with 'passwd {name}'"
            ),
            Self::NotRun => write!(
                f,
                "cannot run /sbin/unix_chkpwd, which knows whether an account has expired: reinstall the package of pam_unix"
            ),
            Self::Unclear(name, status) => write!(
                f,
                "/sbin/unix_chkpwd ended with status {status} for {name}, so it is not known whether the account has expired"
            ),
            Self::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

impl std::error::Error for MayNotLogIn {}

/// Fails if a file of [`NOLOGIN`] exists. `look` gives the result of stat(2) for a file.
pub fn check_nologin(uid: u32, look: impl Fn(&str) -> io::Result<()>) -> Result<(), MayNotLogIn> {
    if uid == 0 {
        return Ok(());
    }
    for file in NOLOGIN {
        match look(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(MayNotLogIn::Unseen(file, error.kind())),
            Ok(()) => return Err(MayNotLogIn::NoLogin(file)),
        }
    }
    Ok(())
}

/// Fails if pam_unix refuses the account called `name`. `answer` is the exit status of unix_chkpwd(8), a return value
/// of libpam. An overdue password does not refuse the login: the user is asked for a new one. Nor does an account whose
/// age pam_unix does not know: a line for a directory after it may let the user in, and has checked the password.
pub fn check_age(name: &str, answer: c_int) -> Result<(), MayNotLogIn> {
    let answer_is = |value: ReturnValue| usize::try_from(answer) == Ok(value.number());
    let lets_in = [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD, ReturnValue::AUTHTOK_ERR];
    let knows_nothing = [ReturnValue::AUTHINFO_UNAVAIL, ReturnValue::USER_UNKNOWN];
    if lets_in.into_iter().chain(knows_nothing).any(answer_is) {
        return Ok(());
    }
    let name = name.to_owned();
    Err(if answer_is(ReturnValue::ACCT_EXPIRED) {
        MayNotLogIn::Expired(name)
    } else if answer_is(ReturnValue::AUTHTOK_EXPIRED) {
        MayNotLogIn::PasswordExpired(name)
    } else if answer == NOT_RUN {
        MayNotLogIn::NotRun
    } else {
        MayNotLogIn::Unclear(name, answer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_all_but_root_if_nologin_exists() {
        for file in NOLOGIN {
            let look = |path: &str| if path == file { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) };
            assert_eq!(check_nologin(7, look), Err(MayNotLogIn::NoLogin(file)));
            assert_eq!(check_nologin(0, look), Ok(()));
        }
        assert_eq!(check_nologin(7, |_| Err(io::ErrorKind::NotFound.into())), Ok(()));
        let denied = io::ErrorKind::PermissionDenied;
        let unseen = MayNotLogIn::Unseen("/var/run/nologin", denied);
        assert_eq!(check_nologin(7, |_| Err(denied.into())), Err(unseen));
    }

    #[test]
    fn refuses_every_account_that_pam_unix_would_refuse() {
        let name = || "ada".to_owned();
        let table = [
            (0, Ok(())),
            (12, Ok(())), // a new password is due
            (20, Ok(())), // it may not be changed again yet
            (13, Err(MayNotLogIn::Expired(name()))),
            (27, Err(MayNotLogIn::PasswordExpired(name()))),
            (9, Ok(())),  // it has no entry in shadow(5)
            (10, Ok(())), // nor elsewhere
            (7, Err(MayNotLogIn::Unclear(name(), 7))),
            (127, Err(MayNotLogIn::NotRun)),
            (-1, Err(MayNotLogIn::Unclear(name(), -1))),
        ];
        for (answer, expected) in table {
            assert_eq!(check_age("ada", answer), expected, "{answer}");
        }
    }
}
