//! What mends a setting of sshd's, and whom it concerns.

use twostep_hostconf::sshd::view::{Spot, View};

use crate::finding::Remedy;

/// What makes `keyword`, spelt as people spell it, have the value `text` for whom `view` is about, and for nobody else.
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

/// Whom `view` is about, to be put behind a sentence.
pub(crate) fn whom(view: &View<'_>) -> String {
    view.block().map_or_else(String::new, |block| format!(" for '{}'", block.text))
}
