//! An act for each of many users. One that fails does not stop the others.

use serde::Serialize;
use twostep_core::manage::act::Target;
use twostep_core::os::names::Names;

use crate::failure::{Failure, show};
use crate::subject::Subject;
use crate::terminal::{note, say};
use crate::words::naming as words;

use super::many::{Found, ManyUsers};

/// The users, and how the results are shown.
#[derive(clap::Args)]
pub(crate) struct EachUser {
    #[command(flatten)]
    users: ManyUsers,
    /// Print a JSON object a line for each user
    #[arg(long)]
    json: bool,
}

/// Shows what happened to one user.
pub(crate) struct Report {
    target: Target,
    json: bool,
}

/// A line of the JSON. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct Line<'a, F> {
    user: Option<&'a str>,
    uid: Option<u32>,
    result: &'a str,
    #[serde(flatten)]
    facts: F,
}

/// The rest of the line of a user for whom nothing, or not everything, was done.
#[derive(Serialize)]
struct FailureFacts<'a> {
    error: &'a str,
    remedy: &'a str,
}

impl EachUser {
    /// The users, for `verb`. Fails if none is named, and if one cannot be found.
    pub(crate) fn find<S: Subject>(&self, verb: &str, names: &Names) -> Result<Vec<Found<S>>, Failure> {
        if self.users.is_empty() {
            return Err(Failure::of(Failure::USAGE, words::WHICH_USERS, words::which_users_then(verb)));
        }
        self.users.find(names)
    }

    /// Acts for each of the users that were found, in their order. With several users, shows each failure, and the worst decides
    /// the exit status.
    pub(crate) fn act<S: Subject>(
        &self,
        found: Vec<Found<S>>,
        mut act: impl FnMut(&S, &Report) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (all, mut failed, mut worst) = (found.len(), 0_usize, 0);
        for Found { name, subject } in found {
            let target = subject.as_ref().ok().map(S::target);
            let done = subject.and_then(|subject| {
                let report = Report { target: subject.target(), json: self.json };
                act(&subject, &report)
            });
            let Err(failure) = done else { continue };
            if !self.users.is_list() && !self.json {
                return Err(failure);
            }
            show(&failure);
            if self.json {
                say_failure(&name, target.as_ref(), &failure)?;
            }
            failed = failed.saturating_add(1);
            worst = worst.max(failure.status());
        }
        match failed {
            0 => Ok(()),
            _ if !self.users.is_list() => Err(Failure::of(worst, "", "")),
            _ => Err(Failure::of(worst, words::not_done(failed, all), words::NOT_DONE_THEN)),
        }
    }
}

impl Report {
    /// Shows a result on standard output: as `text`, or as a line of JSON with the word `result` and these `facts`.
    pub(crate) fn say(&self, text: &str, result: &str, facts: impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return say(text);
        }
        let user = self.target.account.as_ref().map(|account| account.name.as_str());
        say_line(&Line { user, uid: Some(self.target.uid), result, facts })
    }

    /// Adds a note for a reader. The facts of the JSON have the same.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            note(text);
        }
    }
}

fn say_failure(name: &str, target: Option<&Target>, failure: &Failure) -> Result<(), Failure> {
    let facts = FailureFacts { error: failure.what(), remedy: failure.then() };
    let account = target.and_then(|target| target.account.as_ref());
    let user = match target {
        Some(_) => account.map(|account| account.name.as_str()),
        None => Some(name),
    };
    say_line(&Line { user, uid: target.map(|target| target.uid), result: "failed", facts })
}

fn say_line(line: &Line<'_, impl Serialize>) -> Result<(), Failure> {
    say(&serde_json::to_string(line).map_err(|error| Failure::unavailable(error.to_string(), ""))?)
}
