//! What lines behind ours would refuse, and can be asked before a login enrolls anybody: nologin(5), and the account's age
//! by shadow(5). Otherwise a person who knows the password of a locked account could choose its second step.

use std::ffi::c_int;
use std::io;

use crate::pam::control::ReturnValue;

/// The files in whose presence pam_nologin lets in nobody but root.
pub const NOLOGIN: [&str; 2] = ["/var/run/nologin", "/etc/nologin"];

/// The exit status where a program could not be run.
const NOT_RUN: c_int = 127;

/// Fails, with what to do, where a file of [`NOLOGIN`] is there; `look` gives what the look at one has found.
pub fn check_nologin(uid: u32, look: impl Fn(&str) -> io::Result<()>) -> Result<(), String> {
    if uid == 0 {
        return Ok(());
    }
    for file in NOLOGIN {
        match look(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{file} cannot be looked at: {error}")),
            Ok(()) => {
                return Err(format!("{file} is there, so only root may log in: remove it to end that"));
            }
        }
    }
    Ok(())
}

/// Fails, with what to do, where pam_unix refuses the account called `name`; `answer` is libpam's number for what it says.
/// An overdue password does not refuse the login: the person is asked for a new one. Nor does an account of which pam_unix knows no
/// age: a directory's line behind it may let them in, and has checked the password.
pub fn check_age(name: &str, answer: c_int) -> Result<(), String> {
    let answer_is = |value: ReturnValue| usize::try_from(answer) == Ok(value.number());
    let lets_in = [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD, ReturnValue::AUTHTOK_ERR];
    let knows_nothing = [ReturnValue::AUTHINFO_UNAVAIL, ReturnValue::USER_UNKNOWN];
    if lets_in.into_iter().chain(knows_nothing).any(answer_is) {
        return Ok(());
    }
    Err(if answer_is(ReturnValue::ACCT_EXPIRED) {
        format!("the account has expired: 'chage --expiredate DATE {name}' sets a later day")
    } else if answer_is(ReturnValue::AUTHTOK_EXPIRED) {
        format!("the password expired too long ago, and the account is locked: 'passwd {name}' ends that")
    } else if answer == NOT_RUN {
        "/sbin/unix_chkpwd cannot be run, which tells whether an account has expired: install the package of pam_unix again"
            .to_owned()
    } else {
        format!("/sbin/unix_chkpwd ends with {answer} for {name}, which says nothing of their account")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nologin_refuses_all_but_root() {
        for file in NOLOGIN {
            let look = |path: &str| if path == file { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) };
            assert!(check_nologin(7, look).unwrap_err().starts_with(&format!("{file} is there")));
            assert_eq!(check_nologin(0, look), Ok(()));
        }
        assert_eq!(check_nologin(7, |_| Err(io::ErrorKind::NotFound.into())), Ok(()));
        let unknown = check_nologin(7, |_| Err(io::ErrorKind::PermissionDenied.into()));
        assert!(unknown.unwrap_err().contains("/var/run/nologin cannot be looked at"));
    }

    #[test]
    fn refuses_whatever_pam_unix_would_refuse() {
        let table = [
            (0, None),
            (12, None), // a new password is due
            (20, None), // it may not be changed again yet
            (13, Some("the account has expired: 'chage --expiredate DATE ada'")),
            (27, Some("locked: 'passwd ada'")),
            (9, None),  // it has no entry in shadow(5)
            (10, None), // nor elsewhere
            (7, Some("unix_chkpwd ends with 7 for ada")),
            (127, Some("unix_chkpwd cannot be run")),
            (-1, Some("unix_chkpwd ends with -1")),
        ];
        for (answer, expected) in table {
            let checked = check_age("ada", answer).err();
            assert_eq!(checked.is_some(), expected.is_some(), "{answer}");
            assert!(checked.unwrap_or_default().contains(expected.unwrap_or_default()), "{answer}");
        }
    }
}
