//! `twostep rebind`.

twostep_core::words! {
    /// The record has the new name now. Both are names of accounts.
    rebound(old, name) = "Reassigned {old}'s enrollment to {name}.";
    /// There is nothing to do.
    unchanged(name) = "{name}'s record already has that name. Nothing changed.";
    /// A line of --all.
    line_rebound(uid, old, name) = "uid {uid}: rebound from '{old}' to '{name}'";
    /// The same with --dry-run.
    line_would_be_rebound(uid, old, name) = "uid {uid}: would be rebound from '{old}' to '{name}'";
    /// A line of --all. `why` is an error.
    line_refused(uid, why) = "uid {uid}: refused: {why}";
    /// Below a refused line. `then` says what to do.
    line_then(then) = "    {then}";
    /// Why a line is refused.
    NO_ACCOUNT = "no account has this uid, or the directory service does not answer";
    /// The last line of --all, of five.
    NONE_TO_REBIND = "All records already have their account's name. Nothing changed.";
    /// The last line.
    sum_rebound(rebound) = "{rebound} rebound.";
    /// The last line with --dry-run.
    sum_would_be_rebound(rebound) = "{rebound} would be rebound.";
    /// The last line.
    sum_refused(refused) = "{refused} refused.";
    /// The last line.
    sum_both(rebound, refused) = "{rebound} rebound, {refused} refused.";
    /// The last line with --dry-run.
    sum_would_both(rebound, refused) = "{rebound} would be rebound, {refused} refused.";
}
