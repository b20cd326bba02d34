//! `twostep reset`.

twostep_core::words! {
    /// Neither a credential nor a state is stored. `name` is an account, or `uid` and a number.
    no_record(name) = "{name} has no record. Nothing changed.";
    /// The credential is removed.
    no_longer_enrolled(name) =
        "{name} is no longer enrolled. To enroll again, run\n'twostep enroll --user {name}'.";
    /// The same of a uid without an account.
    uid_no_longer_enrolled(name) = "{name} is no longer enrolled.";
    /// There was a state without a credential.
    was_not_enrolled(name) = "{name} was not enrolled. The failed codes are cleared.";
    /// After `note:`. Nobody knows what the state held.
    state_was_lost(name) =
        "{name}'s state was damaged and has been replaced.\n\
         If a second step was required of them, run 'twostep require {name}' again.";
}
