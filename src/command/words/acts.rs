//! Why an act of root was not done. `name` is an account, or `uid` and a number; `user` is what root types to name it.

twostep_core::words! {
    /// After `error:`. The user who ran sudo is the one who is named.
    own_account(name) = "{name} ran sudo, and cannot do this for their own account";
    /// Below it. `su -` clears the environment, in which sudo names its caller.
    OWN_ACCOUNT_THEN =
        "Ask another administrator. A root shell without sudo can do it,\nsuch as that of a root login or of 'su -'.";
    /// After `error:`. A variable of the environment that sudo sets.
    NO_UID_OF_SUDO = "the value of SUDO_UID is not a user id";
    /// Below it.
    NO_UID_OF_SUDO_THEN = "Run the command with sudo, which sets it, or as root without the variable.";
    /// After an error. A ticket or the codes of an enrollment were printed before they could be stored.
    HANDED_OVER_IN_VAIN_THEN = "What was printed is not valid. Fix the cause, then run the command again.";
    /// After `error:`.
    needs_no_ticket(name) = "{name} is already enrolled and needs no ticket";
    /// Below it.
    needs_no_ticket_then(user) = "To start over, run 'twostep reset {user}' first.";
    /// After `error:`, or in a line of an import.
    already_enrolled(name) = "{name} is already enrolled with another secret";
    /// Below it.
    already_enrolled_then(user) = "To replace it, run 'twostep reset {user}' first.";
    /// After `error:`. `mark` is a time of day. The code is perhaps from a moment ago.
    mark_is_soon(name, mark) = "{name}'s last accepted code is dated {mark} UTC, a little in the future";
    /// Below it.
    mark_is_soon_then(user) =
        "Codes are accepted again after that.\nA reset now would make a used code valid again.\n\
         To end only the lockout, run 'twostep unlock {user}'.";
    /// After `error:`, or in a line of 'rebind --all'. The name in the record is that of another account.
    name_in_use(old, other) = "the record belongs to '{old}', and that account exists with uid {other}";
    /// Below it.
    name_in_use_then(name, user) =
        "If {name} is another user, run 'twostep reset {user}'\nand let them enroll again.";
    /// After `error:`, or in a line of 'rebind --all'. The name in the record may be another spelling.
    not_surely_same(old, name) = "the record belongs to '{old}', and '{name}' may be another user";
    /// Below it.
    not_surely_same_then(user) = "If the account was renamed, run 'twostep rebind {user}'.";
    /// After `error:`. A file was copied to the wrong place.
    misplaced(uid, stored, stored_uid) = "the secret file of uid {uid} is that of '{stored}' (uid {stored_uid})";
    /// Below it.
    misplaced_then(user) =
        "Restore the right file from a backup,\nor run 'twostep reset {user}' and let them enroll again.";
    /// After `error:`. A login or another command was faster.
    CHANGED_MEANWHILE = "another program changed the record at the same time";
    /// Below it.
    CHANGED_MEANWHILE_THEN = "Run the command again.";
}
