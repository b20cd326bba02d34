//! sshd refuses its settings, or cannot be asked for them.

use twostep_hostconf::location::Location;
use twostep_hostconf::program::PATIENCE;
use twostep_hostconf::sshd::config::MAIN;
use twostep_hostconf::sshd::effective::SshdRefusal;
use twostep_hostconf::sshd::launch::Launch;

use crate::finding::{Finding, Remedy};

/// The finding for `refusal`, by an sshd that is started so.
pub(crate) fn finding(refusal: &SshdRefusal, launch: &Launch) -> Finding {
    let main = || Location::file(launch.file.as_deref().unwrap_or(MAIN));
    let (location, said) = match refusal {
        SshdRefusal::Settings { location, message } => (
            location.clone().unwrap_or_else(main),
            message.clone().unwrap_or_else(|| "it does not say why".to_owned()),
        ),
        SshdRefusal::CannotRun { program, error } => (main(), format!("{program} -T: {error}")),
        SshdRefusal::TooSlow { program } => {
            (main(), format!("{program} -T did not end within {} s", PATIENCE.as_secs()))
        }
    };
    Finding::problem(
        location,
        format!("sshd refuses its settings: {said}"),
        "It goes on with what it has read before, and the next start or reload fails: nobody can log in by SSH then.",
        Remedy::Advice { text: "Mend that, until 'sshd -t' says nothing.".to_owned() },
    )
}
