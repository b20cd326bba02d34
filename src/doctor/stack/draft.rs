//! The lines with which a service asks for a code: those of twostep at their places, then the remedies of all problems that the checks
//! find with them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use twostep_core::os::root::Root;
use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::factor::{is_known_factor, stem};
use twostep_core::paths::{PAM_CONF, PAM_DIR};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::pam_line::{Include, PamLine, written};
use twostep_hostconf::pam::service::Service;

use super::asking::{asks_first_factor, behind_password, end_of_password};
use super::findings::draft as sentences;
use super::{
    SSHD_ACCEPTED_KEY, check_lines, check_service, faults, guarded, hides_lines, missing_module, pairs,
    takes_key,
};
use crate::context::Context;
use crate::finding::{Finding, Remedy, Severity};

/// With this argument the pam_twostep line refuses where sshd has checked no key.
const FIRST_FACTOR_KEY: &str = "first_factor=publickey";
/// More steps than any service needs: remedies that undo each other would never end.
const MOST_STEPS: usize = 30;

/// What a user proves before the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstFactor {
    /// The password that the lines of the service check.
    Password,
    /// A key, which sshd has checked before: the service checks no password.
    Key,
    /// A key, or the password where sshd has accepted no key.
    KeyOrPassword,
}

/// Why there is no draft of a service. The text is what is wrong, in one line or more.
#[derive(Debug)]
pub enum NoDraft {
    /// It has no file, so that `other` decides.
    NoFile { service: String },
    /// Its lines are in /etc/pam.conf, where each has the name of its service.
    PamConf { service: String },
    /// This process may not read all lines.
    Hidden { service: String },
    /// No line of the service's own file brings in the lines that check a password.
    NoPassword { file: String },
    /// A line among those that check a password decides something else. With a key it would be passed over.
    BetweenPasswords { location: Location },
    /// An administrator must fix this first.
    Finding(Box<Finding>),
    /// The remedies do not come to an end: this is found again and again.
    NoEnd { file: String, finding: Box<Finding> },
}

impl Step {
    /// The change of `file` by the remedy of a finding.
    pub fn fixing(finding: &Finding, file: &str) -> Self {
        Self { file: file.to_owned(), why: sentences::instead_of(finding) }
    }
}

impl Display for NoDraft {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile { service } => f.write_str(&sentences::no_file(service)),
            Self::PamConf { service } => f.write_str(&sentences::pam_conf(service)),
            Self::Hidden { service } => f.write_str(&sentences::hidden(service)),
            Self::NoPassword { file } => f.write_str(&sentences::no_password(file)),
            Self::BetweenPasswords { location } => f.write_str(&sentences::between_passwords(location)),
            Self::Finding(finding) => f.write_str(&sentences::fix_first(finding)),
            Self::NoEnd { file, finding } => f.write_str(&sentences::no_end(file, finding)),
        }
    }
}

/// One change of a file, and its reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The file that changes.
    pub file: String,
    /// Why, in one sentence or more.
    pub why: String,
}

/// Texts of service files that are not yet on the disk.
pub struct Draft<'a> {
    context: &'a Context<'a>,
    texts: BTreeMap<String, String>,
    copies: BTreeMap<String, String>,
    steps: Vec<Step>,
}

impl<'a> Draft<'a> {
    /// The service files of a machine, with these texts in place of what some of them have.
    pub fn new(context: &'a Context<'a>, texts: BTreeMap<String, String>) -> Self {
        Self { context, texts, copies: BTreeMap::new(), steps: Vec::new() }
    }

    /// The texts that differ from the files, by the files' paths.
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// The vendor's file of which a new file is a copy, by the path of the new one.
    pub fn copies(&self) -> &BTreeMap<String, String> {
        &self.copies
    }

    /// The changes in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Makes a service and its partner (`sudo` and `sudo-i`) ask for a code. Returns the names of the services that it has looked
    /// at. After an error the texts are of no use.
    pub fn guard(&mut self, name: &str, first: FirstFactor) -> Result<Vec<String>, NoDraft> {
        self.guard_one(name, first)?;
        let mut names = vec![name.to_owned()];
        for partner in pairs::partners(name) {
            let service = Service::load(&self.files(), partner);
            if service.is_some_and(|service| !service.lost && !pairs::asks(&service)) {
                self.guard_one(partner, first)?;
                names.push(partner.to_owned());
            }
        }
        Ok(names)
    }

