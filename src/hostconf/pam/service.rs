//! One service as libpam loads it (pam_handlers.c): its lines with everything they include, and what in them libpam
//! cannot read.

use std::collections::BTreeSet;

use twostep_core::pam::control::Control;
use twostep_core::pam::line::{Logical, Word, logical_lines, words};
use twostep_core::pam::walk::Handler;

use super::files::{Files, Text};
use super::module_type::ModuleType;
use super::pam_fault::{FaultKind, PamFault};
use super::pam_line::{Include, PamLine};
use crate::location::Location;

/// How deep lines may include lines.
const MOST_LEVELS: usize = 16;
/// More lines than any service has, and more files: those that include each other twice would never end.
const MOST_LINES: usize = 5_000;
const MOST_FILES: usize = 1_000;
/// The service whose lines replace a type that another service lacks.
pub(crate) const OTHER: &str = "other";

/// A service as libpam loads it.
pub struct Service {
    /// The name by which programs ask for it.
    pub name: String,
    /// The file of its own.
    pub file: String,
    /// The auth lines in their order.
    pub auth: Vec<PamLine>,
    /// The account lines in their order.
    pub account: Vec<PamLine>,
    /// The session lines in their order.
    pub session: Vec<PamLine>,
    /// What libpam cannot read.
    pub faults: Vec<PamFault>,
    /// Whether libpam cannot load it, so that every login is refused.
    pub lost: bool,
}

impl Service {
    /// Loads the service called `name`, if it has a file.
    pub fn load(files: &Files<'_>, name: &str) -> Option<Self> {
        let mut service = Self::load_alone(files, name)?;
        let lacks = [&service.auth, &service.account, &service.session].iter().any(|lines| lines.is_empty());
        if name != OTHER && lacks {
            service.borrow(Self::load_alone(files, OTHER));
        }
        Some(service)
    }

    fn load_alone(files: &Files<'_>, name: &str) -> Option<Self> {
        let text = files.open(name)?;
        let mut loader = Loader { files, entries: Vec::new(), faults: Vec::new(), opened: 0 };
        let lost = loader.text(&text, None, &[], 0).is_err();
        let of = |kind| loader.entries.iter().filter(|line| line.kind == kind).cloned().collect();
        Some(Self {
            name: name.to_owned(),
            auth: of(ModuleType::Auth),
            account: of(ModuleType::Account),
            session: of(ModuleType::Session),
            file: text.file,
            faults: loader.faults,
            lost,
        })
    }

    fn borrow(&mut self, other: Option<Self>) {
        let Some(other) = other else { return };
        if self.auth.is_empty() {
            self.auth = other.auth;
        }
        if self.account.is_empty() {
            self.account = other.account;
        }
        if self.session.is_empty() {
            self.session = other.session;
        }
    }

    /// The files of its lines: its own, and those that it includes.
    pub fn files(&self) -> BTreeSet<&str> {
        let lines = self.auth.iter().chain(&self.account).chain(&self.session);
        let locations =
            lines.flat_map(|line| line.trail.iter().map(|include| &include.location).chain([&line.location]));
        locations.map(|location| location.file.as_str()).collect()
    }

    /// Whether a line asks twostep.
    pub fn names_us(&self) -> bool {
        self.auth.iter().chain(&self.account).any(PamLine::is_ours)
    }
}

struct GivenUp;

struct Loader<'a> {
    files: &'a Files<'a>,
    entries: Vec<PamLine>,
    faults: Vec<PamFault>,
    /// Files opened so far.
    opened: usize,
}

/// Where a text is included.
struct Inclusion<'a> {
    /// The only kind that counts.
    only: Option<ModuleType>,
    trail: &'a [Include],
    level: usize,
}

