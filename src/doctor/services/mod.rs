//! Each service by which users log in: whether it asks for a code, of whom, and what is missing there. It is made of the facts by
//! which the findings are made, and of the findings, so that it agrees with them.

pub mod clause;
pub mod code;

use std::collections::BTreeSet;

use serde::Serialize;
use twostep_hostconf::sshd::services::services as sshd_services;

use crate::context::{Context, Visibility};
use crate::finding::{Finding, Severity};
use crate::id::Id;
use crate::obligation;
use crate::report::Report;
use crate::stack::{self, LoginService};
use crate::sudoers;
use clause::{Clause, clauses};
use code::Code;

/// The services by which users log in, by name. The names of the fields are those of the JSON.
#[derive(Serialize)]
pub struct Services {
    /// Whether everything was looked at.
    pub complete: bool,
    pub services: Vec<ServiceAccess>,
    /// The problems that concern none of these services alone.
    pub other_problems: usize,
    /// The same for warnings.
    pub other_warnings: usize,
    /// What this process may read.
    #[serde(skip)]
    pub visibility: Visibility,
}

/// One service.
#[derive(Serialize)]
pub struct ServiceAccess {
    /// Its name, as PAM and the policy have it.
    pub service: String,
    /// What libpam reads for it. None if there is nothing, or this process may not read all of it.
    pub file: Option<String>,
    /// Whether it has a file of its own. Without one, libpam uses `other`.
    pub own_file: bool,
    /// Whether sshd uses it.
    pub sshd: bool,
    pub code: Code,
    /// Whether there is an auth line of twostep. None if this process may not read all lines.
    pub auth_line: Option<bool>,
    /// The same for the account line.
    pub account_line: Option<bool>,
    /// Whether some user must have a second step there, as far as this process may read. None if the policy cannot be read.
    pub required: Option<bool>,
    /// Whom the policy asks there. None if it cannot be read.
    pub rules: Option<Vec<Clause>>,
    /// Empty where the policy exempts all users.
    pub missing: Vec<Missing>,
    /// How many problems concern it.
    pub problems: usize,
    /// How many warnings concern it.
    pub warnings: usize,
    /// The ids of both.
    pub findings: BTreeSet<Id>,
}

/// Something without which a service does not ask all users for a code.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// A file of its own.
    ServiceFile,
    /// The auth line of twostep.
    AuthLine,
    /// The account line of twostep, where the policy needs one.
    AccountLine,
    /// A file of the module that libpam can load.
    Module,
    /// PAM: sshd is set up not to use it.
    Pam,
    /// A code after a key: sshd accepts the key alone.
    CodeAfterKey,
}

impl Services {
    /// The services of the machine. `report` has all findings on it.
    pub(crate) fn of(context: &Context<'_>, report: &Report) -> Self {
        let sshds = sshd_services(context.root);
        let named = sshds.iter().filter(|name| *name != USUAL).cloned();
        let named = named.chain(sudoers::other_services(context)).collect();
        let found = report.findings().iter().flat_map(|finding| finding.services.iter().cloned()).collect();
        let services = stack::login_services(context, &named, &found);
        let services: Vec<_> =
            services.iter().map(|one| ServiceAccess::of(context, report, &sshds, one)).collect();
        let is_other = |finding: &&Finding| {
            !services.iter().any(|one: &ServiceAccess| finding.services.contains(&one.service))
        };
        let others = || report.findings().iter().filter(is_other);
        Self {
            complete: report.is_complete(),
            other_problems: count(others(), Severity::Problem),
            other_warnings: count(others(), Severity::Warning),
            services,
            visibility: context.visibility,
        }
    }
}

/// The PAM service of sshd, unless another is set. A machine without sshd has no such service.
const USUAL: &str = "sshd";

fn count<'f>(findings: impl Iterator<Item = &'f Finding>, severity: Severity) -> usize {
    findings.filter(|finding| finding.severity == severity).count()
}

impl ServiceAccess {
    fn of(context: &Context<'_>, report: &Report, sshds: &BTreeSet<String>, one: &LoginService) -> Self {
        let name = one.name.as_str();
        let here = || report.findings().iter().filter(|finding| finding.services.contains(name));
        let findings: BTreeSet<Id> = here().map(|finding| finding.id).collect();
        let code = Code::of(context, one, &findings);
        let policy = context.policy.as_ref();
        Self {
            service: name.to_owned(),
            file: one.lines.as_ref().map(|lines| lines.file.clone()),
            own_file: one.has_file,
            sshd: sshds.contains(name),
            code,
            auth_line: line(one, one.lines.as_ref().is_some_and(|lines| lines.has_auth_line)),
            account_line: line(one, one.lines.as_ref().is_some_and(|lines| lines.has_account_line)),
            required: policy.map(|_| obligation::exists(context, name)),
            rules: policy.map(|policy| clauses(policy, name, context.now)),
            missing: missing(one, code, &findings),
            problems: count(here(), Severity::Problem),
            warnings: count(here(), Severity::Warning),
            findings,
        }
    }
}

fn line(one: &LoginService, is_there: bool) -> Option<bool> {
    (!one.is_hidden).then_some(is_there)
}

fn missing(one: &LoginService, code: Code, findings: &BTreeSet<Id>) -> Vec<Missing> {
    if code == Code::Exempt || one.is_hidden {
        return Vec::new();
    }
    let is_module_loaded = one.lines.as_ref().is_none_or(|lines| lines.is_module_loaded);
    let has_auth_line = one.lines.as_ref().is_none_or(|lines| lines.has_auth_line);
    let has = |id| findings.contains(&id);
    let table = [
        (Missing::ServiceFile, !one.has_file),
        // A line that misspells the module is there, and one for a service without a file cannot be added.
        (Missing::AuthLine, !has_auth_line && is_module_loaded && one.has_file),
        (Missing::AccountLine, has(Id::PamAccountLineMissing)),
        (Missing::Module, !is_module_loaded),
        (Missing::Pam, has(Id::SshdPamOff)),
        (Missing::CodeAfterKey, has(Id::SshdKeyWithoutCode)),
    ];
    table.into_iter().filter(|(_, is_missing)| *is_missing).map(|(missing, _)| missing).collect()
}
