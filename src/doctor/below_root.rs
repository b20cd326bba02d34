//! What is told of a machine that may lie below another root.

use std::path::{Path, PathBuf};

use twostep_core::os::root::Root;

use crate::finding::Remedy;

/// The path on the machine of a file below the root.
pub(crate) fn path(root: &Root, path: &Path) -> PathBuf {
    path.strip_prefix(root.path("/")).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
}

/// What another program says, which may name files below the root, with their names on the machine.
pub(crate) fn named(root: &Root, message: &str) -> String {
    message.replace(&root.path("/").display().to_string(), "/")
}

/// A command that makes sense on the machine itself only: below another root it is told, and not to be run.
pub(crate) fn on_machine(root: &Root, command: impl Into<String>) -> Remedy {
    let command = command.into();
    if root.is_machine() {
        return Remedy::Run { command };
    }
    Remedy::Advice { text: format!("On that machine, as root, run: {command}") }
}
