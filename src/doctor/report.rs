//! The report: as text, and as JSON for programs.

use std::fmt::{self, Display, Formatter, Write};

use serde::Serialize;

use twostep_hostconf::location::Location;

use crate::context::Visibility;
use crate::finding::{Finding, Remedy, Severity};

/// All findings, problems before warnings. Within a severity, a finding whose remedy locks users out comes last: another problem
/// may have to be fixed before it.
#[derive(Serialize)]
pub struct Report {
    problems: usize,
    warnings: usize,
    /// Whether no check was left out.
    complete: bool,
    findings: Vec<Finding>,
    #[serde(skip)]
    visibility: Visibility,
}

impl Report {
    /// The report on `findings`, made with this visibility.
    pub fn new(mut findings: Vec<Finding>, visibility: Visibility) -> Self {
        findings.sort_by(|one, other| order(one).cmp(&order(other)));
        findings.dedup_by(|later, first| first.merge(later));
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            problems: count(Severity::Problem),
            warnings: count(Severity::Warning),
            complete: visibility == Visibility::Whole && !findings.iter().any(|finding| finding.is_gap),
            findings,
            visibility,
        }
    }

    /// Sorted: problems before warnings, then by location.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether no check was left out.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether there is a finding of severity `Problem`.
    pub fn has_problems(&self) -> bool {
        self.problems > 0
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        match (self.problems, self.warnings) {
            (0, 0) => f.write_str("No problems found.")?,
            (problems, warnings) => {
                write!(f, "{}, {}.", counted(problems, "problem"), counted(warnings, "warning"))?;
            }
        }
        if self.findings.len() > 1 {
            f.write_str(
                "\nFix the first problem and run doctor again; later line numbers may have changed.",
            )?;
        }
        if self.findings.iter().any(|finding| !finding.editors.is_empty()) {
            f.write_str("\nKeep a root shell open while you edit sudoers.")?;
        }
        if self.visibility == Visibility::Public {
            write!(f, "\n{LEFT_OUT}")?;
        }
        Ok(())
    }
}

fn order(finding: &Finding) -> impl Ord {
    (finding.severity, !finding.effect.locks.is_empty(), &finding.location, &finding.what, finding)
}

const LEFT_OUT: &str =
    "Some checks need root (stored enrollments, sshd's effective settings): run 'sudo twostep doctor'.";

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}: {} [{}]", self.location, self.what, self.id)?;
        writeln!(f, "    {}", self.why)?;
        write!(f, "{}", self.remedy)?;
        if !self.editors.is_empty() {
            writeln!(f, "    Edit with '{}'.", self.editors.join("' and '"))?;
        }
        write!(f, "{}", self.effect)
    }
}

impl Display for Remedy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace { location, text } => {
                writeln!(f, "    Replace {location} with:")?;
                indented(f, text)
            }
            Self::Insert { location, text } => {
                writeln!(f, "    {}:", insertion("Insert", "Append", location))?;
                indented(f, text)
            }
            Self::Choose { advice, location, text } => {
                writeln!(f, "    {advice}")?;
                writeln!(f, "    Otherwise {}:", insertion("insert", "append", location))?;
                indented(f, text)
            }
            Self::Move { location, before: before @ Location { line: Some(_), .. } } => {
                writeln!(f, "    Move {location} before {before}.")
            }
            Self::Move { location, before } => writeln!(f, "    Move {location} to the end of {before}."),
            Self::Delete { location } => writeln!(f, "    Delete {location}."),
            Self::Steps { steps } => {
                writeln!(f, "    Make all of these changes, in this order:")?;
                steps.iter().try_for_each(|step| write!(f, "{step}"))
            }
            Self::Run { command } => {
                writeln!(f, "    Run as root:")?;
                indented(f, command)
            }
            Self::Advice { text } => writeln!(f, "    {text}"),
        }
    }
}

/// New lines go before a line, or to the end of a file.
fn insertion(before: &str, at_end: &str, location: &Location) -> String {
    if location.line.is_some() {
        format!("{before} before {location}")
    } else {
        format!("{at_end} to {location}")
    }
}

fn indented(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| {
        f.write_str("        ")?;
        f.write_str(line)?;
        f.write_char('\n')
    })
}
