//! What lines behind ours would refuse, and can be asked before a login enrolls anybody: nologin(5), and the account's age
//! by shadow(5). Else somebody who may not log in would choose the second step of an account whose password they know.

use std::ffi::c_int;
use std::io;

use crate::pam::control::ReturnValue;

/// The files in whose presence pam_nologin lets in nobody but root.
pub const NOLOGIN: [&str; 2] = ["/var/run/nologin", "/etc/nologin"];

/// Fails, with what to do, where a file of [`NOLOGIN`] is there; `look` gives what the look at one has found.
pub fn check_nologin(uid: u32, look: impl Fn(&str) -> io::Result<()>) -> Result<(), String> {
    if uid == 0 {
        return Ok(());
    }
    for file in NOLOGIN {
        match look(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("nobody can tell whether {file} is there: {error}")),
            Ok(()) => {
                return Err(format!("{file} is there, so only root may log in: remove it to end that"));
            }
        }
    }
    Ok(())
}

/// Fails, with what to do, where pam_unix refuses the account called `name`; `answer` is libpam's number for what it says.
/// A password that has to be changed refuses nobody: who knows it changes it.
pub fn check_age(name: &str, answer: c_int) -> Result<(), String> {
    let answer_is = |value: ReturnValue| usize::try_from(answer) == Ok(value.number());
    let lets_in = [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD, ReturnValue::AUTHTOK_ERR];
    if lets_in.into_iter().any(answer_is) {
        return Ok(());
    }
    Err(if answer_is(ReturnValue::ACCT_EXPIRED) {
        format!("the account has expired: 'chage --expiredate DATE {name}' sets a later day")
    } else if answer_is(ReturnValue::AUTHTOK_EXPIRED) {
        format!("the password expired too long ago, and the account is locked: 'passwd {name}' ends that")
    } else {
        format!(
            "unix_chkpwd ends with {answer} for {name}: see pwck(8) and the line 'shadow' of /etc/nsswitch.conf"
        )
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
        assert!(unknown.unwrap_err().contains("nobody can tell whether /var/run/nologin is there"));
    }

    #[test]
    fn refuses_whatever_pam_unix_would_refuse() {
        let table = [
            (0, None),
            (12, None), // a new password is due
            (20, None), // it may not be changed again yet
            (13, Some("the account has expired: 'chage --expiredate DATE ada'")),
            (27, Some("locked: 'passwd ada'")),
            (9, Some("unix_chkpwd ends with 9 for ada")),
            (10, Some("unix_chkpwd ends with 10")),
            (127, Some("unix_chkpwd ends with 127")),
            (-1, Some("unix_chkpwd ends with -1")),
        ];
        for (answer, expected) in table {
            let checked = check_age("ada", answer).err();
            assert_eq!(checked.is_some(), expected.is_some(), "{answer}");
            assert!(checked.unwrap_or_default().contains(expected.unwrap_or_default()), "{answer}");
        }
    }
}
