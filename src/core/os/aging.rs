//! The age of an account, from unix_chkpwd(8), the helper of pam_unix. It reads shadow(5) where the host program may
//! not, as under SELinux.

use std::ffi::{CStr, CString, c_int, c_uint};

use nix::unistd::User;

use crate::fault::{Fault, NamesProblem, Wanted};

use super::spawn;

/// pam_unix uses the same path.
const UNIX_CHKPWD: &CStr = c"/sbin/unix_chkpwd";
/// Seconds after which it is killed.
const PATIENCE: c_uint = 5;

/// The answer of pam_unix's account phase for the account called `name`, as libpam's number. None if its password is
/// not in the shadow database: then pam_unix knows no age.
pub fn check(name: &str) -> Result<Option<c_int>, Fault> {
    let user = User::from_name(name).map_err(|error| Fault::look_up(Wanted::Age(name.to_owned()), error))?;
    let user = user.ok_or_else(|| NamesProblem::NoUser(name.to_owned()))?;
    if !is_shadowed(name, user.passwd.to_bytes()) {
        return Ok(None);
    }
    let argument = CString::new(name).map_err(|_| NamesProblem::NoName(name.to_owned()))?;
    spawn::run(UNIX_CHKPWD, &[c"unix_chkpwd", &argument, c"chkexpiry"], PATIENCE).map(Some)
}

/// Whether passwd(5) says that the password is elsewhere, in one of the two forms that pam_unix knows.
fn is_shadowed(name: &str, password: &[u8]) -> bool {
    password == b"x" || password.strip_prefix(b"##").is_some_and(|rest| rest == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_age_of_shadowed_passwords_only() {
        let table =
            [("x", true), ("##ada", true), ("##eve", false), ("*", false), ("", false), ("x1", false)];
        for (password, expected) in table {
            assert_eq!(is_shadowed("ada", password.as_bytes()), expected, "{password}");
        }
    }

    #[test]
    fn fails_for_account_that_is_gone() {
        assert_eq!(check("no-such-user"), Err(NamesProblem::NoUser("no-such-user".to_owned()).into()));
    }
}
