//! Every path that more than one file needs, once. Paths are absolute; [`crate::os::root::Root`] finds them below
//! another root.

use std::ffi::CStr;

// `concat!` accepts only literals.
macro_rules! policy_dir {
    () => {
        "/etc/twostep"
    };
}

macro_rules! store {
    () => {
        "/var/lib/twostep"
    };
}

macro_rules! users {
    () => {
        "users"
    };
}

macro_rules! states {
    () => {
        "state"
    };
}

/// The folder of the policy.
pub const POLICY_DIR: &str = policy_dir!();
/// The policy file (twostep.policy(5)).
pub const POLICY: &str = concat!(policy_dir!(), "/policy.toml");

/// The folder of the store.
pub const STORE: &str = store!();
/// The folder of the secret files.
pub const USERS: &str = concat!(store!(), "/", users!());
/// The name of that folder in the store.
pub(crate) const USERS_NAME: &str = users!();
/// The folder of the state files.
pub const STATES: &str = concat!(store!(), "/", states!());
/// The name of that folder in the store.
pub(crate) const STATES_NAME: &str = states!();
/// The file in the store that says which format new state files have.
pub const FORMAT: &str = "format";

/// The folder of a change to other programs' files that waits to be kept. Not in the store, which the account `twostep` can write.
pub const CHANGES: &str = "/var/lib/twostep-enable";

/// The program that judges codes for programs that do not run as root.
pub const HELPER: &CStr = c"/usr/libexec/twostep/twostep-helper";

/// The folder in which administrators write PAM's service files.
pub const PAM_DIR: &str = "/etc/pam.d";
/// The folders in which libpam looks for the file of a service: the first that has it counts. The last two belong to
/// vendors: Fedora and Arch, and SUSE.
pub const PAM_DIRS: &[&str] = &[PAM_DIR, "/usr/lib/pam.d", "/usr/share/pam.d", "/usr/etc/pam.d"];
/// The folders that Debian's libpam knows.
pub const DEBIAN_PAM_DIRS: &[&str] = PAM_DIRS.split_at(2).0;
/// The file that libpam reads if none of these folders exists.
pub const PAM_CONF: &str = "/etc/pam.conf";

/// The folder with service files to copy, for each release of a system.
pub const SERVICE_FILES: &str = "/usr/share/twostep/pam.d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_reads_two_folders() {
        assert_eq!(DEBIAN_PAM_DIRS, ["/etc/pam.d", "/usr/lib/pam.d"]);
    }
}
