//! The helper: where it lies, and who needs it.

pub(crate) const HELPER: &str = match twostep_core::paths::HELPER.to_str() {
    Ok(path) => path,
    Err(_) => "",
};

/// What does not work without it.
pub(crate) const WHO_NEEDS_IT: &str = "People cannot enroll or use 'twostep' themselves, and programs that do not run as root, such as screen lockers, \
                                refuse whoever is not exempt. sshd, login, sudo and su do without it.";
