//! `twostep status`. Each line is about the account in the first line, which a user reads of themselves, and root of a user.

twostep_core::words! {
    /// With --all.
    NONE_ENROLLED = "No user is enrolled.";
    /// In place of a name in the first line.
    NO_SUCH_ACCOUNT = "(no such account)";
    /// The first line.
    enrolled(name, uid) = "{name} (uid {uid}): enrolled";
    /// The first line.
    not_enrolled(name, uid) = "{name} (uid {uid}): not enrolled";
    /// A line. `label` is the user's; `period` is in seconds.
    authenticator(label, algorithm, digits, period) = "  {label}: {algorithm}, {digits} digits, {period} s";
    /// The same. `date` is the day of its enrollment.
    authenticator_since(label, algorithm, digits, period, date) =
        "  {label}: {algorithm}, {digits} digits, {period} s, since {date}";
    /// A line. Quoted is the command by which it was required.
    REQUIRED_BY_ADMINISTRATOR = "  an administrator requires a second step ('twostep require')";
    /// The same. `date` is the day of that command.
    required_by_administrator_since(date) =
        "  an administrator has required a second step since {date} ('twostep require')";
    /// A line. `line` is that of the policy file.
    required_by_rule(rule, line) = "  rule '{rule}' (line {line} of the policy) requires a second step";
    /// A line. `state` is one of the texts below, at programs that run as root.
    at_hosts(state) = "  {state}";
    /// A line. `state` is one of the texts below, where the helper checks codes.
    at_helper(state) = "  at screen lockers and this command: {state}";
    /// A state.
    accepted(failures) = "codes are accepted; failed codes in a row: {failures}";
    /// A state. `until` is a time of day.
    waiting(until) = "no code is accepted before {until} UTC";
    /// A state. `name` is what root types to name the account.
    disabled(user: Reader, name) =
        "codes are disabled:\n    ask your administrator to run 'twostep unlock {name}'",
        "codes are disabled: run 'twostep unlock {user}'";
    /// A state.
    ahead(user: Reader, name) =
        "the last accepted code is dated in the future:\n    \
         ask your administrator to set the clock, then to run\n    'twostep unlock {name} --reset-clock'",
        "the last accepted code is dated in the future:\n    \
         set the clock, then run 'twostep unlock {user} --reset-clock'";
    /// A state.
    recovery_disabled(user: Reader, name) =
        "recovery codes are disabled:\n    ask your administrator to run 'twostep unlock {name}'",
        "recovery codes are disabled: run 'twostep unlock {user}'";
    /// A state. `problem` is an error.
    denied(problem) = "logins are denied: {problem}";
    /// A line. `occasion` is one of the texts below.
    last_granted(occasion) = "  last code accepted: {occasion}";
    /// The same for the last failure that is still stored, at a program that runs as root.
    last_refused(occasion) = "  last failed code: {occasion}";
    /// When a code was typed at a screen locker or another program that does not run as root. `moment` is a date and time.
    by_own_program(moment) = "{moment}, by a program of the user";
    /// When it was typed at the machine itself. `service` is such as sudo.
    here(moment, service) = "{moment}, {service}";
    /// When it was typed over the network. `host` is an address or a name.
    from_host(moment, service, host) = "{moment}, {service} from {host}";
    /// A line.
    recovery_left(left) = "  recovery codes left: {left}";
    /// A line. `until` is a date and time.
    ticket(until) = "  ticket for one enrollment, valid until {until}";
    /// The last line, for a user who is not enrolled.
    TO_ENROLL = "To set up a second step, run 'twostep enroll'.";
    /// After `error:`. A user asks for --all.
    ONLY_ROOT_SEES_ALL = "only root can see all users";
    /// Below it.
    ONLY_ROOT_SEES_ALL_THEN = "Run it with sudo, or without --all for yourself.";
    /// After `error:`.
    UNUSABLE = "your record cannot be used, so your logins are denied";
    /// After `note:`, with --all or a group. `error` says why.
    user_not_shown(error) = "A user cannot be shown: {error}.";
    /// After `error:`, below these notes.
    not_shown(users) = "the status is incomplete; users who cannot be shown: {users}";
    /// Below it.
    NOT_SHOWN_THEN = "The notes above say why.";
    /// Below an error of one account.
    DENIED_THEN = "Logins are denied until this is fixed.";
    /// After `error:`. A file in the store.
    stray(path) = "{path} is not a file of twostep";
    /// Below it.
    STRAY_THEN = "It is ignored. Remove it.";
}
