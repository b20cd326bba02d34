//! The modules that check a first factor.

/// The argument with which a line of twostep asks what sshd has accepted.
pub const SSHD_ACCEPTED: &str = "sshd_accepted=";

/// Modules that each check a first factor alone: their auth phase returns PAM_SUCCESS only after a right one.
const KNOWN_FACTORS: [&str; 12] = [
    "pam_unix",
    "pam_unix2",
    "pam_sss",
    "pam_ldap",
    "pam_krb5",
    "pam_winbind",
    "pam_systemd_home",
    "pam_pwdfile",
    "pam_userdb",
    "pam_himmelblau",
    "pam_fprintd",
    "pam_pkcs11",
];

/// Modules among them that check every user, and return neither PAM_IGNORE nor PAM_NEW_AUTHTOK_REQD.
const NEVER_IGNORE: [&str; 4] = ["pam_unix", "pam_unix2", "pam_pwdfile", "pam_userdb"];

/// Whether the auth phase of the module at `path` either accepts a user or refuses.
pub fn never_ignores(path: &str) -> bool {
    NEVER_IGNORE.contains(&stem(path))
}

/// Whether the module at `path` is known to check a first factor.
pub fn is_known_factor(path: &str) -> bool {
    KNOWN_FACTORS.contains(&stem(path))
}

/// A module's name without directory and ending.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name).trim_end()
}
