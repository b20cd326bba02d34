//! The report, for people and for programs.

use std::fmt::{self, Display, Formatter, Write};

use serde::Serialize;

use twostep_hostconf::location::Location;

use crate::context::Visibility;
use crate::finding::{Finding, Remedy, Severity};

/// All findings, the worst first. Of those that are alike bad, one whose remedy locks somebody out comes last: another one may
/// have to be mended before.
#[derive(Serialize)]
pub struct Report {
    problems: usize,
    warnings: usize,
    /// Whether everything was looked at.
    complete: bool,
    findings: Vec<Finding>,
    #[serde(skip)]
    visibility: Visibility,
}

impl Report {
    /// The report on `findings`, by somebody with this visibility.
    pub fn new(mut findings: Vec<Finding>, visibility: Visibility) -> Self {
        findings.sort_by(|one, other| order(one).cmp(&order(other)));
        findings.dedup();
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            problems: count(Severity::Problem),
            warnings: count(Severity::Warning),
            complete: visibility == Visibility::Whole && !findings.iter().any(|finding| finding.is_gap),
            findings,
            visibility,
        }
    }

    /// What was found, the worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether something must be mended.
    pub fn has_problems(&self) -> bool {
        self.problems > 0
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        match (self.problems, self.warnings) {
            (0, 0) => f.write_str("Nothing to mend.")?,
            (problems, warnings) => {
                write!(f, "{}, {}.", counted(problems, "problem"), counted(warnings, "warning"))?;
            }
        }
        if self.findings.len() > 1 {
            f.write_str("\nMend the first, then ask again: what follows may have moved.")?;
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

/// The worst first, then by place.
fn order(finding: &Finding) -> impl Ord {
    (finding.severity, !finding.effect.locks.is_empty(), &finding.location, &finding.what, finding)
}

/// What is said to whoever cannot see everything.
const LEFT_OUT: &str = "Left out is what only root may read, such as what is stored of people and what sshd says of itself: \
                        'sudo twostep doctor' looks at that, too.";

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
                writeln!(f, "    Put in place of {location}:")?;
                indented(f, text)
            }
            Self::Insert { location, text } => {
                writeln!(f, "    Put {}:", place(location))?;
                indented(f, text)
            }
            Self::Choose { advice, location, text } => {
                writeln!(f, "    {advice}")?;
                writeln!(f, "    Otherwise put {}:", place(location))?;
                indented(f, text)
            }
            Self::Move { location, before: before @ Location { line: Some(_), .. } } => {
                writeln!(f, "    Move {location} to before {before}.")
            }
            Self::Move { location, before } => writeln!(f, "    Move {location} to the end of {before}."),
            Self::Delete { location } => writeln!(f, "    Delete {location}."),
            Self::Run { command } => {
                writeln!(f, "    As root, run:")?;
                indented(f, command)
            }
            Self::Advice { text } => writeln!(f, "    {text}"),
        }
    }
}

/// Where new lines go.
fn place(location: &Location) -> String {
    let what = if location.line.is_some() { "before" } else { "at the end of" };
    format!("{what} {location}")
}

/// Lines that can be copied as they are.
fn indented(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| {
        f.write_str("        ")?;
        f.write_str(line)?;
        f.write_char('\n')
    })
}
