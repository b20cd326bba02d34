//! The shell of an account.

/// Whether this shell of passwd(5) allows a login. An empty one is /bin/sh.
pub fn is_login_shell(shell: &str) -> bool {
    let last = shell.rsplit('/').next().unwrap_or("");
    !["nologin", "false", "sync", "halt", "shutdown"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_shells_that_allow_no_login() {
        for (shell, expected) in
            [("/usr/sbin/nologin", false), ("/bin/false", false), ("", true), ("/bin/sh", true)]
        {
            assert_eq!(is_login_shell(shell), expected, "{shell}");
        }
    }
}
