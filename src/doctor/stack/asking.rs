//! A stack with a pam_twostep line, and the places in it where a line can be added.

use twostep_core::pam::walk::Handler;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::text::{FORWARD_PASS, our_text};
use super::{module_file, own_line};
use crate::finding::Remedy;

/// A stack with a pam_twostep line.
pub(crate) struct Stack<'a> {
    pub files: &'a Files<'a>,
    pub service: &'a Service,
    /// The lines. Ours are as they will be once their control and module are fixed.
    pub entries: Vec<PamLine>,
    /// The index of our first line.
    pub ours: usize,
}

impl<'a> Stack<'a> {
    /// None if there is no pam_twostep line.
    pub(crate) fn new(files: &'a Files<'a>, service: &'a Service, entries: &[PamLine]) -> Option<Self> {
        let ours = entries.iter().position(PamLine::is_ours)?;
        let right = |line: &PamLine| own_line::fixed(&module_file::corrected(files, line));
        let fix = |line: &PamLine| if line.is_ours() { right(line) } else { line.clone() };
        Some(Self { files, service, entries: entries.iter().map(fix).collect(), ours })
    }

    pub(crate) fn our_line(&self) -> Option<&PamLine> {
        self.entries.get(self.ours)
    }

    /// Whether the pam_twostep line takes password and code in one answer, so that it comes before the lines that check
    /// the password.
    pub(crate) fn joins(&self) -> bool {
        self.our_line().is_some_and(|line| line.arguments().any(|argument| argument == FORWARD_PASS))
    }

    /// The stack without the line at `location`, if it still asks twostep then.
    pub(crate) fn without(&self, location: &Location) -> Option<Self> {
        self.with(self.entries.iter().filter(|line| line.location != *location).cloned().collect())
    }

    /// The stack with the pam_twostep line after the lines that check the password.
    pub(crate) fn behind_password(&self) -> Option<Self> {
        let (ours, end) = (self.our_line()?, self.end_of_password()?);
        let (before, after) = self.entries.split_at_checked(end.saturating_add(1))?;
        let is_other = |line: &&PamLine| line.location != ours.location;
        let before = before.iter().filter(is_other).chain([ours]);
        self.with(before.chain(after.iter().filter(is_other)).cloned().collect())
    }

    fn with(&self, entries: Vec<PamLine>) -> Option<Self> {
        let ours = entries.iter().position(PamLine::is_ours)?;
        Some(Self { files: self.files, service: self.service, entries, ours })
    }

    /// The location of our first line.
    pub(crate) fn our_location(&self) -> Location {
        self.our_line().map_or_else(|| Location::file(&self.service.file), |line| line.location.clone())
    }

    /// The lines before ours.
    pub(crate) fn before(&self) -> &[PamLine] {
        self.entries.get(..self.ours).unwrap_or_default()
    }

    /// The lines after ours.
    pub(crate) fn after(&self) -> &[PamLine] {
        self.entries.get(self.ours.saturating_add(1)..).unwrap_or_default()
    }

    /// The line with the index `number`, as the pam_twostep line's file has it: itself, or the line that includes it.
    pub(crate) fn in_our_file(&self, number: usize) -> Option<Location> {
        self.entries.get(number)?.line_in(&self.our_location().file).cloned()
    }

    /// Moves the pam_twostep line after the lines that check the password. None if the lines are not in the pam_twostep
    /// line's file.
    pub(crate) fn move_behind_password(&self) -> Option<Remedy> {
        let end = self.in_our_file(self.end_of_password()?)?;
        Some(Remedy::Move { location: self.our_location(), before: self.files.after(&end) })
    }

    /// The index of the last line that belongs to the password: a first factor, or a line next to it that only refuses
    /// or only permits.
    fn end_of_password(&self) -> Option<usize> {
        end_of_password(&self.entries)
    }
}

/// As [`Stack::end_of_password`], for any lines.
pub(crate) fn end_of_password(entries: &[PamLine]) -> Option<usize> {
    let last = entries.iter().rposition(asks_first_factor)?;
    let beside = entries
        .iter()
        .skip(last.saturating_add(1))
        .take_while(|line| matches!(line.role(), Role::Deny | Role::Permit | Role::Counter | Role::Ours));
    let beside: Vec<_> = beside.collect();
    let kept = beside.iter().rposition(|line| !line.is_ours()).map_or(0, |at| at.saturating_add(1));
    Some(last.saturating_add(kept))
}

/// Adds our auth line after the lines that check the password, in a service without one of ours.
pub(crate) fn behind_password(files: &Files<'_>, service: &Service) -> Option<Remedy> {
    let end = service.auth.get(end_of_password(&service.auth)?)?.line_in(&service.file)?;
    Some(Remedy::Insert { location: files.after(end), text: our_text(ModuleType::Auth) })
}

/// Whether the line asks for a first factor.
pub(crate) fn asks_first_factor(line: &PamLine) -> bool {
    line.handler == Handler::Module && line.role().is_factor()
}
