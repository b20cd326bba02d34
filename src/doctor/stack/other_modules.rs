//! The arguments of pam_google_authenticator and pam_oath, which a line keeps when only its module is changed.

/// Each argument, without a value, and what replaces it here. docs/MIGRATION.md has the same table.
const ADVICE: [(&str, &str); 19] = [
    ("nullok", "mode = \"opt-in\" in the policy lets users in who are not enrolled"),
    (
        "secret",
        "secrets are in the store: 'twostep import google-authenticator --all-homes --secret PATH' imports them",
    ),
    ("usersfile", "secrets are in the store: 'twostep import pam-oath FILE' imports them"),
    (
        "user",
        "not needed: the store belongs to the account twostep, and programs that do not run as root use its helper",
    ),
    ("no_strict_owner", "not needed: owners in the store are always checked"),
    ("allowed_perm", "not needed: modes in the store are always checked"),
    (
        "debug",
        "not needed: every decision is logged, and 'twostep policy explain' and 'twostep doctor' tell more",
    ),
    (
        "noskewadj",
        "not needed: skew-steps in [verification] of the policy sets how far a phone's clock may be off",
    ),
    ("window", "use skew-steps in [verification] of the policy, 0 to 3"),
    (
        "digits",
        "each authenticator has its own digits; for new ones, set digits in [enrollment] of the policy",
    ),
    ("no_increment_hotp", "counter-based codes (HOTP) are not supported: enroll with a TOTP app"),
    ("allow_readonly", "a code that cannot be marked as used is refused: /var/lib/twostep must be writable"),
    ("echo_verification_code", "not needed: a code is shown while it is typed, since it works once"),
    ("echo-verification-code", "not needed: a code is shown while it is typed, since it works once"),
    ("authtok_prompt", "not needed: the prompt is always the same"),
    (
        "grace_period",
        "a [[rule]] of the policy with from = [networks] and mode = \"exempt\" asks no code from there",
    ),
    (
        "try_first_pass",
        "use forward_pass on a line before those that check the password: one question for password and code",
    ),
    (
        "use_first_pass",
        "use forward_pass on a line before those that check the password: one question for password and code",
    ),
    ("alwaysok", "nothing lets every login in; with mode = \"exempt\" in the policy no code is asked for"),
];

/// What replaces `argument` of another module. None if no known module has it.
pub(crate) fn instead_of(argument: &str) -> Option<&'static str> {
    let name = argument.split_once('=').map_or(argument, |(name, _)| name);
    ADVICE.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_argument_with_and_without_value() {
        assert_eq!(instead_of("grace_period=600"), instead_of("grace_period"));
        assert!(instead_of("nullok").is_some_and(|advice| advice.contains("opt-in")));
        assert_eq!(instead_of("nullok2"), None);
        assert_eq!(instead_of("forward_pass"), None); // ours, too
    }
}
