//! What became of everything that was found.

use std::fmt::Write;

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::say;

use super::found::{FoundAt, ImportedEntry};

/// What became of one authenticator.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It works from now on.
    Imported,
    /// It would, without `--dry-run`.
    WouldImport,
    Unchanged,
    /// It does not, for the reason that is told.
    Refused,
}

impl Outcome {
    const fn words(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::WouldImport => "would be imported",
            Self::Unchanged => "is here already",
            Self::Refused => "refused",
        }
    }
}

/// One authenticator. The names of the fields are those of the JSON.
#[derive(Serialize, Clone)]
pub(crate) struct Row {
    user: String,
    uid: Option<u32>,
    file: String,
    line: Option<usize>,
    outcome: Outcome,
    problem: Option<String>,
    notes: Vec<String>,
}

impl Row {
    /// Of what nothing is known yet.
    pub(crate) fn new(user: String, uid: Option<u32>, place: FoundAt) -> Self {
        let FoundAt { file, line } = place;
        let file = file.display().to_string();
        Self { user, uid, file, line, outcome: Outcome::Refused, problem: None, notes: Vec::new() }
    }

    /// Of what is refused because of its user; what is wrong with itself is told rather.
    pub(crate) fn refused(entry: ImportedEntry, problem: &str) -> Self {
        let ImportedEntry { user, place, found } = entry;
        Self::new(user, None, place).refuse(&found.err().unwrap_or_else(|| problem.to_owned()))
    }

    pub(crate) fn refuse(self, problem: &str) -> Self {
        Self {
            outcome: Outcome::Refused,
            problem: Some(problem.trim_end_matches('.').to_owned()),
            notes: Vec::new(),
            ..self
        }
    }

    /// The same, with another end.
    pub(crate) fn with(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// The same, with more to say.
    pub(crate) fn noting(mut self, more: Vec<String>) -> Self {
        self.notes.extend(more);
        self
    }

    /// Whether it works from now on, and did not before.
    pub(crate) fn is_new(&self) -> bool {
        self.outcome == Outcome::Imported
    }

    fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

/// Tells what became of all. Fails, with all of it said, if anything was refused.
pub(crate) fn tell(rows: &[Row], json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(rows).map_err(|error| Failure::unavailable(error.to_string(), ""))?
    } else {
        table(rows)
    };
    say(&text)?;
    if rows.iter().any(|row| row.outcome == Outcome::Refused) { Err(Failure::silent()) } else { Ok(()) }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (users, outcomes) = (width(|row| row.user.chars().count()), width(|row| row.outcome.words().len()));
    let mut text = String::new();
    for row in rows {
        let problem = row.problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:users$}  {:outcomes$}  {}{problem}",
            row.user,
            row.outcome.words(),
            row.place()
        );
        for note in &row.notes {
            let _ = writeln!(text, "{:users$}  note: {note}", "");
        }
    }
    let of = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let kinds = [Outcome::Imported, Outcome::WouldImport, Outcome::Unchanged, Outcome::Refused];
    let counts = kinds.map(|outcome| (of(outcome), outcome.words()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    text + &if counts.is_empty() {
        "Nothing was found.".to_owned()
    } else {
        format!("{}.", counts.join(", "))
    }
}