    /// Fixes all problems of a service that asks for a code, if its own file is an administrator's, and enough for that. After false the
    /// texts are of no use.
    pub fn repair(&mut self, name: &str) -> bool {
        let is_own =
            |service: Service| service.file.starts_with(&format!("{PAM_DIR}/")) && pairs::asks(&service);
        self.load(name).is_ok_and(is_own) && self.problem(name).is_some() && self.fix_all(name).is_ok()
    }

    /// What is wrong with a service, its file being as in this draft.
    pub fn problem(&self, name: &str) -> Option<Finding> {
        let files = self.files();
        let service = Service::load(&files, name)?;
        let mut findings = self.findings(&files, &service).into_iter();
        findings.find(|finding| finding.severity == Severity::Problem)
    }

    fn root(&self) -> &'a Root {
        self.context.root
    }

    fn files(&self) -> Files<'a> {
        let files = Files::new(self.root());
        self.texts.iter().fold(files, |files, (file, text)| files.with(file, text.clone()))
    }

    fn guard_one(&mut self, name: &str, first: FirstFactor) -> Result<(), NoDraft> {
        self.copy_vendors_file(name)?;
        self.add_auth_line(name, first)?;
        self.fix_all(name)?;
        if first != FirstFactor::KeyOrPassword || takes_key(&self.load(name)?) {
            return Ok(());
        }
        self.bring_in_password_lines(name)?;
        self.pass_over_password(name)?;
        self.fix_all(name)
    }

    fn fix_all(&mut self, name: &str) -> Result<(), NoDraft> {
        for _ in 0..MOST_STEPS {
            let Some(finding) = self.problem(name) else { return Ok(()) };
            self.fix(name, finding)?;
        }
        let file = self.load(name)?.file;
        self.problem(name).map_or(Ok(()), |finding| Err(NoDraft::NoEnd { file, finding: Box::new(finding) }))
    }

    fn load(&self, name: &str) -> Result<Service, NoDraft> {
        let files = self.files();
        let service = Service::load(&files, name).ok_or_else(|| no_file(name))?;
        if hides_lines(self.context, &files) {
            return Err(NoDraft::Hidden { service: name.to_owned() });
        }
        Ok(service)
    }

    /// A change to a vendor's file is undone by the next version of its package.
    fn copy_vendors_file(&mut self, name: &str) -> Result<(), NoDraft> {
        let file = self.load(name)?.file;
        if file == PAM_CONF {
            return Err(NoDraft::PamConf { service: name.to_owned() });
        }
        if file.starts_with(&format!("{PAM_DIR}/")) {
            return Ok(());
        }
        let text = self.files().text(&file).ok_or_else(|| no_file(name))?;
        let own = format!("{PAM_DIR}/{name}");
        self.steps.push(Step { file: own.clone(), why: sentences::copy_of_vendors_file(&file) });
        self.texts.insert(own.clone(), text);
        self.copies.insert(own, file);
        Ok(())
    }

    fn add_auth_line(&mut self, name: &str, first: FirstFactor) -> Result<(), NoDraft> {
        let service = self.load(name)?;
        if pairs::asks(&service) {
            return Ok(());
        }
        let files = self.files();
        if let Some(fault) = service.faults.first() {
            return Err(NoDraft::Finding(Box::new(faults::finding(&files, fault))));
        }
        let (remedy, why) = match first {
            FirstFactor::Password | FirstFactor::KeyOrPassword => {
                (behind_password(&files, &service), sentences::ASKS_AFTER_PASSWORD)
            }
            FirstFactor::Key => (key_instead_of_password(&service), sentences::ASKS_AFTER_KEY),
        };
        let remedy = remedy.ok_or_else(|| NoDraft::NoPassword { file: service.file.clone() })?;
        if self.apply(&service, &remedy, why) {
            Ok(())
        } else {
            Err(NoDraft::NoPassword { file: service.file })
        }
    }

    /// Writes the lines that check the password into the service's own file. A jump over lines of another file would lead elsewhere
    /// when that file changes.
    fn bring_in_password_lines(&mut self, name: &str) -> Result<(), NoDraft> {
        for _ in 0..MOST_STEPS {
            let (files, service) = (self.files(), self.load(name)?);
            let lines = password_lines(&service).and_then(|range| service.auth.get(range));
            let lines = lines.ok_or_else(|| NoDraft::NoPassword { file: service.file.clone() })?;
            let Some(include) = lines.iter().find_map(|line| line.trail.first()) else { return Ok(()) };
            let included = include_of(&service, include);
            let remedy = brought_in(&files, include, &included);
            let why = sentences::brought_in(included.first().map_or("", |line| file_of(line)));
            if !remedy.is_some_and(|remedy| self.apply(&service, &remedy, &why)) {
                return Err(NoDraft::NoPassword { file: service.file });
            }
        }
        Err(NoDraft::NoPassword { file: self.load(name)?.file })
    }

    /// Adds the line that goes past the password where sshd has accepted a key.
    fn pass_over_password(&mut self, name: &str) -> Result<(), NoDraft> {
        let service = self.load(name)?;
        let no_password = || NoDraft::NoPassword { file: service.file.clone() };
        let range = password_lines(&service).ok_or_else(no_password)?;
        let lines = service.auth.get(range).unwrap_or_default();
        if let Some(other) = lines.iter().find(|line| decides_something_else(line)) {
            return Err(NoDraft::BetweenPasswords { location: other.location.clone() });
        }
        let location = lines.first().ok_or_else(no_password)?.location.clone();
        let control = format!("[cred_unavail={} default=ignore]", lines.len());
        let text = written(ModuleType::Auth.word(), &control, "pam_twostep.so", [SSHD_ACCEPTED_KEY]);
        let is_added =
            self.apply(&service, &Remedy::Insert { location, text }, sentences::PASSES_OVER_PASSWORD);
        if is_added { Ok(()) } else { Err(no_password()) }
    }

    fn fix(&mut self, name: &str, finding: Finding) -> Result<(), NoDraft> {
        let service = self.load(name)?;
        let why = sentences::instead_of(&finding);
        let is_fixed = self.apply(&service, &finding.remedy, &why);
        if is_fixed { Ok(()) } else { Err(NoDraft::Finding(Box::new(finding))) }
    }

    /// False if the remedy is not a change of the service's own file alone.
    fn apply(&mut self, service: &Service, remedy: &Remedy, why: &str) -> bool {
        let is_own =
            |step: &Remedy| step.file() == Some(&service.file) && !matches!(step, Remedy::Choose { .. });
        if !remedy.steps().iter().all(is_own) {
            return false;
        }
        let files = self.files();
        let Some(changed) = remedy.changes(|file| files.text(file)) else { return false };
        self.texts.extend(changed);
        self.steps.push(Step { file: service.file.clone(), why: why.to_owned() });
        true
    }

    fn findings(&self, files: &Files<'_>, service: &Service) -> Vec<Finding> {
        let mut findings = missing_module::misspelt(files, service);
        findings.extend(check_lines(self.context, files, service));
        findings.extend(missing_module::check(files, service));
        findings.extend(check_service(self.context, files, service, &guarded(self.context)));
        findings
    }
}

