//! `twostep services`. A row for each PAM service.

twostep_core::words! {
    /// Above a column: the PAM service.
    COLUMN_SERVICE = "service";
    /// The same: whether it asks for a code.
    COLUMN_CODE = "code";
    /// The same: whom the policy asks there.
    COLUMN_WHOM = "for whom";
    /// The same.
    COLUMN_MISSING = "what is missing";
    /// A cell: a service of another name than sshd that sshd uses.
    used_by_sshd(service) = "{service} (sshd)";
    /// A cell: whether a code is asked for.
    ASKS = "asks";
    /// The same.
    ASKS_FOR_NONE = "asks for none";
    /// The same: it asks, and some logins succeed without a code.
    CAN_BE_BYPASSED = "can be bypassed";
    /// The same: the policy exempts all users there.
    EXEMPT = "exempt";
    /// The same: no login succeeds.
    REFUSES_EVERYBODY = "refuses everybody";
    /// The same, and for whom: this user may not read it.
    UNKNOWN = "unknown";
    /// For whom: the end of a list. `mode` is exempt, opt-in or mandatory.
    otherwise(mode) = "else {mode}";
    /// For whom, after the mode.
    by_rule(rule) = "by rule '{rule}'";
    /// The mode of a rule that begins on this day. The next texts may follow it.
    starting(mode, day) = "{mode} from {day} on";
    /// For whom, after the mode. `names` are users, with commas between them.
    for_users(names) = "for users {names}";
    /// The same.
    for_groups(names) = "for groups {names}";
    /// The same. `origin` is local or remote.
    with_origin(origin) = "with origin {origin}";
    /// The same. `networks` are addresses.
    from_networks(networks) = "from {networks}";
    /// The same. `methods` are sshd's.
    with_first_factor(methods) = "with first-factor {methods}";
    /// The last day of a rule, after all these.
    until(day) = "until {day}";
    /// A long list.
    and_more(names, more) = "{names} and {more} more";
    /// What is missing.
    NO_FILE = "no file of its own, so libpam uses 'other'";
    /// The same: neither auth line nor account line.
    NO_LINE = "no pam_twostep line";
    /// The same: there is only an account line.
    NO_AUTH_LINE = "no pam_twostep auth line";
    /// The same.
    NO_ACCOUNT_LINE = "no pam_twostep account line";
    /// The same.
    NO_MODULE = "libpam cannot load pam_twostep.so";
    /// The same: UsePAM is no.
    WITHOUT_PAM = "sshd does not use PAM";
    /// The same: a key is enough, or what sshd accepts in its place.
    KEY_ALONE = "sshd accepts a key alone";
    /// One of these, and the command that adds the lines.
    run_enable(missing, service) = "{missing}: run 'twostep enable {service}'";
    /// What doctor finds at the service. `findings` are numbers of problems and warnings.
    see_doctor(findings) = "{findings}: see 'twostep doctor'";
    /// A number of findings.
    ONE_PROBLEM = "1 problem";
    /// The same.
    problems(count) = "{count} problems";
    /// The same.
    ONE_WARNING = "1 warning";
    /// The same.
    warnings(count) = "{count} warnings";
    /// In place of the table.
    NONE = "No PAM service lets users log in.";
    /// Below the table. `findings` are numbers of problems and warnings.
    not_of_one_service(findings) = "Not about one service: {findings}. Run 'twostep doctor'.";
    /// Below the table, without root.
    NEEDS_ROOT = "Some of this needs root (sshd's effective settings, sudoers):\nrun 'sudo twostep services'.";
}
