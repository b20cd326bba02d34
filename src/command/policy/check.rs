//! `twostep policy check`: all errors at once, as compilers show them, and what is valid but probably a mistake.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use serde::Serialize;
use twostep_core::machine::System;
use twostep_core::os::clock;
use twostep_core::os::files::LONGEST_FILE;
use twostep_core::os::root::Root;
use twostep_core::policy::{Condition, Policy, PolicyError, Rule};
use twostep_doctor::names::{self, NameRemark};
use twostep_doctor::remarks::{self, Remark};
use twostep_doctor::{hint, policy_findings};

use crate::failure::Failure;
use crate::import::recognised;
use crate::terminal::say;
use crate::words::frame::CHECK_SPELLING;
use crate::words::policy_check as words;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy file; by default that of this machine
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One line of the report. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct Diagnostic {
    severity: &'static str,
    line: usize,
    column: Option<usize>,
    message: String,
    then: String,
}

#[derive(Serialize)]
struct CheckReport {
    file: PathBuf,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Diagnostic>,
}

/// Checks a policy. Fails, with status 1, if logins would be refused because of it.
pub(crate) fn run(root: Root, arguments: &Arguments) -> Result<(), Failure> {
    let system = System::new(root.clone());
    let (file, text) = match &arguments.file {
        Some(file) => (file.clone(), read(file)?),
        None => system.policy_text().map(|(path, text)| (path, text.to_vec()))?,
    };
    let mut diagnostics: Vec<Diagnostic> = Policy::errors(&text).iter().map(of_error).collect();
    if diagnostics.is_empty()
        && let Ok(policy) = Policy::parse(&text)
    {
        diagnostics.extend(remarks::remarks(&policy, clock::now()?).iter().map(of_remark));
        diagnostics.extend(remarks::one_code(&policy).map(of_one_code));
        diagnostics.extend(names::remarks(&policy, &root).iter().map(of_name));
        diagnostics.extend(policy.rules().iter().flat_map(|rule| unknown_services(rule, &system)));
        diagnostics.sort_by_key(|diagnostic| diagnostic.line);
    }
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let report = CheckReport { file, errors: count("error"), warnings: count("warning"), diagnostics };
    let shown = if arguments.json { report.json()? } else { report.text(&String::from_utf8_lossy(&text)) };
    say(&shown)?;
    if report.errors > 0 { Err(Failure::silent()) } else { Ok(()) }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::unavailable(words::unreadable(path.display(), error), "");
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LONGEST_FILE.saturating_add(1)).read_to_end(&mut text).map_err(failed)?;
    if recognised::has_keys(&text) {
        // An error in it would be shown with the line, and so with a secret.
        return Err(Failure::refused(words::HAS_KEYS, words::HAS_KEYS_THEN));
    }
    if u64::try_from(text.len()).is_ok_and(|length| length <= LONGEST_FILE) {
        return Ok(text);
    }
    Err(Failure::refused(words::too_long(path.display(), LONGEST_FILE), words::TOO_LONG_THEN))
}

fn of_error(error: &PolicyError) -> Diagnostic {
    Diagnostic {
        severity: "error",
        line: error.position.line,
        column: Some(error.position.column),
        message: error.kind.to_string(),
        then: hint::what_to_do(&error.kind),
    }
}

fn of_remark(remark: &Remark<'_>) -> Diagnostic {
    Diagnostic {
        severity: if remark.kind.is_warning() { "warning" } else { "note" },
        line: remark.rule.line,
        column: None,
        message: policy_findings::remark_what(remark),
        then: policy_findings::remark_then(&remark.kind).to_owned(),
    }
}

fn of_one_code(line: usize) -> Diagnostic {
    Diagnostic {
        severity: "note",
        line,
        column: None,
        message: policy_findings::ONE_CODE_WHAT.to_owned(),
        then: policy_findings::ONE_CODE_THEN.to_owned(),
    }
}

fn of_name(remark: &NameRemark<'_>) -> Diagnostic {
    Diagnostic {
        severity: "warning",
        line: remark.rule.line,
        column: None,
        message: policy_findings::name_what(remark),
        then: policy_findings::name_then(&remark.problem),
    }
}

/// Services that have no file on this machine.
fn unknown_services(rule: &Rule, system: &System) -> Vec<Diagnostic> {
    let services = rule.names().filter(|(condition, _)| *condition == Condition::Services);
    let unknown = services.filter(|(_, name)| !system.paths_of_service(name).any(|path| path.exists()));
    let warning = |(_, name)| Diagnostic {
        severity: "warning",
        line: rule.line,
        column: None,
        message: words::unknown_service(&rule.name, name),
        then: CHECK_SPELLING.to_owned(),
    };
    unknown.map(warning).collect()
}

impl CheckReport {
    fn json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| Failure::unavailable(error.to_string(), ""))
    }

    fn text(&self, source: &str) -> String {
        let mut blocks: Vec<String> =
            self.diagnostics.iter().map(|diagnostic| diagnostic.text(&self.file, source)).collect();
        blocks.push(match (self.errors, self.warnings) {
            (0, 0) => words::CLEAN.to_owned(),
            (0, 1) => words::ONE_WARNING.to_owned(),
            (0, warnings) => words::warnings(warnings),
            (1, _) => words::ONE_ERROR.to_owned(),
            (errors, _) => words::errors(errors),
        });
        blocks.join("\n")
    }
}

impl Diagnostic {
    fn text(&self, file: &std::path::Path, source: &str) -> String {
        let line = source.lines().nth(self.line.saturating_sub(1)).unwrap_or_default().replace('\t', " ");
        let column = self.column.map_or_else(String::new, |column| format!(":{column}"));
        let mut text =
            format!("{}:{}{column}: {}: {}\n", file.display(), self.line, self.severity, self.message);
        let (excerpt, caret) = excerpt(&line, self.column.unwrap_or(1).saturating_sub(1));
        text.push_str(&format!("    {excerpt}\n"));
        if self.column.is_some() {
            text.push_str(&format!("    {}^\n", " ".repeat(caret)));
        }
        text.push_str(&format!("    {}", self.then));
        text
    }
}

/// The part of a line that fits the screen, and the place in it of the character `at`, which counts from 0.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    const WIDTH: usize = 70;
    let start = if at < WIDTH { 0 } else { at.saturating_sub(WIDTH / 2) };
    (line.chars().skip(start).take(WIDTH).collect(), at.saturating_sub(start))
}
