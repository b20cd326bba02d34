//! The services by which users log in, and what libpam does with their lines. `twostep services` lists them.

use std::collections::BTreeSet;

use twostep_core::pam::control::{Control, ReturnValue};
use twostep_core::pam::walk::Handler;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::Scenario;
use twostep_hostconf::pam::pam_fault::FaultKind;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::pam::ways::{Facts, Ways};

use super::askers::{self, is_included_and_asked_for};
use super::asking::asks_first_factor;
use super::auth_stack::CalledBy;
use super::guarded::guarded;
use super::{missing_module, module_file, pairs, remote, shared, without_file};
use crate::context::{Context, Visibility};

/// The service whose lines libpam uses for one without a file.
const OTHER: &str = "other";

/// A service by which users log in, or that has a finding.
pub(crate) struct LoginService {
    pub name: String,
    /// Whether it has a file of its own. Without one, libpam uses `other`.
    pub has_file: bool,
    /// What libpam reads for it. None if there is nothing, or this process may not read all of it.
    pub lines: Option<Lines>,
    /// Whether this process may not read all of it.
    pub is_hidden: bool,
}

/// The lines that libpam reads for a service.
pub(crate) struct Lines {
    pub file: String,
    pub has_auth_line: bool,
    pub has_account_line: bool,
    /// Whether libpam loads the module of twostep at a line of the service.
    pub is_module_loaded: bool,
    /// How logins end. None if the lines are too many to follow.
    pub end: Option<End>,
}

/// How logins by a service end, as far as its lines decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Some succeed, all of them after twostep has accepted them.
    Asked,
    /// Some succeed although twostep was not asked, or has refused.
    Bypassed,
    /// Some succeed, and no auth line asks twostep.
    NotAsked,
    /// None succeeds, whatever is typed.
    Refused,
}

/// Whether users log in by the service, and it checks a password.
pub(crate) fn lets_users_in(service: &Service) -> bool {
    askers::lets_in(&service.name) && service.auth.iter().any(asks_first_factor)
}

/// Whether a program may use this service. A file is only a part of others where a service that includes it asks
/// for a code.
pub(crate) fn is_used(service: &Service, services: &[Service]) -> bool {
    let is_part_of = |other: &Service| {
        other.file != service.file && other.auth.iter().any(|line| line.location.file == service.file)
    };
    let is_part = || services.iter().any(|other| pairs::asks(other) && is_part_of(other));
    !shared::is_part(service, services)
        || is_included_and_asked_for(&service.name)
        || !shared::is_shared(&service.name) && !is_part()
}

/// The services by which users log in, those that ask twostep, those of `named`, which the settings of a program name, and those of
/// `found`, which have a finding. By their names; without files that only others include.
pub(crate) fn services(
    context: &Context<'_>,
    named: &BTreeSet<String>,
    found: &BTreeSet<String>,
) -> Vec<LoginService> {
    let files = Files::new(context.root);
    let names = files.names();
    let loaded: Vec<_> = names.iter().filter_map(|name| Service::load(&files, name)).collect();
    let is_used_for_logins = |service: &&Service| {
        let is_remote_unused = service.name == remote::SERVICE && !remote::has_util_linux(&files);
        let lets_in = lets_users_in(service) && !is_remote_unused;
        let is_one = service.names_us() || found.contains(&service.name) || lets_in;
        is_one && is_used(service, &loaded)
    };
    let with_file = loaded.iter().filter(is_used_for_logins).map(|service| service.name.as_str());
    let is_loaded = |name: &&str| loaded.iter().any(|one| one.name == *name);
    let without_file = found.iter().map(String::as_str).filter(|name| !is_loaded(name));
    let listed: BTreeSet<&str> = with_file
        .chain(without_file)
        .chain(without_file::programs(&files))
        .chain(named.iter().map(String::as_str))
        .collect();
    let is_public = context.visibility == Visibility::Public;
    let may_be_hidden = |name: &&str| {
        is_public && !listed.contains(name) && askers::lets_in(name) && !shared::is_shared(name)
    };
    let others = names.iter().map(String::as_str).filter(may_be_hidden);
    let guarded = guarded(context);
    let read = |name: &str| {
        let caller = CalledBy::of(name, guarded.iter().any(|one| one == name));
        read(context, &files, &names, name, caller)
    };
    let mut services: Vec<_> = others.map(read).filter(|one| one.is_hidden).collect();
    services.extend(listed.iter().copied().map(read));
    services.sort_by(|one, other| one.name.cmp(&other.name));
    services
}

