//! The pam_twostep line in a file that many services include.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::tree;

use super::findings::own_line as findings;
use super::text::our_text;
use crate::finding::{Finding, Remedy};

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

/// The auth lines that pam-auth-update(8) has written, and the file into which it writes them.
const PROFILES: &str = "/var/lib/pam/auth";
const COMMON_AUTH: &str = "/etc/pam.d/common-auth";
/// Instead of deleting the line: pam-auth-update leaves files alone whose lines were changed by hand.
const DISABLE_PROFILE: &str = "pam-auth-update --disable twostep";

/// The services that can ask for a code. Each gets a line of its own.
const ASKING: [&str; 5] = ["sshd", "login", "sudo", "sudo-i", "su"];

/// Whether distributions write the service's file for other services to include.
pub fn is_shared(name: &str) -> bool {
    SHARED.contains(&name)
}

/// Whether other services include the file, and no program uses the service itself.
pub(crate) fn is_part(service: &Service, services: &[Service]) -> bool {
    let included = |other: &Service| {
        let mut lines = other.auth.iter().chain(&other.account);
        other.file != service.file && lines.any(|line| line.location.file == service.file)
    };
    is_shared(&service.name) || !ASKING.contains(&service.name.as_str()) && services.iter().any(included)
}

/// Whether the line is in a file that distributions write for other services to include.
pub(crate) fn is_in_shared_file(line: &PamLine) -> bool {
    is_shared(line.location.file.rsplit('/').next().unwrap_or_default())
}

/// Whether the service has an account pam_twostep line outside of shared files.
pub(crate) fn has_own_account_line(service: &Service) -> bool {
    service.account.iter().any(|line| line.is_ours() && !is_in_shared_file(line))
}

/// The pam_twostep lines in shared files, each once.
pub(crate) fn check(files: &Files<'_>, services: &[Service], guarded: &[String]) -> Vec<Finding> {
    let mut locations: Vec<(Location, ModuleType)> = Vec::new();
    for line in services.iter().flat_map(|service| service.auth.iter().chain(&service.account)) {
        let found = (line.location.clone(), line.kind);
        if line.is_ours() && is_in_shared_file(line) && !locations.contains(&found) {
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
    let remedy = match kind {
        ModuleType::Auth => own_lines_instead(files, &reached, location),
        ModuleType::Account | ModuleType::Password | ModuleType::Session => {
            own_account_lines(&reached, guarded)
                .unwrap_or_else(|| Remedy::Delete { location: location.clone() })
        }
    };
    let reached = reached.iter().map(|service| service.name.as_str());
    findings::line_in_shared_file(location.clone(), kind, &others, remedy).about(reached)
}

fn lines(service: &Service, kind: ModuleType) -> &[PamLine] {
    if kind == ModuleType::Auth { &service.auth } else { &service.account }
}

/// Before the shared account line is deleted, each guarded service needs one of its own.
fn own_account_lines(reached: &[&Service], guarded: &[String]) -> Option<Remedy> {
    let needs_one = |service: &&&Service| guarded.contains(&service.name) && !has_own_account_line(service);
    let names: Vec<_> = reached.iter().filter(needs_one).map(|service| service.name.as_str()).collect();
    (!names.is_empty()).then(|| findings::own_account_lines_first(&names))
}

/// Gives each service that can ask for a code a line of its own, then deletes the shared line.
fn own_lines_instead(files: &Files<'_>, reached: &[&Service], shared: &Location) -> Remedy {
    let mut steps: Vec<_> =
        reached.iter().filter_map(|service| own_line(files, reached, service, shared)).collect();
    // The last line of a file comes first, so that the numbers of the others stay right.
    steps.sort_by(|one, other| one.file().cmp(&other.file()).then_with(|| other.cmp(one)));
    let is_of_profile = tree::text(files.root(), PROFILES).is_some_and(|lines| lines.contains("pam_twostep"));
    steps.push(if is_of_profile && shared.file == COMMON_AUTH {
        Remedy::Run { command: DISABLE_PROFILE.to_owned() }
    } else {
        Remedy::Delete { location: shared.clone() }
    });
    Remedy::in_order(steps)
}

/// The line for a service that can ask for a code and has none of its own. A service that includes another of the `reached`
/// ones, as sudo-i includes sudo, gets it from there.
fn own_line(files: &Files<'_>, reached: &[&Service], service: &Service, shared: &Location) -> Option<Remedy> {
    let can_ask = |service: &Service| ASKING.contains(&service.name.as_str());
    let has_own = service.auth.iter().any(|line| line.is_ours() && !is_in_shared_file(line));
    let line = service.auth.iter().find(|line| line.location == *shared)?;
    let is_included = |other: &&Service| {
        other.file != service.file && can_ask(other) && line.line_in(&other.file).is_some()
    };
    if has_own || !can_ask(service) || reached.iter().any(is_included) {
        return None;
    }
    let location = files.after(line.line_in(&service.file)?);
    Some(Remedy::Insert { location, text: our_text(ModuleType::Auth) })
}
