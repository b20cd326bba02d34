//! What became of everything that was found.

use std::fmt::{Display, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::say;
use crate::words::import as words;

use super::found::FoundAt;

/// The exit status if a file could not be looked at.
const INCOMPLETE: u8 = 4;

/// What became of one authenticator.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is stored.
    Imported,
    /// It would be stored without `--dry-run`.
    WouldImport,
    Unchanged,
    /// It is not stored. The row has the problem.
    Refused,
    /// It is not known what is there. The row has the problem.
    NotLookedAt,
    /// A folder beside homes that is no account's, and has no file of the other program.
    NobodysHome,
}

impl Outcome {
    const fn text(self) -> &'static str {
        match self {
            Self::Imported => words::IMPORTED,
            Self::WouldImport => words::WOULD_BE_IMPORTED,
            Self::Unchanged => words::UNCHANGED,
            Self::Refused => words::REFUSED,
            Self::NotLookedAt => words::NOT_LOOKED_AT,
            Self::NobodysHome => words::NOBODYS_HOME,
        }
    }
}

/// One authenticator, file or folder. The names of the fields are those of the JSON.
#[derive(Serialize, Clone)]
pub(crate) struct Row {
    /// The account; none if there is none.
    user: Option<String>,
    uid: Option<u32>,
    file: String,
    line: Option<usize>,
    outcome: Outcome,
    problem: Option<String>,
    notes: Vec<String>,
}

impl Row {
    /// A row of an account. Its outcome is set later.
    pub(crate) fn new(user: String, uid: u32, place: FoundAt) -> Self {
        Self { user: Some(user), uid: Some(uid), ..Self::without_account(place) }
    }

    /// A row without an account.
    pub(crate) fn without_account(place: FoundAt) -> Self {
        let FoundAt { file, line } = place;
        let file = file.display().to_string();
        Self {
            user: None,
            uid: None,
            file,
            line,
            outcome: Outcome::Refused,
            problem: None,
            notes: Vec::new(),
        }
    }

    /// The same, with an outcome that is not known, and why.
    pub(crate) fn not_looked_at(self, problem: impl Display) -> Self {
        self.refuse(problem).with(Outcome::NotLookedAt)
    }

    pub(crate) fn refuse(self, problem: impl Display) -> Self {
        Self { outcome: Outcome::Refused, problem: Some(problem.to_string()), notes: Vec::new(), ..self }
    }

    /// The same, with another outcome.
    pub(crate) fn with(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// The same, with notes.
    pub(crate) fn noting(mut self, more: Vec<String>) -> Self {
        self.notes.extend(more);
        self
    }

    /// Whether it was stored now.
    pub(crate) fn is_new(&self) -> bool {
        self.outcome == Outcome::Imported
    }

    pub(crate) fn is_not_looked_at(&self) -> bool {
        self.outcome == Outcome::NotLookedAt
    }

    fn name(&self) -> &str {
        self.user.as_deref().unwrap_or("-")
    }

    fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

/// What became of all.
pub(crate) struct Report {
    pub rows: Vec<Row>,
    /// How many accounts were looked at, with --all-homes.
    pub looked_at: Option<usize>,
}

impl Report {
    /// Text or JSON.
    pub(crate) fn text(&self, json: bool) -> Result<String, Failure> {
        if json {
            return serde_json::to_string_pretty(&self.rows)
                .map_err(|error| Failure::unavailable(error.to_string(), ""));
        }
        let completeness = self.looked_at.map(|accounts| {
            if self.has(Outcome::NotLookedAt) {
                words::some_looked_at(accounts)
            } else {
                words::all_looked_at(accounts)
            }
        });
        Ok([Some(table(&self.rows)), completeness].into_iter().flatten().collect::<Vec<_>>().join("\n"))
    }

    /// Fails if anything was refused or could not be looked at. The report has said why.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.has(Outcome::NotLookedAt) {
            return Err(Failure::of(INCOMPLETE, "", ""));
        }
        if self.has(Outcome::Refused) { Err(Failure::silent()) } else { Ok(()) }
    }

    /// Prints all of it.
    pub(crate) fn print(&self, json: bool) -> Result<(), Failure> {
        say(&self.text(json)?)?;
        self.verdict()
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.rows.iter().any(|row| row.outcome == outcome)
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (users, outcomes) = (width(|row| row.name().chars().count()), width(|row| row.outcome.text().len()));
    let mut text = String::new();
    for row in rows {
        let problem = row.problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:users$}  {:outcomes$}  {}{problem}",
            row.name(),
            row.outcome.text(),
            row.place()
        );
        for note in &row.notes {
            let _ = writeln!(text, "{:users$}  {}", "", words::note(note));
        }
    }
    let of = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let kinds =
        [Outcome::Imported, Outcome::WouldImport, Outcome::Unchanged, Outcome::Refused, Outcome::NotLookedAt];
    let counts = kinds.map(|outcome| (of(outcome), outcome.text()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, outcome)| words::count(number, outcome))
        .collect();
    text + &if counts.is_empty() { words::NOTHING_FOUND.to_owned() } else { words::sum(counts.join(", ")) }
}
