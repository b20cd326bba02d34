//! The sentences of the findings about PAM: one function a finding, named after its id.

pub(super) mod account_lines;
pub(super) mod auth_lines;
pub(super) mod draft;
pub(super) mod modules;
pub(super) mod own_line;
pub(super) mod services;
pub(super) mod unreadable;

use crate::finding::Remedy;

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}

/// The names as a part of a sentence: "a, b and c".
fn and(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}
