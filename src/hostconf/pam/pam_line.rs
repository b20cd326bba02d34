//! One line of a stack, its origin, and its text with changes.

use twostep_core::pam::control::Control;
use twostep_core::pam::line::Word;
use twostep_core::pam::walk::{Handler, StackLine};

use super::module_type::ModuleType;
use super::modules::Role;
use crate::location::Location;

/// A line of these words, in columns.
pub fn written<'a>(
    kind: &str,
    control: &str,
    module: &str,
    arguments: impl IntoIterator<Item = &'a str>,
) -> String {
    let line = format!("{kind:<10} {control:<12} {module}");
    arguments.into_iter().fold(line, |line, argument| format!("{line} {argument}"))
}

/// How a line came into a stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// The line that includes.
    pub location: Location,
    /// Whether it takes lines of all kinds, as `@include` does.
    pub whole: bool,
}

/// One line of a stack.
#[derive(Clone, Debug)]
pub struct PamLine {
    pub location: Location,
    /// The lines that include it, the outermost first.
    pub trail: Vec<Include>,
    /// How many substacks it is in.
    pub level: usize,
    /// What it is for.
    pub kind: ModuleType,
    /// What libpam does at it.
    pub handler: Handler,
    /// What its answers do.
    pub control: Control,
    /// Its words from the first to the last: kind, control, module, arguments.
    pub words: Vec<Word>,
}

impl PamLine {
    /// The module as the line names it; empty if it names none.
    pub fn module(&self) -> &str {
        self.words.get(2).map_or("", |word| &word.text)
    }

    /// The arguments, as the module sees them.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(3).map(|word| word.text.as_str())
    }

    /// The part that the module plays.
    pub fn role(&self) -> Role {
        Role::of(self.module(), self.arguments())
    }

    /// Whether it asks twostep for a code, or for what the account phase needs.
    pub fn is_ours(&self) -> bool {
        self.handler != Handler::Substack && self.role() == Role::Ours
    }

    /// Whether its module is that of twostep, whatever it asks.
    pub fn is_of_twostep(&self) -> bool {
        self.handler != Handler::Substack && matches!(self.role(), Role::Ours | Role::SshdAccepted)
    }

    /// The control as the file has it.
    pub fn control_word(&self) -> &str {
        self.words.get(1).map_or("", |word| &word.raw)
    }

    /// The control as libpam takes it, without the brackets.
    pub fn control_text(&self) -> &str {
        self.words.get(1).map_or("", |word| &word.text)
    }

    /// The line of `file` that brings it into the stack: itself, or what includes it.
    pub fn line_in(&self, file: &str) -> Option<&Location> {
        let steps = self.trail.iter().map(|step| &step.location);
        steps.chain([&self.location]).find(|location| location.file == file)
    }

    /// The line with another control.
    pub fn with_control(&self, control: &str) -> String {
        let kind = if self.may_be_missing() {
            format!("-{}", self.kind.word())
        } else {
            self.kind.word().to_owned()
        };
        written(&kind, control, self.words.get(2).map_or("", |word| &word.raw), self.raw_arguments())
    }

    /// Whether libpam passes over the line where the module's file is missing: it begins with `-`.
    pub fn may_be_missing(&self) -> bool {
        self.words.first().is_some_and(|word| word.text.starts_with('-'))
    }

    /// The arguments as the file has them.
    pub fn raw_arguments(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(3).map(|word| word.raw.as_str())
    }
}

impl StackLine for PamLine {
    fn level(&self) -> usize {
        self.level
    }

    fn handler(&self) -> Handler {
        self.handler
    }

    fn control(&self) -> &Control {
        &self.control
    }
}
