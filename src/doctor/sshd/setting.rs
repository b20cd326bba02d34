//! How a setting of sshd is corrected, and for whom.

use twostep_hostconf::sshd::view::{Spot, View};

use crate::finding::Remedy;

/// Sets `keyword`, in the usual spelling, to `text` for the users of `view` and for nobody else.
pub(crate) fn set(view: &View<'_>, keyword: &str, text: &str) -> Remedy {
    match view.spot(&keyword.to_ascii_lowercase()) {
        Spot::InsteadOf { location, indent } => {
            Remedy::Replace { location, text: format!("{indent}{keyword} {text}") }
        }
        Spot::Before { location, indent } => {
            Remedy::Insert { location, text: format!("{indent}{keyword} {text}") }
        }
    }
}

/// The users of `view`, as the end of a sentence.
pub(crate) fn whom(view: &View<'_>) -> String {
    view.block().map_or_else(String::new, |block| format!(" for '{}'", block.text))
}
