//! Our line in a file that many services include.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::text::our_text;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// The files that distributions write for many services to include.
const SHARED: [&str; 18] = [
    "common-account",
    "common-auth",
    "common-password",
    "common-session",
    "common-session-noninteractive",
    "fingerprint-auth",
    "other",
    "password-auth",
    "postlogin",
    "postlogin-ac",
    "smartcard-auth",
    "system-account",
    "system-auth",
    "system-auth-ac",
    "system-local-login",
    "system-login",
    "system-remote-login",
    "system-services",
];

/// The services that can ask for a code, and get a line of their own.
const ASKING: [&str; 5] = ["sshd", "login", "sudo", "sudo-i", "su"];

/// How many services a finding names.
const MOST_NAMES: usize = 12;

/// Whether the service's file is for others to include.
pub(crate) fn is_shared(name: &str) -> bool {
    SHARED.contains(&name)
}

/// Whether the service's file is only a part of others, and no service that a program asks for.
pub(crate) fn is_part(service: &Service, services: &[Service]) -> bool {
    let included = |other: &Service| {
        let mut lines = other.auth.iter().chain(&other.account);
        other.file != service.file && lines.any(|line| line.location.file == service.file)
    };
    is_shared(&service.name) || !ASKING.contains(&service.name.as_str()) && services.iter().any(included)
}

/// Whether the line stands in a file for others to include.
pub(crate) fn stands_shared(line: &PamLine) -> bool {
    is_shared(line.location.file.rsplit('/').next().unwrap_or_default())
}

/// Whether the service has an account line of ours that is no other's: one in a file for many does not count.
pub(crate) fn has_own_account_line(service: &Service) -> bool {
    service.account.iter().any(|line| line.is_ours() && !stands_shared(line))
}

/// Our lines in shared files, each once.
pub(crate) fn check(files: &Files<'_>, services: &[Service], guarded: &[String]) -> Vec<Finding> {
    let mut locations: Vec<(Location, ModuleType)> = Vec::new();
    for line in services.iter().flat_map(|service| service.auth.iter().chain(&service.account)) {
        let found = (line.location.clone(), line.kind);
        if line.is_ours() && stands_shared(line) && !locations.contains(&found) {
            locations.push(found);
        }
    }
    locations.iter().map(|(location, kind)| finding(files, services, guarded, location, *kind)).collect()
}

fn finding(
    files: &Files<'_>,
    services: &[Service],
    guarded: &[String],
    location: &Location,
    kind: ModuleType,
) -> Finding {
    let reached = |service: &&Service| lines(service, kind).iter().any(|line| line.location == *location);
    let reached: Vec<_> =
        services.iter().filter(|service| !is_part(service, services)).filter(reached).collect();
    let others: Vec<_> =
        reached.iter().map(|service| service.name.as_str()).filter(|name| !ASKING.contains(name)).collect();
    let what = format!("the line of twostep stands in a file for many services{}", also(&others));
    let why = match kind {
        ModuleType::Auth => "Screen lockers, polkit and others cannot ask for a code, and lock people out.",
        ModuleType::Account | ModuleType::Password | ModuleType::Session => {
            "A broken policy then stops all of them, cron too; and sshd can go around the line."
        }
    };
    let own = match kind {
        ModuleType::Auth => reached.iter().find_map(|service| own_line(files, service, location)),
        ModuleType::Account | ModuleType::Password | ModuleType::Session => own_gate(&reached, guarded),
    };
    let remedy = own.unwrap_or_else(|| Remedy::Delete { location: location.clone() });
    Finding::problem(Id::PamLineInSharedFile, location.clone(), what, why, remedy)
}

fn lines(service: &Service, kind: ModuleType) -> &[PamLine] {
    if kind == ModuleType::Auth { &service.auth } else { &service.account }
}

fn also(names: &[&str]) -> String {
    let (named, more) = names.split_at_checked(MOST_NAMES).unwrap_or((names, &[]));
    match (named.is_empty(), more.len()) {
        (true, _) => String::new(),
        (false, 0) => format!(", and so in {}", named.join(", ")),
        (false, more) => format!(", and so in {} and {more} more", named.join(", ")),
    }
}

/// Before the shared account line goes, each service that needs one gets one of its own, of which another finding tells.
fn own_gate(reached: &[&Service], guarded: &[String]) -> Option<Remedy> {
    let is_bare = |service: &&&Service| guarded.contains(&service.name) && !has_own_account_line(service);
    let bare = reached.iter().filter(is_bare);
    let names: Vec<_> = bare.map(|service| service.name.as_str()).collect();
    let text =
        format!("First give an account line of their own to {}. Then delete this one.", names.join(" and "));
    (!names.is_empty()).then_some(Remedy::Advice { text })
}

/// Before the shared line goes, each service that can ask gets a line of its own.
fn own_line(files: &Files<'_>, service: &Service, shared: &Location) -> Option<Remedy> {
    let has_own = service.auth.iter().any(|line| line.is_ours() && !stands_shared(line));
    if has_own || !ASKING.contains(&service.name.as_str()) {
        return None;
    }
    let line = service.auth.iter().find(|line| line.location == *shared)?;
    let location = files.after(line.line_in(&service.file)?);
    Some(Remedy::Insert { location, text: our_text(ModuleType::Auth) })
}
