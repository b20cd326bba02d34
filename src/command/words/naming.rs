//! How users are named on the command line.

twostep_core::words! {
    /// After `error:`. Root names no user.
    WHICH_USER = "which user?";
    /// Below it, where the verb is also for one's own account.
    which_user_then(verb) =
        "Run 'twostep {verb} NAME' or 'twostep {verb} --user NAME'.\n\
         For your own account, run 'twostep {verb}' without sudo.";
    /// Below it, where the verb is only for root.
    which_user_of_root_then(verb) = "Run 'twostep {verb} NAME' or 'twostep {verb} --user NAME'.";
    /// The same where the verb also takes --all.
    which_user_or_all_then(verb) =
        "Run 'twostep {verb} NAME' or 'twostep {verb} --user NAME',\nor 'twostep {verb} --all'.";
    /// After `error:`. Root names no user, where several can be named.
    WHICH_USERS = "which users?";
    /// Below it.
    which_users_then(verb) =
        "Run 'twostep {verb} NAME...' or 'twostep {verb} --user NAME',\n\
         or name users by '--group GROUP' or '--file FILE'.";
    /// After `error:`. NAME and --user differ.
    two_users(name, user) = "two users are named: '{name}' and '{user}'";
    /// Below it.
    TWO_USERS_THEN = "Name one.";
    /// After `error:`. `name` was typed.
    unknown_group(name) = "there is no group '{name}'";
    /// After `error:`. The group lists a user that does not exist.
    unknown_member(group, name) = "group '{group}' has the member '{name}', and there is no such user";
    /// Below it.
    UNKNOWN_MEMBER_THEN =
        "Remove the name from the group,\nor find out why the name service does not know it.";
    /// After `note:`.
    unlisted_members(group) =
        "A directory service here lists none of its accounts.\n\
         Users who have '{group}' only as their primary group are left out. Name them.";
    /// After `error:`. The groups and files that were named have no users.
    NO_USER_IN_IT = "there is no user in the group or file";
    /// Below it.
    NO_USER_IN_IT_THEN = "Nothing was done. Name users.";
    /// In place of the path of a file.
    STANDARD_INPUT = "standard input";
    /// After `error:`. `error` is the kernel's.
    unreadable_file(file, error) = "{file}: cannot be read: {error}";
    /// Below it.
    UNREADABLE_FILE_THEN = "Nothing was done. Name a text file with one user name a line.";
    /// After `error:`. A line of a file.
    unknown_in_line(file, line, name) = "{file}:{line}: there is no user '{name}'";
    /// The same of a text that may be secret.
    no_user_in_line(file, line) = "{file}:{line}: this is not the name of a user";
    /// Below such lines.
    more_unknown_lines(lines) = "and {lines} more";
    /// Below all of them.
    UNKNOWN_IN_FILE_THEN = "Nothing was done. Correct the file, then run the command again.";
    /// The last line after `error:`, where the act was for several users.
    not_done(failed, all) = "failed for {failed} of {all} users";
    /// Below it.
    NOT_DONE_THEN = "The errors above say why. The others are done.";
}
