//! What decides about sudo and was not looked at.

use twostep_core::os::root::Root;
use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::SudoersFault;
use twostep_hostconf::sudoers::elsewhere::Elsewhere;
use twostep_hostconf::sudoers::export::ExportFault;
use twostep_hostconf::sudoers::text::TextFault;

use super::words;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const WHY: &str = "Whose code sudo asks for, and whether it asks at all, is not known.";
const MAIN: &str = "/etc/sudoers";
const CHECK: &str = "Run 'visudo -c' and correct what it names.";

/// What sudo reads elsewhere.
pub(super) fn elsewhere(elsewhere: &Elsewhere) -> Finding {
    let (location, what) = elsewhere_words(elsewhere);
    let text = match elsewhere {
        Elsewhere::NameService { .. } => {
            "twostep reads local files alone. Check each user who must have a second step with 'sudo -l -U NAME': no entry may \
             have NOPASSWD or !authenticate, and targetpw, rootpw, runaspw, pam_service and pam_login_service must not be set."
        }
        Elsewhere::SudoRs | Elsewhere::Plugin(_) => {
            "Check there that no entry has NOPASSWD or !authenticate, and that targetpw, rootpw, runaspw, pam_service and \
             pam_login_service are not set."
        }
    };
    Finding::warning(Id::SudoRulesElsewhere, location, what, WHY, Remedy::Advice { text: text.to_owned() })
        .leaving_out()
}

/// Where it stands, and what is not looked at.
pub(super) fn elsewhere_words(elsewhere: &Elsewhere) -> (Location, String) {
    match elsewhere {
        Elsewhere::SudoRs => {
            (Location::file("/usr/bin/sudo"), "this is sudo-rs, whose sudoers are not looked at".to_owned())
        }
        Elsewhere::NameService { location, sources } => {
            let sources = sources.join(", ");
            (location.clone(), format!("sudo also takes entries from {sources}, which are not looked at"))
        }
        Elsewhere::Plugin(location) => {
            (location.clone(), "this gives sudo another policy, which is not looked at".to_owned())
        }
    }
}

/// The files of sudoers that could not be read.
pub(super) fn finding(root: &Root, fault: &SudoersFault) -> Finding {
    let (location, what, advice) = fault_words(fault);
    let what = crate::below_root::named(root, &what);
    let editors = is_in_sudoers(fault).then(|| words::editor(&location.file)).into_iter().collect();
    let remedy = Remedy::Advice { text: advice.to_owned() };
    Finding::warning(id(fault), location, what, WHY, remedy).leaving_out().with_editors(editors)
}

fn id(fault: &SudoersFault) -> Id {
    match fault {
        SudoersFault::Text(_) | SudoersFault::Export(ExportFault::Refused { .. }) => Id::SudoFileNotRead,
        SudoersFault::Export(ExportFault::Missing | ExportFault::Failed(_) | ExportFault::Unknown(_)) => {
            Id::SudoCvtsudoersFails
        }
    }
}

/// Whether the file has to be corrected, for which there is visudo.
fn is_in_sudoers(fault: &SudoersFault) -> bool {
    matches!(
        fault,
        SudoersFault::Text(TextFault::NotIncluded { .. } | TextFault::TooMuch(_))
            | SudoersFault::Export(ExportFault::Refused { .. })
    )
}

/// Where, what is wrong, and what to do.
pub(super) fn fault_words(fault: &SudoersFault) -> (Location, String, &'static str) {
    match fault {
        SudoersFault::Text(TextFault::Hidden(file)) => {
            (Location::file(file), "it cannot be read".to_owned(), "Make it readable for root.")
        }
        SudoersFault::Text(TextFault::NotIncluded { location, file }) => {
            (location.clone(), format!("the included file {file} cannot be read"), CHECK)
        }
        SudoersFault::Text(TextFault::TooMuch(location)) => {
            (location.clone(), "it has or includes more than is read".to_owned(), CHECK)
        }
        SudoersFault::Export(ExportFault::Missing) => (
            Location::file(MAIN),
            "sudoers is not looked at: cvtsudoers is not installed".to_owned(),
            "Install cvtsudoers, which belongs to sudo 1.8.23 and later.",
        ),
        SudoersFault::Export(ExportFault::Failed(failure)) => (
            Location::file(MAIN),
            format!("sudoers is not looked at: cvtsudoers {failure}"),
            "Correct that, then run doctor again.",
        ),
        SudoersFault::Export(ExportFault::Refused { location, message }) => {
            let what = if message.is_empty() { "cvtsudoers refuses it" } else { message };
            (location.clone(), format!("sudoers is not looked at: {what}"), CHECK)
        }
        SudoersFault::Export(ExportFault::Unknown(why)) => (
            Location::file(MAIN),
            format!("sudoers is not looked at: cvtsudoers prints what is not understood: {why}"),
            "Report this, with the version of sudo, to the authors of twostep.",
        ),
    }
}
