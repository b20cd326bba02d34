//! The list of accounts, written while the store is read: there may be more than fit into memory.

use crate::failure::Failure;
use crate::terminal::Output;
use crate::words::status as words;

use super::facts::AccountStatus;
use super::text::Whose;

pub(super) struct List {
    form: Form,
    output: Output,
    is_empty: bool,
}

/// How the list is written.
pub(super) enum Form {
    /// Lines for a reader.
    Text,
    /// The JSON of one account.
    Object,
    /// The JSON of a list of accounts.
    Array,
}

impl List {
    pub(super) fn new(form: Form) -> Self {
        Self { form, output: Output::new(), is_empty: true }
    }

    pub(super) fn add(&mut self, status: &AccountStatus, whose: Whose) -> Result<(), Failure> {
        let text = match self.form {
            Form::Text => status.text(whose) + "\n",
            Form::Object => json(status)? + "\n",
            Form::Array => {
                let before = if self.is_empty { "[\n" } else { ",\n" };
                // The only line breaks are those between its lines: within a text they are escaped.
                format!("{before}  {}", json(status)?.replace('\n', "\n  "))
            }
        };
        self.is_empty = false;
        self.output.write(&text)
    }

    /// The end of the list. An empty one says so in text only if it `is_whole`.
    pub(super) fn end(mut self, is_whole: bool) -> Result<(), Failure> {
        match (&self.form, self.is_empty) {
            (Form::Text, true) if is_whole => self.output.write(&format!("{}\n", words::NONE_ENROLLED))?,
            (Form::Text, _) | (Form::Object, false) => {}
            (Form::Object | Form::Array, true) => self.output.write("[]\n")?,
            (Form::Array, false) => self.output.write("\n]\n")?,
        }
        self.output.end()
    }
}

fn json(status: &AccountStatus) -> Result<String, Failure> {
    serde_json::to_string_pretty(status).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