fn read(
    context: &Context<'_>,
    files: &Files<'_>,
    names: &BTreeSet<String>,
    name: &str,
    caller: CalledBy,
) -> LoginService {
    let has_file = names.contains(name);
    let (service, hides) = files.watch(|| Service::load(files, if has_file { name } else { OTHER }));
    let is_hidden = hides && context.visibility == Visibility::Public;
    let lines = service.filter(|_| !is_hidden).map(|service| Lines::of(context, files, &service, caller));
    LoginService { name: name.to_owned(), has_file, lines, is_hidden }
}

impl Lines {
    fn of(context: &Context<'_>, files: &Files<'_>, service: &Service, caller: CalledBy) -> Self {
        let is_dead = |line: &PamLine| is_not_loaded(context, files, line);
        let ours = || service.auth.iter().chain(&service.account).filter(|line| line.is_ours());
        let is_meant = |line: &PamLine| line.is_ours() || missing_module::is_misspelt(line);
        let mut meant = service.auth.iter().chain(&service.account).filter(|line| is_meant(line));
        Self {
            file: service.file.clone(),
            has_auth_line: ours().any(|line| line.kind == ModuleType::Auth),
            has_account_line: ours().any(|line| line.kind == ModuleType::Account),
            is_module_loaded: !meant.any(is_dead),
            end: end(service, caller, is_dead),
        }
    }
}

/// How logins by the service end. `is_dead` tells whether libpam cannot load the module of a line.
fn end(service: &Service, caller: CalledBy, is_dead: impl Fn(&PamLine) -> bool) -> Option<End> {
    if service.faults.iter().any(|fault| matches!(fault.kind, FaultKind::TooLong)) {
        return None;
    }
    if service.lost || !service.faults.is_empty() {
        return Some(End::Refused);
    }
    let loaded =
        |lines: &[PamLine]| -> Vec<_> { lines.iter().map(|line| as_loaded(line, is_dead(line))).collect() };
    let (auth, account) = (loaded(&service.auth), loaded(&service.account));
    let (ways, later) =
        (Ways::through(&auth, Scenario::Anything), Ways::through(&account, Scenario::Anything));
    if ways.too_many || later.too_many {
        return None;
    }
    if ways.successes.is_empty() || later.successes.is_empty() {
        return Some(End::Refused);
    }
    if !service.auth.iter().any(|line| line.is_ours() && !is_dead(line)) {
        return Some(End::NotAsked);
    }
    let is_root = |facts: &Facts| facts.is_root && caller == CalledBy::AtAShell;
    let succeeds = |scenario| Ways::through(&auth, scenario).successes.iter().any(|facts| facts.asked);
    let is_bypassed = ways.successes.iter().any(|facts| !facts.asked && !is_root(facts));
    Some(match (is_bypassed || succeeds(Scenario::Refused), succeeds(Scenario::Granted)) {
        (true, _) => End::Bypassed,
        (false, true) => End::Asked,
        (false, false) => End::Refused,
    })
}

/// Whether libpam cannot load the module of the line.
fn is_not_loaded(context: &Context<'_>, files: &Files<'_>, line: &PamLine) -> bool {
    if line.is_ours() {
        return module_file::is_not_loaded(context, files, line);
    }
    line.handler == Handler::Module && missing_module::is_not_loaded(files, line)
}

/// The line as libpam walks it: without its module, it has one answer.
fn as_loaded(line: &PamLine, is_dead: bool) -> PamLine {
    if !is_dead {
        return line.clone();
    }
    let control = Control::always(line.control.on(ReturnValue::MODULE_UNKNOWN));
    PamLine { handler: Handler::Broken, control, ..line.clone() }
}
