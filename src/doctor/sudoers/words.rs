//! Words for what sudo asks.

use twostep_hostconf::sudoers::grants::UnaskedBy;

/// What is written in sudoers.
pub(super) fn reason(by: UnaskedBy) -> &'static str {
    match by {
        UnaskedBy::Tag => "NOPASSWD",
        UnaskedBy::Option => "!authenticate",
        UnaskedBy::Group => "exempt_group",
    }
}
