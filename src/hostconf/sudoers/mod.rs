//! sudoers(5): what sudo asks of a user who calls it, by the entries that cvtsudoers(1) finds in its files.
//!
//! Each file uses only those before it:
//!
//! ```text
//! text -> export -> host (sure) -> matching -> callers, settings -> grants -> asked
//! sssd -> elsewhere
//! ```

pub mod asked;
pub mod callers;
pub mod elsewhere;
pub mod export;
pub mod grants;
mod host;
pub mod matching;
mod settings;
mod sssd;
mod sure;
pub mod text;

use std::collections::BTreeSet;

use twostep_core::os::root::Root;

use crate::location::Location;
use asked::Asked;
use callers::NamedCallers;
use export::{Export, ExportFault};
use host::Host;
use matching::Caller;
use text::{OwnFile, Text, TextFault};

/// The entries and settings of sudoers, for this host.
#[derive(Debug)]
pub struct Sudoers {
    text: Text,
    export: Export,
    host: Host,
}

/// Why sudoers is not known.
#[derive(Debug)]
pub enum SudoersFault {
    /// A file cannot be read.
    Text(TextFault),
    /// cvtsudoers does not print them.
    Export(ExportFault),
}

impl Sudoers {
    /// Reads the files below `root`; none if there are none.
    pub fn read(root: &Root) -> Result<Option<Self>, SudoersFault> {
        let host = Host::of(root);
        let Some(text) = Text::read(root, host.short()).map_err(SudoersFault::Text)? else { return Ok(None) };
        let export = export::export(&text).map_err(SudoersFault::Export)?;
        Ok(Some(Self { text, export, host }))
    }

    /// The same files as they would be with `text` as the line at `location`. Nothing is written.
    pub fn with(&self, location: &Location, text: &str) -> Result<Self, SudoersFault> {
        self.reading(self.text.clone().with(location, text))
    }

    /// The same files as they would be with `text` as one more line at the end of `own`. Nothing is written.
    pub fn with_added(&self, own: &OwnFile, text: &str) -> Result<Self, SudoersFault> {
        self.reading(self.text.clone().with_added(own, text))
    }

    fn reading(&self, text: Text) -> Result<Self, SudoersFault> {
        let export = export::export(&text).map_err(SudoersFault::Export)?;
        Ok(Self { text, export, host: self.host.clone() })
    }

    /// An administrator's file whose end sudo reads after the line at `location`; none if there is none.
    pub fn own_file_after(&self, location: &Location) -> Option<OwnFile> {
        self.text.own_file_after(location)
    }

    /// What sudo asks of `caller`.
    pub fn asked(&self, caller: &Caller) -> Asked {
        asked::asked(&self.export, &self.host, caller)
    }

    /// All PAM services that sudo may ask here, in lower case.
    pub fn services(&self) -> BTreeSet<String> {
        asked::all_services(&self.export)
    }

    /// The accounts and groups that it names.
    pub fn named(&self) -> NamedCallers {
        callers::named(&self.export)
    }

    /// For each entry that matches none of `known`: a user whom it matches, by a group or by `ALL`.
    pub fn strangers(&self, known: &[Caller]) -> Vec<Caller> {
        callers::strangers(&self.export, known)
    }

    pub fn main(&self) -> &str {
        &self.text.main
    }

    /// What is written at `location`, a line of these files.
    pub fn line(&self, location: &Location) -> Option<&str> {
        self.text.lines.iter().find(|line| line.location == *location).map(|line| line.text.as_str())
    }
}

#[cfg(test)]
mod tests;
