//! What unix_chkpwd(8), pam_unix's own helper, says of an account's age. It reads shadow(5) where the program that we are in
//! may not, as under SELinux.

use std::ffi::{CStr, CString, c_int, c_uint};

use nix::unistd::User;

use crate::fault::{Fault, NamesProblem, Wanted};

use super::spawn;

/// Where pam_unix looks for it, too.
const UNIX_CHKPWD: &CStr = c"/sbin/unix_chkpwd";
/// How many seconds it may take.
const PATIENCE: c_uint = 5;

/// What pam_unix's account phase would answer for the account called `name`, as libpam's number. None where its password is
/// not in the shadow database, so that pam_unix knows of no age.
pub fn check(name: &str) -> Result<Option<c_int>, Fault> {
    let user = User::from_name(name).map_err(|error| Fault::look_up(Wanted::Age(name.to_owned()), error))?;
    let user = user.ok_or_else(|| NamesProblem::NoUser(name.to_owned()))?;
    if !is_shadowed(name, user.passwd.to_bytes()) {
        return Ok(None);
    }
    let argument = CString::new(name).map_err(|_| NamesProblem::NoName(name.to_owned()))?;
    spawn::run(UNIX_CHKPWD, &[c"unix_chkpwd", &argument, c"chkexpiry"], PATIENCE).map(Some)
}

/// Whether passwd(5) says that the password is elsewhere, in one of the two ways that pam_unix knows.
fn is_shadowed(name: &str, password: &[u8]) -> bool {
    password == b"x" || password.strip_prefix(b"##").is_some_and(|rest| rest == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shadowed_passwords_have_an_age() {
        let table =
            [("x", true), ("##ada", true), ("##eve", false), ("*", false), ("", false), ("x1", false)];
        for (password, expected) in table {
            assert_eq!(is_shadowed("ada", password.as_bytes()), expected, "{password}");
        }
    }

    #[test]
    fn an_account_that_is_gone_is_an_error() {
        assert_eq!(check("no-such-user"), Err(NamesProblem::NoUser("no-such-user".to_owned()).into()));
    }
}
