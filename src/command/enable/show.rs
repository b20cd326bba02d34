//! What a change looks like: the differences of the files, their reasons, and the outcome.

use std::io::{IsTerminal, stdin};

use serde::Serialize;
use similar::TextDiff;
use twostep_change::journal::Pending;
use twostep_change::plan::{FileChange, Plan};
use twostep_core::dialogue::conversation::Conversation;

use crate::failure::Failure;
use crate::terminal::{Terminal, say};
use crate::words::enable as words;
use crate::words::moment::{rfc_3339, text};

/// Lines around a difference.
const CONTEXT: usize = 3;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for a confirmation
    #[arg(long)]
    yes: bool,
    /// Print JSON; needs --yes or --dry-run
    #[arg(long)]
    json: bool,
}

impl Options {
    /// For a text on a terminal.
    pub(crate) fn new(dry_run: bool, yes: bool) -> Self {
        Self { dry_run, yes, json: false }
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Asks before files change.
    pub(super) fn confirm(&self) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if self.json || !stdin().is_terminal() {
            return Err(Failure::refused(words::NO_TERMINAL, words::NO_TERMINAL_THEN));
        }
        let answer = Terminal.ask(words::ASK_APPLY)?;
        let is_yes =
            [b"y".as_slice(), b"yes"].iter().any(|yes| answer.trim_ascii().eq_ignore_ascii_case(yes));
        if is_yes { Ok(()) } else { Err(Failure::refused(words::NOT_CONFIRMED, "")) }
    }
}

/// A change as JSON.
#[derive(Serialize)]
pub(super) struct Shown {
    act: &'static str,
    services: Vec<String>,
    /// Whether files were changed.
    changed: bool,
    files: Vec<ShownFile>,
    /// Until when the change waits to be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<String>,
}

#[derive(Serialize)]
struct ShownFile {
    path: String,
    /// A unified diff.
    diff: String,
    why: Vec<String>,
}

impl Shown {
    pub(super) fn new(act: &'static str, plan: &Plan) -> Self {
        let file = |change: &FileChange| {
            let steps = plan.steps.iter().filter(|step| step.file == change.path);
            ShownFile {
                path: change.path.clone(),
                diff: diff(change),
                why: steps.map(|step| step.why.clone()).collect(),
            }
        };
        let services = plan.services.iter().cloned().collect();
        let files = plan.files.iter().map(file).collect();
        Self { act, services, changed: false, files, waits_until: None }
    }

    /// Before a change; as JSON only after it.
    pub(super) fn plan(&self, options: &Options) -> Result<(), Failure> {
        if options.json {
            return if options.dry_run { self.print() } else { Ok(()) };
        }
        for file in &self.files {
            say(file.diff.trim_end())?;
            if !file.why.is_empty() {
                say(&format!("\n{}", words::WHY))?;
                file.why.iter().try_for_each(|why| say(&format!("  - {why}")))?;
            }
            say("")?;
        }
        Ok(())
    }

    /// After a change that was not needed.
    pub(super) fn unchanged(&self, options: &Options, what: &str) -> Result<(), Failure> {
        if options.json { self.print() } else { say(what) }
    }

    /// After a change.
    pub(super) fn done(
        mut self,
        options: &Options,
        pending: Option<&Pending>,
        what: &str,
    ) -> Result<(), Failure> {
        self.changed = true;
        self.waits_until = pending.and_then(|pending| rfc_3339(pending.until().seconds()));
        if options.json { self.print() } else { say(what) }
    }

    fn print(&self) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self);
        say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?)
    }
}

/// What is said of a change that waits.
pub(super) fn waits(services: &str, pending: &Pending, minutes: u64) -> String {
    words::waits(services, text(pending.until()), minutes)
}

fn diff(change: &FileChange) -> String {
    let text = |content: Option<&twostep_change::file::Content>| {
        content.map(|content| String::from_utf8_lossy(&content.bytes).into_owned()).unwrap_or_default()
    };
    let name = |is_there: bool| if is_there { change.path.as_str() } else { "/dev/null" };
    let (old, new) = (text(change.old.as_ref()), text(change.new.as_ref()));
    let diff = TextDiff::from_lines(&old, &new);
    let mut unified = diff.unified_diff();
    unified.context_radius(CONTEXT).header(name(change.old.is_some()), name(change.new.is_some())).to_string()
}
