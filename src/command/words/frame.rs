//! What any verb may say.

twostep_core::words! {
    /// After `error:`. A verb of root, run by a user.
    ONLY_ROOT = "only root can do this";
    /// Below it.
    ONLY_ROOT_THEN = "Run it again with sudo.";
    /// After `error:`. A user names another user.
    ONLY_ROOT_FOR_OTHERS = "only root can do this for another user";
    /// Below it.
    ONLY_ROOT_FOR_OTHERS_THEN = "Run it with sudo. For your own account, name no user.";
    /// After `error:`. `name` was typed, or is a uid.
    unknown_user(name) = "there is no user '{name}'";
    /// Below what names something that does not exist.
    CHECK_SPELLING = "Check the spelling.";
    /// Below what a user cannot fix.
    ASK_ADMINISTRATOR = "Ask your administrator to run 'twostep doctor'.";
    /// After `error:`. A secret would be shown, and standard input is a terminal.
    OUTPUT_IS_NOT_TERMINAL = "standard output is not a terminal, and the secret would be written to it";
    /// Below it.
    OUTPUT_IS_NOT_TERMINAL_THEN = "Run it without redirection.";
    /// After `error:`. `error` is the kernel's.
    core_dumps(error) = "core dumps cannot be disabled: {error}";
    /// After `error:`. `error` is the kernel's.
    output_failed(error) = "standard output cannot be written: {error}";
    /// Instead of an answer. `place` is a line of the source.
    defect(place) = "error: internal error at {place}\nPlease report this defect of twostep.";
    /// In place of a line of the source.
    UNKNOWN_PLACE = "an unknown place";
    /// After `warning:`. `fault` says why the log was not written, and `line` is what it does not have.
    not_logged(fault, line) = "The system log does not have this line: {fault}.\n{line}";
}
