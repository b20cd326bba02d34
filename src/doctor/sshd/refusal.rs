//! sshd refuses its settings, or does not print them.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::effective::SshdRefusal;
use twostep_hostconf::sshd::launch::Launch;

use super::findings;
use crate::finding::Finding;

pub(crate) fn finding(refusal: &SshdRefusal, launch: &Launch) -> Finding {
    match refusal {
        SshdRefusal::Settings { location, message } => {
            let main = || Location::file(launch.file.as_deref().unwrap_or(MAIN));
            findings::settings_refused(location.clone().unwrap_or_else(main), message.as_deref())
        }
        SshdRefusal::Program { program, failure } => {
            findings::settings_unknown_by_failure(launch.origin.clone(), &format!("{program} -T {failure}"))
        }
    }
}
