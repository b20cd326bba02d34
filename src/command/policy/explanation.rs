//! What the policy decides for one login: the facts, and how programs and users read them.

use std::path::{Path, PathBuf};

use serde::Serialize;
use twostep_core::policy::{Applies, Condition, Mode};
use twostep_core::time::Day;
use twostep_doctor::sudoers::explain::{CallersCode, SudoExplanation};

use super::asked::Asked;
use super::outcome::Outcome;
use crate::failure::Failure;
use crate::words::policy_explain as words;

/// What the policy decides for one login.
pub(super) struct Explanation {
    pub user: String,
    pub service: String,
    pub mode: Mode,
    pub rule: String,
    pub file: PathBuf,
    pub line: usize,
    /// The day from which on it is mandatory, if that is still to come.
    pub starts: Option<Day>,
    /// None if the caller may not read it.
    pub stored: Option<Stored>,
    pub outcome: Outcome,
    /// The pam_twostep lines; none if this process may not read all.
    pub lines: Option<Lines>,
    /// The ways in that sshd has; none if not known, and at other services.
    pub sshd_accepts: Option<Vec<String>>,
    /// None at services other than sudo's.
    pub sudo: Option<SudoExplanation>,
    pub considered: Vec<Considered>,
}

/// The pam_twostep lines of the service.
pub(super) struct Lines {
    /// What libpam reads for the service.
    pub file: Option<String>,
    pub has_auth_line: bool,
    pub has_account_line: bool,
}

/// A rule that was looked at, in the order of the file.
pub(super) struct Considered {
    pub rule: String,
    pub line: usize,
    pub applies: Applies,
}

/// What is stored of a user and changes what a login asks.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub enrolled: bool,
    pub required: bool,
}

/// The explanation for programs. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct ExplanationJson<'a> {
    user: &'a str,
    service: &'a str,
    mode: &'static str,
    rule: &'a str,
    file: &'a Path,
    line: usize,
    starts: Option<String>,
    required: Option<bool>,
    enrolled: Option<bool>,
    what_happens: String,
    /// One word for it.
    outcome: &'static str,
    notes: &'a [String],
    service_file: Option<&'a str>,
    auth_line: Option<bool>,
    account_line: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sshd_accepts: Option<&'a [String]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sudoers: &'a [String],
    considered: Vec<ConsideredJson<'a>>,
}

#[derive(Serialize)]
struct ConsideredJson<'a> {
    rule: &'a str,
    line: usize,
    applies: &'static str,
    /// The key of the condition that is not met, or of which that is not known.
    condition: Option<String>,
}

impl Explanation {
    pub(super) fn json(&self) -> Result<String, Failure> {
        pretty(&self.as_json())
    }

    fn as_json(&self) -> ExplanationJson<'_> {
        let lines = self.lines.as_ref();
        ExplanationJson {
            user: &self.user,
            service: &self.service,
            mode: self.mode.word(),
            rule: &self.rule,
            file: &self.file,
            line: self.line,
            starts: self.starts.map(|day| day.to_string()),
            required: self.stored.map(|stored| stored.required),
            enrolled: self.stored.map(|stored| stored.enrolled),
            what_happens: self.what_happens(),
            outcome: self.asked().word(),
            notes: &self.outcome.notes,
            service_file: lines.and_then(|lines| lines.file.as_deref()),
            auth_line: lines.map(|lines| lines.has_auth_line),
            account_line: lines.map(|lines| lines.has_account_line),
            sshd_accepts: self.sshd_accepts.as_deref(),
            sudoers: self.sudoers(),
            considered: self.considered.iter().map(Considered::json).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let Self { user, service, mode, rule, file, line, starts, stored, .. } = self;
        let mut lines =
            vec![words::decision(user, service, mode.word()), words::by_rule(rule, file.display(), line)];
        lines.extend(starts.map(words::starts));
        if *mode == Mode::OptIn && stored.is_some_and(|stored| stored.required) {
            lines.push(words::REQUIRED.to_owned());
        }
        lines.push(words::asks(self.what_happens()));
        lines.extend(self.outcome.notes.iter().chain(self.sudoers()).map(words::note));
        lines.extend(self.sshd_accepts.as_ref().map(|ways| match ways.as_slice() {
            [] => words::sshd_accepts(words::NO_WAY),
            ways => words::sshd_accepts(ways.join(" ")),
        }));
        lines.extend(self.considered.iter().filter_map(Considered::text));
        lines.join("\n")
    }

    /// What the login asks, and what sudoers changes about that.
    fn what_happens(&self) -> String {
        let asked = self.outcome.asked.text();
        match self.sudo.as_ref().map(|sudo| sudo.callers_code) {
            Some(CallersCode::NotAsked) => words::CALLERS_CODE_NOT_ASKED.to_owned(),
            Some(CallersCode::Perhaps) => words::in_some_cases(asked),
            Some(CallersCode::Asked) | None => asked.to_owned(),
        }
    }

    /// As the outcome has it, but for sudo, which may ask for no code.
    pub(super) fn asked(&self) -> Asked {
        let not_asked = self.sudo.as_ref().is_some_and(|sudo| sudo.callers_code == CallersCode::NotAsked);
        if not_asked { Asked::Unasked } else { self.outcome.asked }
    }

    fn sudoers(&self) -> &[String] {
        self.sudo.as_ref().map_or(&[], |sudo| &sudo.notes)
    }
}

/// The explanations of several logins, as JSON.
pub(super) fn list(all: &[Explanation]) -> Result<String, Failure> {
    pretty(&all.iter().map(Explanation::as_json).collect::<Vec<_>>())
}

fn pretty(json: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(json).map_err(|error| Failure::unavailable(error.to_string(), ""))
}

impl Considered {
    fn json(&self) -> ConsideredJson<'_> {
        let applies = match self.applies {
            Applies::Yes => "yes",
            Applies::No(_) => "no",
            Applies::Perhaps(_) | Applies::UnknownGroups => "perhaps",
        };
        let condition = self.condition().map(|condition| condition.to_string());
        ConsideredJson { rule: &self.rule, line: self.line, applies, condition }
    }

    /// Why it did not decide; none if it did.
    fn text(&self) -> Option<String> {
        let condition = self.condition()?;
        let text = if matches!(self.applies, Applies::No(_)) { words::no_match } else { words::perhaps };
        Some(text(&self.rule, self.line, condition))
    }

    fn condition(&self) -> Option<Condition> {
        match self.applies {
            Applies::Yes => None,
            Applies::No(condition) | Applies::Perhaps(condition) => Some(condition),
            Applies::UnknownGroups => Some(Condition::Groups),
        }
    }
}
