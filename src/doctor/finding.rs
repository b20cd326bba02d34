//! What a check has found: what is wrong, where, why it matters, and the exact line or command that mends it.

use serde::{Deserialize, Serialize};

use twostep_hostconf::location::Location;

use crate::effect::Effect;
use crate::id::Id;

/// How bad it is.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody is locked out, or gets in without the second step, now or on a day that will come.
    Problem,
    /// It works, and an administrator would want to know.
    Warning,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Remedy {
    /// `text` in place of the line.
    Replace {
        #[serde(flatten)]
        location: Location,
        /// One line or more, without the last line break.
        text: String,
    },
    /// `text` as new lines before the line; at the end of the file if no line is named.
    Insert {
        #[serde(flatten)]
        location: Location,
        /// One line or more, without the last line break.
        text: String,
    },
    Delete {
        #[serde(flatten)]
        location: Location,
    },
    /// The line to another place in its file.
    Move {
        #[serde(flatten)]
        location: Location,
        /// Before which line; to the end of the file if no line is named.
        before: Location,
    },
    /// A command for root's shell.
    Run { command: String },
    /// Something that only a person can decide.
    Advice { text: String },
    /// A person decides: what `advice` says, or `text` as new lines before the line; at the end of the file if no line is named.
    Choose {
        advice: String,
        #[serde(flatten)]
        location: Location,
        /// One line or more, without the last line break.
        text: String,
    },
}

/// One thing that is wrong.
#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// What is wrong, for programs.
    pub id: Id,
    /// How bad it is.
    pub severity: Severity,
    #[serde(flatten)]
    pub location: Location,
    /// What is wrong, in one line, without a full stop.
    pub what: String,
    /// Why it matters, in a sentence or two.
    pub why: String,
    pub remedy: Remedy,
    /// Whether it says that something was not looked at.
    #[serde(skip)]
    pub is_gap: bool,
    /// The commands that edit the files of which the remedy speaks, where an editor alone is not safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub editors: Vec<String>,
    /// What the remedy changes at the doors of the machine.
    #[serde(skip_serializing_if = "Effect::is_none")]
    pub effect: Effect,
}

impl Finding {
    /// Something that must be mended.
    pub fn problem(
        id: Id,
        location: Location,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        Self::new(id, Severity::Problem, location, what.into(), why.into(), remedy)
    }

    /// Something that an administrator would want to know.
    pub fn warning(
        id: Id,
        location: Location,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        Self::new(id, Severity::Warning, location, what.into(), why.into(), remedy)
    }

    fn new(
        id: Id,
        severity: Severity,
        location: Location,
        what: String,
        why: String,
        remedy: Remedy,
    ) -> Self {
        Self {
            id,
            severity,
            location,
            what,
            why,
            remedy,
            is_gap: false,
            editors: Vec::new(),
            effect: Effect::default(),
        }
    }

    /// The finding, which says that something was not looked at.
    #[must_use]
    pub fn leaving_out(self) -> Self {
        Self { is_gap: true, ..self }
    }

    /// The finding, whose remedy is carried out with these commands.
    #[must_use]
    pub fn with_editors(self, editors: Vec<String>) -> Self {
        Self { editors, ..self }
    }

    /// The finding, whose remedy also has this effect.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = self.effect.and(effect);
        self
    }
}
