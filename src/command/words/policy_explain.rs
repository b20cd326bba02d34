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
    /// A line. `asked` is one of the next ten texts, or `in_some_cases`.
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
    /// What the login asks, by PAM's files or sshd. A note says why.
    UNASKED = "no code is asked for";
    /// What happens, by PAM's files or sshd. A note says why.
    REFUSED_ANYWAY = "the login is refused";
    /// What sudo asks, by sudoers.
    CALLERS_CODE_NOT_ASKED = "the code of the user who runs sudo is not asked for";
    /// What sudo asks in some cases, by sudoers. `asked` is one of the texts above.
    in_some_cases(asked) = "{asked}, in some cases";
    /// A line. `note` is what sudoers says, or one of the notes below.
    note(note) = "    {note}";
    /// A line. `ways` are words of AuthenticationMethods, with blanks between them.
    sshd_accepts(ways) = "    sshd accepts: {ways}";
    /// In place of these words.
    NO_WAY = "nothing";
    /// A note. `path` is where libpam looks for the file of the service.
    no_file(path) = "there is no {path}: libpam uses the file 'other' instead";
    /// The note after it. `service` has a similar name.
    did_you_mean(service) = "did you mean '{service}'?";
    /// A note. `file` is what libpam reads for the service.
    no_auth_line(file) = "{file} has no pam_twostep auth line";
    /// The same.
    no_account_line(file) =
        "{file} has no pam_twostep account line:
    nobody enrolls here, and [gate] refuses nobody";
    /// A note.
    cannot_enroll(service) = "nobody can enroll at {service}: 'twostep doctor' says why";
    /// A note. `method` is one of sshd's.
    demands(file, method) =
        "the pam_twostep line in {file} demands {method} first:
    add '--first-factor {method}'";
    /// A note. libpam refuses every login.
    NOT_LOADED = "libpam cannot load the lines of this service: 'twostep doctor' says why";
    /// A note, after `no_file`.
    other_refuses(file) = "{file} refuses every login";
    /// A note. Without root's rights, some files cannot be read.
    PAM_HIDDEN = "only root can read all PAM files: this is what the policy alone decides";
    /// A note. `methods` are sshd's, with 'and' between them.
    skips(methods) = "sshd accepts {methods} alone, and skips the auth lines of PAM";
    /// A note. The same.
    no_way(methods) =
        "sshd accepts no login by {methods}: name its methods with '--first-factor'";
    /// A note.
    WITHOUT_PAM = "sshd does not use PAM (UsePAM no)";
    /// A note. sshd offers no other method that asks PAM.
    PASSWORD_CANNOT_ASK = "sshd's method 'password' cannot ask for a code";
    /// A note, after one that says why no code is asked for.
    GATE_REFUSES = "the account line refuses users who need a code and gave none ([gate])";
    /// The same. The second step is mandatory.
    NO_GATE = "the second step is mandatory, and no account line refuses this login";
    /// A note.
    SSHD_HIDDEN = "only root can ask sshd for its settings: they are not taken into account";
    /// A note. `location` is a place in sshd's settings, and `what` says what is wrong there.
    sshd_unread(location, what) =
        "sshd's settings are not taken into account:
    {location}: {what}";
    /// A note. `location` is that of a Match line.
    sshd_block(location) =
        "sshd's settings are not taken into account: sshd was not asked about
    {location}";
    /// The head of the first column of a table. The others are services.
    USER = "user";
    /// A line below the table. `note` is one of the notes above.
    note_at(service, note) = "{service}: {note}";
    /// In the table: the user is exempt.
    CELL_EXEMPT = "exempt";
    /// In the table: no code is asked for.
    CELL_NOTHING = "nothing";
    /// In the table: a code is asked for.
    CELL_CODE = "code";
    /// In the table: the user enrolls in the login.
    CELL_ENROLLS = "enrolls";
    /// In the table: the login is refused.
    CELL_REFUSED = "refused";
    /// In the table. Only root may read who is enrolled.
    CELL_CODE_IF_ENROLLED = "code if enrolled";
    /// In the table. Only root may read who is enrolled.
    CELL_CODE_OR_ENROLLS = "code or enrolls";
    /// In the table. Only root may read who is enrolled.
    CELL_CODE_OR_REFUSED = "code or refused";
    /// After `error:`.
    no_members(group) = "group '{group}' has no member that is a user";
    /// Below it.
    NO_MEMBERS_THEN = "Name another group, or a user with --user.";
    /// After `note:`.
    unknown_member(group, name) = "Group '{group}' has the member '{name}', and there is no such user.";
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