/// What a user proves before the code at a service that asks for one; none if it asks for none.
pub fn first_factor_of(root: &Root, name: &str) -> Option<FirstFactor> {
    let service = Service::load(&Files::new(root), name)?;
    let ours = service.auth.iter().find(|line| line.is_ours())?;
    let is_key = ours.arguments().any(|argument| argument == FIRST_FACTOR_KEY);
    Some(match (is_key, takes_key(&service)) {
        (true, _) => FirstFactor::Key,
        (false, true) => FirstFactor::KeyOrPassword,
        (false, false) => FirstFactor::Password,
    })
}

/// The names by which the program of this service also calls PAM, as `sudo-i` for `sudo`.
pub fn partners(name: &str) -> impl Iterator<Item = &'static str> {
    pairs::partners(name)
}

fn no_file(name: &str) -> NoDraft {
    NoDraft::NoFile { service: name.to_owned() }
}

/// The lines that check the password, those before them that jump over some of them, and those after them that count or refuse a wrong
/// one. What only a right password reaches is not among them.
fn password_lines(service: &Service) -> Option<Range<usize>> {
    let mut first = service.auth.iter().position(asks_first_factor)?;
    let before = |first: usize| service.auth.iter().take(first).enumerate();
    while let Some((earlier, _)) = before(first).find(|(at, line)| jumps_past(line, *at, first)) {
        first = earlier;
    }
    let all = service.auth.get(first..=end_of_password(&service.auth)?)?;
    let is_of_wrong_one =
        |line: &PamLine| asks_first_factor(line) || [Role::Deny, Role::Counter].contains(&line.role());
    let last = all.iter().rposition(is_of_wrong_one)?;
    Some(first..first.saturating_add(last).saturating_add(1))
}

