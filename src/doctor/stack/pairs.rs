//! Services that belong together: `sudo -i` and `su -` have names of their own.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::end_of_password;
use super::text::our_text;
use crate::finding::{Finding, Remedy};

const PAIRS: [[&str; 2]; 4] = [["sudo", "sudo-i"], ["sudo-i", "sudo"], ["su", "su-l"], ["su-l", "su"]];

/// Services that ask for no code, though their partner does.
pub(crate) fn check(files: &Files<'_>, services: &[Service]) -> Vec<Finding> {
    let named = |name| services.iter().find(|service| service.name == name);
    let pairs = PAIRS.iter().filter_map(|[one, other]| Some((named(*one)?, named(*other)?)));
    let uneven = pairs.filter(|(one, other)| asks(one) && !asks(other) && !other.lost);
    uneven.map(|(one, other)| finding(files, one, other)).collect()
}

fn asks(service: &Service) -> bool {
    service.auth.iter().any(PamLine::is_ours)
}

fn finding(files: &Files<'_>, one: &Service, other: &Service) -> Finding {
    let what = format!("{} asks for no code, though {} does", other.name, one.name);
    let why =
        format!("Who is asked by '{}' goes around it with '{}'.", command(&one.name), command(&other.name));
    Finding::warning(Location::file(&other.file), what, why, insert(files, other))
}

fn command(service: &str) -> &str {
    match service {
        "sudo-i" => "sudo -i",
        "su-l" => "su -",
        _ => service,
    }
}

fn insert(files: &Files<'_>, service: &Service) -> Remedy {
    let end = end_of_password(&service.auth).and_then(|at| service.auth.get(at));
    match end.and_then(|line| line.line_in(&service.file)) {
        Some(location) => {
            Remedy::Insert { location: files.after(location), text: our_text(ModuleType::Auth) }
        }
        None => Remedy::Advice { text: format!("Write {} like its partner.", service.file) },
    }
}
