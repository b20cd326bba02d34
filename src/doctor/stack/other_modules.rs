//! The arguments of pam_google_authenticator and pam_oath, which a line keeps when only its module is changed.

/// Each argument, and what does its job here. A value behind `=` is not part of the name.
const ADVICE: [(&str, &str); 19] = [
    ("nullok", "mode = \"opt-in\" in the policy lets in who is not enrolled"),
    (
        "secret",
        "secrets lie in the store: 'twostep import google-authenticator --all-homes --secret PATH' brings them there",
    ),
    ("usersfile", "secrets lie in the store: 'twostep import pam-oath FILE' brings them there"),
    (
        "user",
        "nothing to set: the store belongs to the account twostep, and programs without root's rights ask its helper",
    ),
    ("no_strict_owner", "nothing to set: owners in the store are always checked"),
    ("allowed_perm", "nothing to set: modes in the store are always checked"),
    (
        "debug",
        "nothing to set: every decision stands in the log, and 'twostep policy explain' and 'twostep doctor' say more",
    ),
    (
        "noskewadj",
        "nothing to set: skew-steps in [verification] of the policy is how far a phone's clock may be off",
    ),
    ("window", "skew-steps in [verification] of the policy, 0 to 3"),
    ("digits", "each authenticator has its own digits; of new ones, digits in [enrollment] of the policy"),
    ("no_increment_hotp", "codes that are counted (HOTP) are not taken: enroll with a TOTP app"),
    ("allow_readonly", "a code that cannot be marked as used is refused: /var/lib/twostep must be writable"),
    ("echo_verification_code", "nothing to set: a code is shown while it is typed, as it works once"),
    ("echo-verification-code", "nothing to set: a code is shown while it is typed, as it works once"),
    ("authtok_prompt", "nothing to set: the prompt is always the same, so that people know it"),
    (
        "grace_period",
        "a [[rule]] of the policy with from = [networks] and mode = \"exempt\" asks no code from there",
    ),
    ("try_first_pass", "forward_pass, on a line before the password's: one question for password and code"),
    ("use_first_pass", "forward_pass, on a line before the password's: one question for password and code"),
    ("alwaysok", "there is nothing that lets everybody in; mode = \"exempt\" in the policy asks nobody"),
];

/// What does the job of `argument`, which is another module's, here; none if no module that we know has it.
pub(crate) fn instead_of(argument: &str) -> Option<&'static str> {
    let name = argument.split_once('=').map_or(argument, |(name, _)| name);
    ADVICE.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_known_with_its_value_and_without() {
        assert_eq!(instead_of("grace_period=600"), instead_of("grace_period"));
        assert!(instead_of("nullok").is_some_and(|advice| advice.contains("opt-in")));
        assert_eq!(instead_of("nullok2"), None);
        assert_eq!(instead_of("forward_pass"), None); // ours, too
    }
}
