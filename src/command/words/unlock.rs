//! `twostep unlock`.

twostep_core::words! {
    /// One failed code was counted. `name` is an account, or `uid` and a number.
    unlocked_one(name) = "Unlocked {name} (1 failed code cleared).";
    /// Another number of them, also 0.
    unlocked(name, failures) = "Unlocked {name} ({failures} failed codes cleared).";
    /// After `error:`.
    is_ahead(name) = "{name}'s last accepted code is dated in the future, so new codes are refused";
    /// Below it. `user` is what root types to name the account.
    is_ahead_then(user) =
        "If this machine's clock is right now, run\n'twostep unlock {user} --reset-clock'.";
}
