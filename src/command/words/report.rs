//! `twostep report`.

twostep_core::words! {
    /// The first line of a report that names users.
    CONFIDENTIAL = "Confidential: it shows whose account a stolen password may open.";
    /// The next line. `moment` is when the report was made.
    head(host, moment) = "{host}, {moment}";
    /// A row of totals: those who must have a second step and have one, and those who must.
    REQUIRED_AND_ENROLLED = "required and enrolled";
    /// The same: those who have one, and all people.
    ENROLLED = "enrolled";
    /// The same: what the row counts. `from` is the first day on which a second step will be required of them.
    required_later(from) = "required later, from {from}";
    /// The same: those whom a rule of the policy exempts in some login.
    EXEMPT_SOMEWHERE = "exempt in some login";
    /// The same: those whose right codes are refused.
    LOCKED = "locked";
    /// The same: those whose logins are denied.
    UNUSABLE_RECORDS = "record cannot be used";
    /// The same: files in the store whose account is gone.
    ORPHANS = "records without an account";
    /// The same.
    NO_RECOVERY_CODES = "no recovery code left";
    /// The same.
    FEW_RECOVERY_CODES = "1 or 2 recovery codes left";
    /// A number of all.
    of_all(some, all) = "{some} of {all}";
    /// Above a row for each group.
    BY_GROUP = "Required and enrolled, by group";
    /// Above a row for each of some days.
    CURVE = "Enrolled by day";
    /// A line at the end. `what` is a text below.
    unseen(what) = "not seen: {what}";
    /// What is not seen. `line` is that of the file.
    unlisted_directory(line) = "people whom a directory does not list (/etc/nsswitch.conf, line {line})";
    /// The same. `source` is a file or a program.
    unread(source, error) = "logins recorded by {source}: {error}";
    /// The same. `error` names the group.
    members_unseen(error) = "members of a group: {error}";
    /// The same. `error` says why the look-up failed.
    named_user_unseen(user, error) = "user '{user}': {error}";
    /// The same. `error` names the user or their uid.
    user_unseen(error) = "a user: {error}";
    /// Above a column.
    COLUMN_USER = "user";
    /// The same.
    COLUMN_UID = "uid";
    /// The same: who or what requires a second step.
    COLUMN_REQUIRED = "required";
    /// The same: since what day.
    COLUMN_SINCE = "since";
    /// The same: since what day the user is enrolled.
    COLUMN_ENROLLED = "enrolled";
    /// The same: the day of the last accepted code.
    COLUMN_USED = "last used";
    /// The same: where that was.
    COLUMN_PLACE = "where";
    /// The same: whether codes are accepted.
    COLUMN_CODES = "codes";
    /// The same: how many recovery codes are left.
    COLUMN_RECOVERY = "recovery";
    /// The same: the rules that exempt the user.
    COLUMN_EXEMPT = "exempt";
    /// The same.
    COLUMN_GROUPS = "groups";
    /// The same: why the record cannot be used.
    COLUMN_PROBLEM = "problem";
    /// A cell: nothing requires a second step.
    NOT_REQUIRED = "no";
    /// The same. `day` is a date to come.
    required_from(day) = "from {day}";
    /// The same: 'twostep require'.
    BY_ADMINISTRATOR = "administrator";
    /// The same.
    by_rule(rule) = "rule '{rule}'";
    /// A cell: a day that no record has.
    UNKNOWN = "unknown";
    /// A cell.
    NOT_ENROLLED = "no";
    /// A cell: enrolled, and no code was accepted after that.
    NEVER = "never";
    /// A cell: the record is older than what would be shown.
    FORMAT_1 = "unknown (format 1)";
    /// A cell: a screen locker, or another program that does not run as root.
    OWN_PROGRAM = "own program";
    /// A cell.
    from_host(service, host) = "{service} from {host}";
    /// A cell.
    ACCEPTED = "accepted";
    /// A cell: no code is accepted for some minutes.
    WAITING = "waiting";
    /// A cell: until 'twostep unlock'.
    DISABLED = "disabled";
    /// A cell: the last accepted code is dated in the future.
    AHEAD = "clock";
    /// A cell: the record cannot be used.
    UNUSABLE = "unusable";
    /// A cell. `state` is one of these, where the helper checks codes.
    at_helper(state) = "{state} at lockers";
    /// A cell.
    NO_CODES = "none";
    /// A cell: 1 or 2.
    FEW_CODES = "few";
    /// A cell.
    ENOUGH_CODES = "enough";
    /// A cell.
    exempt(rule) = "rule '{rule}'";
    /// The same. `day` is the last one.
    exempt_until(rule, day) = "rule '{rule}' until {day}";
    /// What is not seen, without their names. Their look-up failed.
    users_unseen(users) = "users who could not be looked up: {users}";
    /// The same, whether users are named or not: of which groups they are members.
    groups_unseen(users) = "users whose groups could not be looked up: {users}";
    /// The title of the web page.
    title(host) = "Second step on {host}";
    /// In the search box of the web page.
    SEARCH = "Search";
    /// Above the totals of the web page.
    TOTALS = "Totals";
    /// Above its table.
    PEOPLE = "People";
    /// Above what could not be seen.
    NOT_SEEN = "Not seen";
    /// After `error:`.
    OTHERS_MAY_READ = "standard output is a file that other users may read";
    /// Below it.
    OTHERS_MAY_READ_THEN =
        "The report names users whose account a stolen password may open.\n\
         Write it with '--output FILE', which only root can read, or use '--no-names'.";
    /// After `error:`.
    file_not_written(path, error) = "{path} cannot be written: {error}";
    /// An `error`: the path is that of a folder or a device.
    NOT_A_FILE = "it is not a file";
    /// Below it.
    FILE_NOT_WRITTEN_THEN = "Name a file in an existing folder.";
    /// After `error:`, when the rest cannot be written.
    not_written(error) = "the report cannot be written: {error}";
}
