//! `twostep export`.

twostep_core::words! {
    /// After `error:`, with --user.
    not_enrolled(name) = "{name} is not enrolled";
    /// After `error:`, with --all.
    NONE_ENROLLED = "none of these users is enrolled";
    /// Below both.
    NOT_ENROLLED_THEN = "To see who is enrolled, run 'twostep status --all'.";
    /// After `note:`, on standard error, below the secrets.
    KEEP_SECRET = "Anyone who reads these lines can make these users' codes.\nKeep them as secret as the store.";
}
