//! sshd refuses its settings, or does not say what they are.

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::effective::SshdRefusal;
use twostep_hostconf::sshd::launch::Launch;

use super::unseen;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// The finding for `refusal`, by an sshd that is started so.
pub(crate) fn finding(refusal: &SshdRefusal, launch: &Launch) -> Finding {
    let (location, message) = match refusal {
        SshdRefusal::Settings { location, message } => (location, message),
        SshdRefusal::Program { program, failure } => {
            return unseen::program(launch, &format!("{program} -T {failure}"));
        }
    };
    let main = || Location::file(launch.file.as_deref().unwrap_or(MAIN));
    Finding::problem(
        Id::SshdSettingsRefused,
        location.clone().unwrap_or_else(main),
        format!("sshd refuses its settings: {}", message.as_deref().unwrap_or("it does not say why")),
        "The sshd that runs keeps its old settings. At the next restart or reload it ends, and nobody can log in by SSH.",
        Remedy::Advice { text: "Correct that, until 'sshd -t' says nothing.".to_owned() },
    )
}
