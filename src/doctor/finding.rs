//! What a check has found: what is wrong, where, why it matters, and the exact line or command that fixes it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use twostep_hostconf::location::Location;

use crate::effect::Effect;
use crate::id::Id;

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Some users are locked out, or get in without the second step, now or later.
    Problem,
    /// Logins work as configured, but an administrator should know about it.
    Warning,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Remedy {
    /// Replaces the lines with `text`.
    Replace {
        #[serde(flatten)]
        location: Location,
        /// One line or more, without the last line break.
        text: String,
    },
    /// Inserts `text` before the line, or at the end of the file if `location` has no line.
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
    /// Moves the lines to another place in the same file.
    Move {
        #[serde(flatten)]
        location: Location,
        /// The line before which they go, or the end of the file if it has no line.
        before: Location,
    },
    /// Several remedies, one after the other. Together they are one change.
    Steps { steps: Vec<Remedy> },
    /// A command for root's shell.
    Run { command: String },
    /// An administrator must decide.
    Advice { text: String },
    /// An administrator chooses between `advice` and inserting `text`, as for `Insert`.
    Choose {
        advice: String,
        #[serde(flatten)]
        location: Location,
        /// One line or more, without the last line break.
        text: String,
    },
}

#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    pub id: Id,
    pub severity: Severity,
    #[serde(flatten)]
    pub location: Location,
    /// What is wrong: one line, no full stop.
    pub what: String,
    /// Why it matters: one sentence or more.
    pub why: String,
    pub remedy: Remedy,
    /// Whether it reports that something was not checked.
    #[serde(skip)]
    pub is_gap: bool,
    /// The commands that edit the files of the remedy, such as visudo. Empty where any editor is safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub editors: Vec<String>,
    /// How the remedy changes logins.
    #[serde(skip_serializing_if = "Effect::is_none")]
    pub effect: Effect,
    /// The PAM services that it concerns. Empty if it concerns none, or the machine as a whole.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<String>,
}

impl Finding {
    /// A finding that must be fixed.
    pub fn problem(
        id: Id,
        location: Location,
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        Self::new(id, Severity::Problem, location, what.into(), why.into(), remedy)
    }

    /// A finding about which an administrator should know.
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
            services: BTreeSet::new(),
        }
    }

    /// Marks the finding as one that reports a check that was left out.
    #[must_use]
    pub fn leaving_out(self) -> Self {
        Self { is_gap: true, ..self }
    }

    /// The finding with the commands that edit the files of its remedy.
    #[must_use]
    pub fn with_editors(self, editors: Vec<String>) -> Self {
        Self { editors, ..self }
    }

    /// Adds PAM services that the finding concerns.
    #[must_use]
    pub fn about<'s>(mut self, services: impl IntoIterator<Item = &'s str>) -> Self {
        self.services.extend(services.into_iter().map(str::to_owned));
        self
    }

    /// One finding in place of two that differ in their services at most; none if they differ in more.
    pub(crate) fn merge(&mut self, other: &mut Self) -> bool {
        let services = std::mem::take(&mut other.services);
        let own = std::mem::take(&mut self.services);
        let is_same = self == other;
        self.services = own;
        if is_same {
            self.services.extend(services)
        } else {
            other.services = services
        }
        is_same
    }

    /// Adds an effect of the remedy.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = self.effect.and(effect);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(what: &str, service: &str) -> Finding {
        let remedy = Remedy::Advice { text: String::new() };
        let location = Location::file("/etc/pam.d/common-auth");
        Finding::problem(Id::PamRefusalIsIgnored, location, what, "", remedy).about([service])
    }

    #[test]
    fn merges_findings_that_differ_in_services_alone() {
        let mut first = finding("a", "sshd");
        assert!(first.merge(&mut finding("a", "login")));
        assert_eq!(first, finding("a", "login").about(["sshd"]));
        let mut other = finding("b", "su");
        assert!(!first.merge(&mut other));
        assert_eq!((first, other), (finding("a", "login").about(["sshd"]), finding("b", "su")));
    }
}
