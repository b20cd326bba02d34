//! `twostep require` and `twostep unrequire`.

twostep_core::words! {
    /// It is required from now on.
    required(name) = "{name} now needs a second step, except where the policy exempts them.";
    /// It was required before.
    already_required(name) = "{name} already needs a second step. Nothing changed.";
    /// After `note:`. `services` are names of PAM services, with OR between them.
    enrolls_at_login(name, services) =
        "{name} is not enrolled yet. They enroll at their next login by {services}.";
    /// Between services.
    OR = " or ";
    /// After `note:`.
    no_login_enrolls(name) =
        "{name} is not enrolled, and no login enrolls users.\nRun 'twostep enroll --user {name}'.";
    /// It is no longer required.
    unrequired(name) = "From now on only the policy decides whether {name} needs a second step.";
    /// It was not required before.
    not_required(name) = "{name} has no extra requirement. Nothing changed.";
}
