//! Applies a remedy to the text of a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::slice;

use twostep_hostconf::location::Location;

use crate::finding::Remedy;

impl Remedy {
    /// The file that it changes, or may change. None for a command, for advice and for several steps.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Replace { location, .. }
            | Self::Insert { location, .. }
            | Self::Choose { location, .. }
            | Self::Delete { location }
            | Self::Move { location, .. } => Some(&location.file),
            Self::Steps { .. } | Self::Run { .. } | Self::Advice { .. } => None,
        }
    }

    /// These remedies, one after the other.
    pub(crate) fn in_order(mut steps: Vec<Self>) -> Self {
        match (steps.pop(), steps.is_empty()) {
            (Some(only), true) => only,
            (last, _) => Self::Steps { steps: steps.into_iter().chain(last).collect() },
        }
    }

    /// Its steps in their order; itself, if it is one step.
    pub fn steps(&self) -> &[Self] {
        if let Self::Steps { steps } = self { steps } else { slice::from_ref(self) }
    }

    /// The new texts of the files that it changes, by their paths. None if a file has no such line, or no file is changed. `text` gives
    /// the present text of a file.
    pub fn changes(&self, text: impl Fn(&str) -> Option<String>) -> Option<BTreeMap<String, String>> {
        let mut changed = BTreeMap::new();
        for step in self.steps() {
            let Some(file) = step.file() else { continue };
            let now = changed.get(file).cloned().or_else(|| text(file))?;
            changed.insert(file.to_owned(), step.apply(&now)?);
        }
        (!changed.is_empty()).then_some(changed)
    }

    /// The lines that it deletes, if it does nothing else.
    pub(crate) fn deletes(&self) -> Option<&Location> {
        if let Self::Delete { location } = self { Some(location) } else { None }
    }

    /// The new text of the file whose whole text is `text`. None if the remedy is not one change of a file, the file has no such
    /// line, or the line would go to another file.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        let mut lines: Vec<&str> = text.split_terminator('\n').collect();
        match self {
            Self::Replace { location, text } => {
                lines.splice(span(location, &lines)?, text.split('\n'));
            }
            Self::Insert { location, text } | Self::Choose { location, text, .. } => {
                let at = span(location, &lines)?.start;
                lines.splice(at..at, text.split('\n'));
            }
            Self::Delete { location } => {
                lines.drain(span(location, &lines)?);
            }
            Self::Move { location, before } if location.file == before.file => {
                let (from, to) = (span(location, &lines)?, span(before, &lines)?.start);
                let moved: Vec<&str> = lines.get(from.clone())?.to_vec();
                let behind = if to > from.start { to.checked_sub(from.len())? } else { to };
                lines.drain(from);
                lines.splice(behind..behind, moved);
            }
            Self::Move { .. } | Self::Steps { .. } | Self::Run { .. } | Self::Advice { .. } => return None,
        }
        Some(lines.iter().flat_map(|line| [line, "\n"]).collect())
    }
}

/// The indices of the lines at `location`, from 0; the end of the file if `location` has no line.
fn span(location: &Location, lines: &[&str]) -> Option<Range<usize>> {
    let Some(first) = location.line else { return Some(lines.len()..lines.len()) };
    let last = location.through.unwrap_or(first);
    (first <= last && last <= lines.len()).then_some(first.checked_sub(1)?..last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize) -> Location {
        Location::line("f", line)
    }

    #[test]
    fn changes_only_named_lines() {
        let end = || Location::file("f");
        let text = || "x\ny".to_owned();
        let table = [
            (Remedy::Replace { location: at(2), text: text() }, "1\nx\ny\n3\n4\n"),
            (Remedy::Replace { location: Location::lines("f", 2, 4), text: text() }, "1\nx\ny\n"),
            (Remedy::Insert { location: at(1), text: text() }, "x\ny\n1\n2\n3\n4\n"),
            (Remedy::Insert { location: end(), text: text() }, "1\n2\n3\n4\nx\ny\n"),
            (Remedy::Delete { location: Location::lines("f", 2, 3) }, "1\n4\n"),
            (Remedy::Move { location: at(1), before: at(4) }, "2\n3\n1\n4\n"),
            (Remedy::Move { location: at(3), before: at(1) }, "3\n1\n2\n4\n"),
            (Remedy::Move { location: Location::lines("f", 1, 2), before: end() }, "3\n4\n1\n2\n"),
        ];
        for (remedy, expected) in table {
            assert_eq!(remedy.apply("1\n2\n3\n4").as_deref(), Some(expected), "{remedy:?}");
        }
    }

    #[test]
    fn keeps_file_without_such_line() {
        for remedy in [
            Remedy::Delete { location: at(3) },
            Remedy::Delete { location: at(0) },
            Remedy::Move { location: at(1), before: at(7) },
            Remedy::Move { location: at(2), before: Location::line("g", 1) },
            Remedy::Run { command: "true".to_owned() },
        ] {
            assert_eq!(remedy.apply("1\n2\n"), None, "{remedy:?}");
        }
    }
}
