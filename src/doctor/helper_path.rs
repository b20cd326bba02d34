//! The path of the helper, and who needs it.

pub(crate) const HELPER: &str = match twostep_core::paths::HELPER.to_str() {
    Ok(path) => path,
    Err(_) => "",
};

/// The part of a finding's why that says what does not work without the helper.
pub(crate) const WHO_NEEDS_IT: &str = "Users cannot enroll or use 'twostep' themselves, and programs that do not run as root, such as screen lockers, \
                                refuse users who are not exempt. sshd, login, sudo and su do not need it.";
