//! Paths and commands of a machine that may be below another root (`--root`).

use std::path::{Path, PathBuf};

use twostep_core::os::root::Root;

use crate::finding::Remedy;

/// `path` without the prefix of the root.
pub(crate) fn path(root: &Root, path: &Path) -> PathBuf {
    path.strip_prefix(root.path("/")).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
}

/// A message of another program, without the prefix of the root in its paths.
pub(crate) fn named(root: &Root, message: &str) -> String {
    message.replace(&root.path("/").display().to_string(), "/")
}

/// A command that must run on the machine itself. Below another root it becomes advice.
pub(crate) fn on_machine(root: &Root, command: impl Into<String>) -> Remedy {
    let command = command.into();
    if root.is_machine() {
        return Remedy::Run { command };
    }
    Remedy::Advice { text: format!("On that machine, run as root: {command}") }
}
