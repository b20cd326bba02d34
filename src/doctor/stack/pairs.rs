//! Services that belong together: `sudo -i` and `su -` have names of their own.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::{asks_first_factor, behind_password};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const PAIRS: [[&str; 2]; 4] = [["sudo", "sudo-i"], ["sudo-i", "sudo"], ["su", "su-l"], ["su-l", "su"]];

/// Services that ask for no code, though their partner does.
pub(crate) fn check(files: &Files<'_>, services: &[Service]) -> Vec<Finding> {
    let named = |name| services.iter().find(|service| service.name == name);
    let pairs = PAIRS.iter().filter_map(|[one, other]| Some((named(*one)?, named(*other)?)));
    let uneven = pairs.filter(|(one, other)| asks(one) && !asks(other) && !other.lost);
    uneven.map(|(one, other)| finding(files, one, other)).collect()
}

/// Whether a partner of this service asks for a code, so that it is judged here.
pub(crate) fn partner_asks(name: &str, services: &[Service]) -> bool {
    let partners = PAIRS.iter().filter(|[_, other]| *other == name).map(|[one, _]| *one);
    partners
        .into_iter()
        .any(|partner| services.iter().any(|service| service.name == partner && asks(service)))
}

/// Whether the service asks for a code.
pub(crate) fn asks(service: &Service) -> bool {
    service.auth.iter().any(PamLine::is_ours)
}

/// Whether the service `other` lets people in without a code, where another service has no file.
pub(crate) fn other_lets_in(files: &Files<'_>) -> bool {
    let lets_in = |other: &Service| !other.lost && !asks(other) && other.auth.iter().any(asks_first_factor);
    Service::load(files, "other").as_ref().is_some_and(lets_in)
}

fn finding(files: &Files<'_>, one: &Service, other: &Service) -> Finding {
    let what = format!("{} asks for no code, though {} does", other.name, one.name);
    let why =
        format!("Who is asked by '{}' goes around it with '{}'.", command(&one.name), command(&other.name));
    let remedy = behind_password(files, other)
        .unwrap_or_else(|| Remedy::Advice { text: format!("Write {} like its partner.", other.file) });
    Finding::warning(Id::PamPartnerAsksNoCode, Location::file(&other.file), what, why, remedy)
}

fn command(service: &str) -> &str {
    match service {
        "sudo-i" => "sudo -i",
        "su-l" => "su -",
        _ => service,
    }
}