impl Loader<'_> {
    fn text(
        &mut self,
        text: &Text,
        only: Option<ModuleType>,
        trail: &[Include],
        level: usize,
    ) -> Result<(), GivenUp> {
        let context = Inclusion { only, trail, level };
        let (lines, cut) = logical_lines(&text.text.replace("\r\n", "\n"));
        let mut done = Ok(());
        if text.text.contains("\r\n") {
            self.fault(Location::file(&text.file), FaultKind::CarriageReturns);
            done = Err(GivenUp);
        }
        for line in &lines {
            let mut words = words(&line.text);
            let ours = text.service.as_ref().is_none_or(|service| {
                !words.is_empty() && words.remove(0).text.eq_ignore_ascii_case(service)
            });
            if ours && self.read_line(location(&text.file, line), words, &context).is_err() {
                done = Err(GivenUp);
            }
        }
        if let Some(first) = cut {
            self.fault(Location::line(&text.file, first), FaultKind::CutOff);
            done = Err(GivenUp);
        }
        done
    }

    fn read_line(
        &mut self,
        location: Location,
        words: Vec<Word>,
        context: &Inclusion<'_>,
    ) -> Result<(), GivenUp> {
        let word = words.first().map_or("", |word| word.text.as_str());
        let word = word.strip_prefix('-').unwrap_or(word);
        if word.eq_ignore_ascii_case("@include") && self.files.knows_at_include() {
            return self.include_whole(location, &words, context);
        }
        let parsed = ModuleType::parse(word);
        let kind = parsed.or(context.only).unwrap_or(ModuleType::Auth);
        if context.only.is_some_and(|only| only != kind) {
            return Ok(());
        }
        let line = self.pam_line(location, words, kind, context);
        if parsed.is_none() {
            self.fault(line.location.clone(), FaultKind::UnknownType(Box::new(line.clone())));
            return self.push(PamLine { handler: Handler::Broken, ..line });
        }
        match line.control_word().to_ascii_lowercase().as_str() {
            "include" | "[include]" => self.include(line, context),
            "substack" | "[substack]" => self.substack(line, context),
            _ => self.module(line),
        }
    }

    fn pam_line(
        &self,
        location: Location,
        words: Vec<Word>,
        kind: ModuleType,
        context: &Inclusion<'_>,
    ) -> PamLine {
        let (trail, level) = (context.trail.to_vec(), context.level);
        PamLine { location, trail, level, kind, handler: Handler::Module, control: Control::REFUSES, words }
    }

    fn module(&mut self, mut line: PamLine) -> Result<(), GivenUp> {
        let control = line.words.get(1).map(|word| Control::parse(&word.text));
        let fault = match control {
            None => Some(FaultKind::NoControl(line.kind)),
            Some(Err(error)) => Some(FaultKind::UnknownControl(Box::new(line.clone()), error)),
            Some(Ok(control)) => {
                line.control = control;
                line.module().is_empty().then_some(FaultKind::NoModule)
            }
        };
        if let Some(fault) = fault {
            self.fault(line.location.clone(), fault);
        }
        if line.module().is_empty() {
            line.handler = Handler::Broken;
        }
        self.push(line)
    }

    fn substack(&mut self, line: PamLine, context: &Inclusion<'_>) -> Result<(), GivenUp> {
        self.push(PamLine { handler: Handler::Substack, ..line.clone() })?;
        self.include(line, &Inclusion { level: context.level.saturating_add(1), ..*context })
    }

    /// A file that cannot be included becomes a line that refuses.
    fn include(&mut self, line: PamLine, context: &Inclusion<'_>) -> Result<(), GivenUp> {
        let name = line.module().to_owned();
        match self.included(&line.location, &name, Some(line.kind), context, false) {
            Ok(()) => Ok(()),
            Err(GivenUp) => self.push(PamLine { handler: Handler::Broken, ..line }),
        }
    }

    /// A file that cannot be included keeps libpam from loading the service.
    fn include_whole(
        &mut self,
        location: Location,
        words: &[Word],
        context: &Inclusion<'_>,
    ) -> Result<(), GivenUp> {
        let name = words.get(1).map_or("", |word| word.text.as_str());
        self.included(&location, name, context.only, context, true)
    }

    fn included(
        &mut self,
        location: &Location,
        name: &str,
        only: Option<ModuleType>,
        context: &Inclusion<'_>,
        whole: bool,
    ) -> Result<(), GivenUp> {
        if self.is_too_long() {
            return Err(GivenUp);
        }
        self.opened = self.opened.saturating_add(1);
        if self.is_too_long() {
            self.fault(location.clone(), FaultKind::TooLong);
            return Err(GivenUp);
        }
        let named = || Some(name).filter(|name| !name.is_empty());
        let Some(text) = named().and_then(|name| self.files.open_included(name)) else {
            let elsewhere = named().and_then(|name| self.files.open(name));
            let kind = elsewhere.map_or_else(
                || FaultKind::CannotInclude(name.to_owned()),
                |text| FaultKind::IncludedElsewhere(text.file),
            );
            self.fault(location.clone(), kind);
            return Err(GivenUp);
        };
        let trail = [context.trail, &[Include { location: location.clone(), whole }]].concat();
        if trail.len() >= MOST_LEVELS || trail.iter().any(|step| step.location.file == text.file) {
            self.fault(location.clone(), FaultKind::IncludesItself(name.to_owned()));
            return Err(GivenUp);
        }
        self.text(&text, only, &trail, context.level)
    }

    fn push(&mut self, line: PamLine) -> Result<(), GivenUp> {
        if self.is_too_long() {
            return Err(GivenUp);
        }
        if self.entries.len().saturating_add(1) == MOST_LINES {
            self.fault(line.location.clone(), FaultKind::TooLong);
        }
        self.entries.push(line);
        Ok(())
    }

    fn fault(&mut self, location: Location, kind: FaultKind) {
        self.faults.push(PamFault { location, kind });
    }

    fn is_too_long(&self) -> bool {
        self.entries.len() >= MOST_LINES || self.opened >= MOST_FILES
    }
}

fn location(file: &str, line: &Logical) -> Location {
    Location::lines(file, line.first, line.last)
}
