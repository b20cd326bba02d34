//! `twostep policy explain`.

twostep_core::words! {
    /// The first line. `mode` is exempt, opt-in or mandatory.
    decision(user, service, mode) = "{user} at {service}: {mode}";
    /// A line. `file` is the policy's path.
    by_rule(rule, file, line) = "    by rule '{rule}', {file}:{line}";
    /// A line. `day` is a date that is still to come.
    starts(day) = "    mandatory from {day} on";
    /// A line, below opt-in. Quoted is the command by which it was required.
    REQUIRED = "    mandatory for this user, by 'twostep require'";
    /// A line. `asked` is one of the next eight texts, or `in_some_cases`.
    asks(asked) = "    {asked}";
    /// What the login asks.
    NOTHING = "nothing is asked";
    /// What the login asks.
    CODE = "enrolled: a code is asked for";
    /// What the login asks.
    NOT_ENROLLED = "not enrolled: nothing is asked";
    /// What the login asks. Only root may read who is enrolled.
    CODE_IF_ENROLLED = "a code is asked for if the user is enrolled";
    /// What the login asks.
    ENROLLS = "not enrolled: the user enrolls in this login";
    /// What the login asks.
    REFUSED = "not enrolled, and cannot enroll here: the login is refused";
    /// What the login asks. Only root may read who is enrolled.
    CODE_OR_ENROLLS = "a code is asked for; a user who is not enrolled enrolls in this login";
    /// What the login asks. Only root may read who is enrolled.
    CODE_OR_REFUSED = "a code is asked for; a user who is not enrolled is refused";
    /// What sudo asks, by sudoers.
    CALLERS_CODE_NOT_ASKED = "the code of the user who runs sudo is not asked for";
    /// What sudo asks in some cases, by sudoers. `asked` is one of the texts above.
    in_some_cases(asked) = "{asked}, in some cases";
    /// A line. `note` is what sudoers says.
    note(note) = "    {note}";
    /// A line. `condition` is a key of the rule.
    no_match(rule, line, condition) = "rule '{rule}' (line {line}) does not match: {condition}";
    /// A line. `condition` is a key of the rule.
    perhaps(rule, line, condition) =
        "rule '{rule}' (line {line}) may match, so the stricter mode counts:\n    \
         whether {condition} holds is not known";
    /// After `note:`. `fault` says which look-up failed.
    groups_unknown(fault) = "Rules with groups count as mandatory: {fault}.";
    /// After `note:`. `fault` says which look-up failed.
    names_unknown(fault) = "Some names of the user are not known: {fault}.";
    /// After `error:`. `file` is the policy's path, and `error` begins with line and column.
    policy_error(file, error) = "{file}:{error}";
    /// Below it.
    POLICY_ERROR_THEN = "Every login is refused until this is fixed.\nTo see how, run 'twostep policy check'.";
    /// After what clap says of a wrong value. `methods` are words, with commas between them.
    unknown_method(methods) = "it must be one of {methods}, none, unknown";
    /// The same.
    BEFORE_1970 = "it is before 1970";
}