/// Whether the line with the index `at` may jump past the one with the index `place`.
fn jumps_past(line: &PamLine, at: usize, place: usize) -> bool {
    ReturnValue::all().any(|answer| match line.control.on(answer) {
        Action::Jump(lines) => at.saturating_add(lines) >= place,
        Action::Ignore | Action::Ok | Action::Done | Action::Bad | Action::Die | Action::Reset => false,
    })
}

/// The auth lines that an include of the service's own file brings in.
fn include_of<'s>(service: &'s Service, include: &Include) -> Vec<&'s PamLine> {
    service.auth.iter().filter(|line| line.trail.first() == Some(include)).collect()
}

/// The file in which an included line is, or the one that includes it there.
fn file_of(line: &PamLine) -> &str {
    line.trail.get(1).map_or(&line.location.file, |step| &step.location.file)
}

/// The same lines in place of an include; none if they would have another effect there.
fn brought_in(files: &Files<'_>, include: &Include, included: &[&PamLine]) -> Option<Remedy> {
    let location = include.location.clone();
    let text = if include.whole {
        // Lines of all kinds, and what they include.
        let text = files.text(file_of(included.first()?))?;
        let is_read = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
        let lines: Vec<_> = text.lines().filter(is_read).collect();
        if lines.iter().any(|line| line.ends_with('\\')) {
            return None; // a comment may have been a part of such a line
        }
        lines.join("\n")
    } else if included.iter().any(|line| line.level > 0) {
        return None; // a jump ends with its substack
    } else {
        included.iter().map(|line| line.with_control(line.control_word())).collect::<Vec<_>>().join("\n")
    };
    Some(Remedy::Replace { location, text })
}

/// Whether the module of a line may refuse for another reason than a wrong password. pam_succeed_if among these lines says for whom
/// a directory is asked.
fn decides_something_else(line: &PamLine) -> bool {
    const OF_PASSWORD: [&str; 3] = ["pam_localuser", "pam_succeed_if", "pam_usertype"];
    match line.role() {
        Role::Condition => !OF_PASSWORD.contains(&stem(line.module())),
        Role::Factor => !is_known_factor(line.module()),
        Role::Root | Role::Ours | Role::SshdAccepted => true,
        Role::Counter | Role::Deny | Role::Permit | Role::Quiet => false,
    }
}

/// Our auth line instead of all lines of the service's own file that ask for a password, and those that only refuse or permit
/// after them. None if they come from elsewhere.
fn key_instead_of_password(service: &Service) -> Option<Remedy> {
    let end = end_of_password(&service.auth)?;
    let first = service.auth.iter().position(asks_first_factor)?;
    let mut lines: Vec<_> = Vec::new();
    for line in service.auth.get(first..=end)? {
        let is_of_password = asks_first_factor(line) || matches!(line.role(), Role::Deny | Role::Permit);
        let location = line.line_in(&service.file)?;
        if is_of_password && !lines.contains(location) {
            lines.push(location.clone());
        }
    }
    let place = lines.first()?.clone();
    let ours = written(ModuleType::Auth.word(), "required", "pam_twostep.so", [FIRST_FACTOR_KEY]);
    // The last line comes first, so that the numbers of the others stay right.
    let deleted = lines.into_iter().skip(1).rev().map(|location| Remedy::Delete { location });
    Some(Remedy::in_order(deleted.chain([Remedy::Replace { location: place, text: ours }]).collect()))
}
