//! `twostep policy check`, except what is wrong with the policy.

twostep_core::words! {
    /// After `error:`. The file may be another module's, or an app's export.
    HAS_KEYS = "the file is not a policy: it has secrets of users in it";
    /// Below it.
    HAS_KEYS_THEN = "Name a policy file.";
    /// After `error:`.
    too_long(file, bytes) = "{file} has more than {bytes} bytes, so every login would be refused";
    /// Below it.
    TOO_LONG_THEN = "Write fewer rules: name groups rather than users.";
    /// After `error:`. `error` is the kernel's.
    unreadable(file, error) = "{file} cannot be read: {error}";
    /// After `warning:` of a rule.
    unknown_service(rule, service) = "rule '{rule}' names an unknown PAM service: '{service}'";
    /// The last line, of five.
    CLEAN = "No errors, no warnings.";
    /// The last line.
    ONE_WARNING = "No errors, 1 warning.";
    /// The last line.
    warnings(warnings) = "No errors, {warnings} warnings.";
    /// The last line.
    ONE_ERROR = "1 error. Every login is refused until it is fixed.";
    /// The last line.
    errors(errors) = "{errors} errors. Every login is refused until they are fixed.";
}
