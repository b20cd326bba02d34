//! What the verbs of root and the command around all verbs say, in English. The texts of a user's own verbs are in
//! `twostep_core::words`.
//!
//! Each text is an item whose name is its key and whose doc comment is a note for the translator. A text that is printed after
//! `error:` begins with a small letter and has no full stop; one that says what to do has the suffix `_THEN` or `_then`. Nothing
//! reads a text back.

pub(crate) mod acts;
pub(crate) mod enable;
pub(crate) mod enroll;
pub(crate) mod export;
pub(crate) mod frame;
pub(crate) mod help;
pub(crate) mod import;
pub(crate) mod import_notes;
pub(crate) mod import_obstacles;
pub(crate) mod import_problems;
pub(crate) mod moment;
pub(crate) mod naming;
pub(crate) mod policy_check;
pub(crate) mod policy_explain;
pub(crate) mod rebind;
pub(crate) mod report;
pub(crate) mod require;
pub(crate) mod reset;
pub(crate) mod services;
pub(crate) mod sheet;
pub(crate) mod status;
pub(crate) mod storage;
pub(crate) mod ticket;
pub(crate) mod unlock;

#[cfg(test)]
mod tests;
