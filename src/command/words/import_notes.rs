//! What is said of an authenticator that is imported, and why one that can be read is refused.

twostep_core::words! {
    /// A note. google-authenticator's recovery codes.
    scratch_codes(number) =
        "{number} scratch codes are not imported (27 bits each, stored readable): 'twostep recovery' makes new ones";
    /// A note.
    short_secret(bits) = "its secret has {bits} bits, and new ones have 160: let the user enroll again some day";
    /// A note. The phone's clock, as the other program found it.
    clock_ahead(seconds) = "the phone's clock was {seconds} s ahead: no code is accepted until it is set right";
    /// The same.
    clock_behind(seconds) = "the phone's clock was {seconds} s behind: no code is accepted until it is set right";
    /// A note. `steps` and `skew` are numbers of periods.
    wide_window(steps, skew) =
        "codes of {steps} steps to each side were accepted; the policy's skew-steps is {skew}";
    /// Why one is refused.
    SECRET_OF_ANOTHER = "another account has this secret, and each needs its own: enroll again";
    /// The same.
    too_many(most) = "a user can have at most {most} authenticators";
}
