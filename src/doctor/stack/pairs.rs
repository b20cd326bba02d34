//! Services that belong together: `sudo -i` and `su -` have names of their own.

use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::{asks_first_factor, behind_password};
use super::findings::services as findings;
use crate::finding::Finding;

const PAIRS: [[&str; 2]; 4] = [["sudo", "sudo-i"], ["sudo-i", "sudo"], ["su", "su-l"], ["su-l", "su"]];

/// The services that ask for no code, though their partner does.
pub(crate) fn check(files: &Files<'_>, services: &[Service]) -> Vec<Finding> {
    let named = |name| services.iter().find(|service| service.name == name);
    let pairs = PAIRS.iter().filter_map(|[one, other]| Some((named(*one)?, named(*other)?)));
    let uneven = pairs.filter(|(one, other)| asks(one) && !asks(other) && !other.lost);
    let finding = |(one, other): (&Service, &Service)| {
        let remedy = behind_password(files, other);
        let finding = findings::partner_asks_no_code(&other.file, &other.name, &one.name, remedy);
        finding.about([other.name.as_str()])
    };
    uneven.map(finding).collect()
}

/// Whether a partner of this service asks for a code, so that `check` covers the service.
pub(crate) fn partner_asks(name: &str, services: &[Service]) -> bool {
    partners(name).any(|partner| services.iter().any(|service| service.name == partner && asks(service)))
}

/// The names by which the program of this service also calls PAM.
pub(crate) fn partners(name: &str) -> impl Iterator<Item = &'static str> {
    PAIRS.iter().filter(move |[_, other]| *other == name).map(|[one, _]| *one)
}

/// Whether the service asks for a code.
pub(crate) fn asks(service: &Service) -> bool {
    service.auth.iter().any(PamLine::is_ours)
}

/// Whether the service called `name` asks for a code.
pub(crate) fn is_guarded(files: &Files<'_>, name: &str) -> bool {
    Service::load(files, name).as_ref().is_some_and(asks)
}

/// Whether `other`, the service of those without a file, lets users in without a code.
pub(crate) fn other_lets_in(files: &Files<'_>) -> bool {
    let lets_in = |other: &Service| !other.lost && !asks(other) && other.auth.iter().any(asks_first_factor);
    Service::load(files, "other").as_ref().is_some_and(lets_in)
}
