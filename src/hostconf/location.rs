//! A place in a file of the machine.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// A file or a line of it: as the machine names it, without the prefix of `--root`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Location {
    /// The file or directory, by its whole path.
    pub file: String,
    /// The line, from 1, if it is about one.
    pub line: Option<usize>,
    /// The last line, if a `\` continues the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<usize>,
}

impl Location {
    /// The location of a file as a whole.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, through: None }
    }

    /// One line of the file, from 1.
    pub fn line(file: impl Into<String>, line: usize) -> Self {
        Self::lines(file, line, line)
    }

    /// The lines from `first` to `last`, from 1, which their reader joins to one line.
    pub fn lines(file: impl Into<String>, first: usize, last: usize) -> Self {
        Self { file: file.into(), line: Some(first), through: Some(last).filter(|&last| last > first) }
    }
}

impl Display for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.through.map_or(Ok(()), |through| write!(f, "-{through}"))
    }
}
