//! What became of everything that was found.

use std::fmt::Write;

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::say;

use super::found::FoundAt;

/// The exit status where somebody's file could not be looked at.
const INCOMPLETE: u8 = 4;

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
    /// Nobody knows what is there, for the reason that is told.
    NotLookedAt,
    /// A folder where homes are, which is no account's, and has no file of the other program.
    NobodysHome,
}

impl Outcome {
    const fn words(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::WouldImport => "would be imported",
            Self::Unchanged => "is here already",
            Self::Refused => "refused",
            Self::NotLookedAt => "not looked at",
            Self::NobodysHome => "nobody's home",
        }
    }
}

/// One authenticator, file or folder. The names of the fields are those of the JSON.
#[derive(Serialize, Clone)]
pub(crate) struct Row {
    /// Whose it is: an account of this machine.
    user: Option<String>,
    uid: Option<u32>,
    file: String,
    line: Option<usize>,
    outcome: Outcome,
    problem: Option<String>,
    notes: Vec<String>,
}

impl Row {
    /// Of what nothing is known yet.
    pub(crate) fn new(user: String, uid: u32, place: FoundAt) -> Self {
        Self { user: Some(user), uid: Some(uid), ..Self::of_nobody(place) }
    }

    /// The same, of what is no account's.
    pub(crate) fn of_nobody(place: FoundAt) -> Self {
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

    /// What nobody could look at.
    pub(crate) fn not_looked_at(self, problem: &str) -> Self {
        self.refuse(problem).with(Outcome::NotLookedAt)
    }

    pub(crate) fn refuse(self, problem: &str) -> Self {
        Self {
            outcome: Outcome::Refused,
            problem: Some(problem.trim_end_matches('.').to_owned()),
            notes: Vec::new(),
            ..self
        }
    }

    /// The same, with another outcome.
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
    /// How many accounts were looked at, where all are meant.
    pub looked_at: Option<usize>,
}

impl Report {
    /// The whole text.
    pub(crate) fn text(&self, json: bool) -> Result<String, Failure> {
        if json {
            return serde_json::to_string_pretty(&self.rows)
                .map_err(|error| Failure::unavailable(error.to_string(), ""));
        }
        let completeness = self.looked_at.map_or_else(String::new, |accounts| {
            if self.has(Outcome::NotLookedAt) {
                format!(
                    "\n{accounts} accounts were looked at; those told as 'not looked at' are not among them."
                )
            } else {
                format!("\nAll {accounts} accounts were looked at.")
            }
        });
        Ok(table(&self.rows) + &completeness)
    }

    /// Fails, with all of it said already, if anything was refused or nobody could look at it.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.has(Outcome::NotLookedAt) {
            return Err(Failure::of(INCOMPLETE, "", ""));
        }
        if self.has(Outcome::Refused) { Err(Failure::silent()) } else { Ok(()) }
    }

    /// Tells all of it.
    pub(crate) fn tell(&self, json: bool) -> Result<(), Failure> {
        say(&self.text(json)?)?;
        self.verdict()
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.rows.iter().any(|row| row.outcome == outcome)
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (users, outcomes) = (width(|row| row.name().chars().count()), width(|row| row.outcome.words().len()));
    let mut text = String::new();
    for row in rows {
        let problem = row.problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:users$}  {:outcomes$}  {}{problem}",
            row.name(),
            row.outcome.words(),
            row.place()
        );
        for note in &row.notes {
            let _ = writeln!(text, "{:users$}  note: {note}", "");
        }
    }
    let of = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let kinds =
        [Outcome::Imported, Outcome::WouldImport, Outcome::Unchanged, Outcome::Refused, Outcome::NotLookedAt];
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
