//! `twostep enroll --json`.

twostep_core::words! {
    /// After `error:`.
    ONLY_ROOT_WITHOUT_DIALOGUE = "only root can enroll a user without a dialogue";
    /// Below it.
    ONLY_ROOT_WITHOUT_DIALOGUE_THEN = "Run it without --json, on a terminal.";
    /// After `error:`. `error` is the kernel's.
    picture_failed(file, error) = "{file} cannot be written: {error}";
    /// Below it.
    PICTURE_FAILED_THEN = "No user was enrolled. Name a file that does not exist yet.";
    /// After `error:`.
    URI_TOO_LONG = "the URI is too long for a QR code";
}
