//! Words for what sudo asks.

use twostep_hostconf::sudoers::asked::{UnaskedBy, Whose};

/// Whose password and code these are.
pub(super) fn owner(whose: &Whose) -> &str {
    match whose {
        Whose::Caller => "the caller",
        Whose::Root => "root",
        Whose::Default(name) => name,
        Whose::Target => "the target user",
    }
}

/// What is written in sudoers.
pub(super) fn reason(by: UnaskedBy) -> &'static str {
    match by {
        UnaskedBy::Tag => "NOPASSWD",
        UnaskedBy::Option => "!authenticate",
        UnaskedBy::Group => "exempt_group",
    }
}
