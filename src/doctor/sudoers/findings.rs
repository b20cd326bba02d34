//! The sentences of the findings about sudo: one function a finding, named after its id.

use twostep_hostconf::location::Location;
use twostep_hostconf::sudoers::asked::{ServiceUse, Whose};
use twostep_hostconf::sudoers::elsewhere::Elsewhere;
use twostep_hostconf::sudoers::export::ExportFault;
use twostep_hostconf::sudoers::grants::UnaskedBy;
use twostep_hostconf::sudoers::text::TextFault;
use twostep_hostconf::sudoers::{Sudoers, SudoersFault};

use super::change::{Change, binding, later};
use super::place::{Place, copy};
use super::words;
use crate::accounts::listed;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const MAIN: &str = "/etc/sudoers";
const UNKNOWN: &str = "doctor does not know for whom sudo asks for a code.";
const CORRECT: &str = "Run 'visudo -c' and correct what it reports.";

/// `names` are the callers; `is_always` if sudo asks none of them for their own code in any case.
pub(super) fn asks_another_account(
    location: &Location,
    whose: &Whose,
    is_always: bool,
    names: &[String],
    remedy: Remedy,
) -> Finding {
    let owner = match whose {
        Whose::Caller => "its caller".to_owned(),
        Whose::Root => "root".to_owned(),
        Whose::Default(name) => name.clone(),
        Whose::Target(name) => format!("the target user ({name} without -u)"),
    };
    let cases = if is_always { "" } else { " in some cases" };
    Finding::problem(
        Id::SudoAsksAnotherAccount,
        location.clone(),
        format!(
            "{}: sudo{cases} asks for the password and code of {owner}, not of its caller",
            whose.option()
        ),
        format!("These users can call sudo without their own second step: {}.", list(names)),
        remedy,
    )
}

/// `everybody` lets all users call sudo, which asks for another account's password until `change` is made.
pub(super) fn restrict_sudo_then(everybody: &Location, change: &str) -> Remedy {
    advice(format!(
        "First let only administrators use sudo: at {everybody}, replace ALL users with their group, as in '%wheel \
         ALL=(ALL:ALL) ALL'. Otherwise all users could become root with their own password. Then {change}."
    ))
}

pub(super) fn ask_for_own_password(change: &str) -> Remedy {
    advice(format!(
        "To make sudo ask for its caller's own password and code, {change}. Users without a second step then need only \
         their own password."
    ))
}

pub(super) fn by_hand(change: &str) -> Remedy {
    advice(format!("Do this by hand: {change}."))
}

pub(super) fn service_without_code(
    location: Location,
    service: &ServiceUse,
    names: &[String],
    remedy: Remedy,
) -> Finding {
    let ServiceUse { option, name, .. } = service;
    let what = format!("{option}: sudo uses the PAM service '{name}', which has no pam_twostep line");
    let why = without_code_of(service, names);
    Finding::problem(Id::SudoServiceWithoutCode, location, what, why, remedy)
}

pub(super) fn policy_asks_less(location: Location, service: &ServiceUse, names: &[String]) -> Finding {
    let ServiceUse { option, usual, name, .. } = service;
    Finding::problem(
        Id::SudoPolicyAsksLess,
        location,
        format!("{option}: the policy asks less at '{name}' than at '{usual}'"),
        without_code_of(service, names),
        advice(format!("Name '{name}' in the rules of the policy that name '{usual}'.")),
    )
}

fn without_code_of(service: &ServiceUse, names: &[String]) -> String {
    let usual = service.usual;
    format!("These users can call sudo without the code that '{usual}' asks for: {}.", list(names))
}

/// `names` are users who have or need a second step; `removal` is from [`removal`].
pub(super) fn asks_no_code(
    location: Location,
    by: UnaskedBy,
    is_always: bool,
    names: &[String],
    removal: &str,
) -> Finding {
    let cases = if is_always { "" } else { " in some cases" };
    let text = if is_always {
        format!(
            "First check that each of them has a password ('passwd -S NAME') and is enrolled. Then {removal}. To let these users \
             call sudo without a code, exempt them in the policy: a rule with these users, services = [\"sudo\", \"sudo-i\"] \
             and mode = \"exempt\"."
        )
    } else {
        format!(
            "Unless these commands may run without a code, {removal}. A rule of the policy that exempts these users at sudo \
             would end this warning, but would also let them run all their other commands without a code."
        )
    };
    Finding::warning(
        Id::SudoAsksNoCode,
        location,
        format!("{}: sudo asks these users for no code{cases}: {}", words::reason(by), list(names)),
        "sudo then skips PAM's auth lines, and with them the second step that these users have or must have.",
        advice(text),
    )
}

/// How to make sudo ask, as a part of a sentence.
pub(super) fn removal(sudoers: &Sudoers, by: UnaskedBy, location: &Location, place: &Place) -> String {
    let reason = words::reason(by);
    let own = match place {
        Place::Line => return format!("remove {reason}"),
        Place::Copy => return format!("run '{}' and remove {reason} from the copy", copy(sudoers)),
        Place::After(own) => own,
    };
    let binding = binding(sudoers.line(location).unwrap_or_default());
    let line = match by {
        UnaskedBy::Tag => "the entry again, with PASSWD instead of NOPASSWD,".to_owned(),
        UnaskedBy::Option => format!("'{binding} authenticate'"),
        UnaskedBy::Group => format!("'{binding} !exempt_group'"),
    };
    format!("add {line} at the end of {}", own.file)
}

/// How to make the change, as a part of a sentence.
pub(super) fn instruction(change: &Change, sudoers: &Sudoers, location: &Location) -> String {
    let option = change.option;
    match (Place::of(sudoers, location), change.value) {
        (Place::After(own), _) => {
            let line = later(sudoers.line(location).unwrap_or_default(), [change]);
            format!("add '{line}' at the end of {}", own.file)
        }
        (Place::Line | Place::Copy, Some(value)) => format!("set {option} to '{value}' at {location}"),
        (Place::Line | Place::Copy, None) => format!("replace '{option}' with '!{option}' at {location}"),
    }
}

/// The finding, whose remedy is made in this place.
pub(super) fn made_in(finding: Finding, place: &Place) -> Finding {
    let reason = match place {
        Place::Line => return finding,
        Place::After(_) => {
            "A package owns this file: leave it as it is, and set the option in a file of your own that sudo reads later."
        }
        Place::Copy => {
            "A package owns this file, and sudo reads it only while there is no /etc/sudoers. Copy it there, then run doctor \
             again."
        }
    };
    Finding { why: format!("{} {reason}", finding.why), ..finding }
}

pub(super) fn rules_elsewhere(elsewhere: &Elsewhere) -> Finding {
    let text = match elsewhere {
        Elsewhere::NameService { .. } => {
            "twostep reads local files only. Check each user who must have a second step with 'sudo -l -U NAME': no entry may have \
             NOPASSWD or !authenticate, and targetpw, rootpw, runaspw, pam_service and pam_login_service must not be set."
        }
        Elsewhere::SudoRs | Elsewhere::Plugin(_) => {
            "Check that no entry there has NOPASSWD or !authenticate, and that targetpw, rootpw, runaspw, pam_service and \
             pam_login_service are not set."
        }
    };
    let (location, what) = elsewhere_words(elsewhere);
    Finding::warning(Id::SudoRulesElsewhere, location, what, UNKNOWN, advice(text)).leaving_out()
}

/// The place that names the other rules, and that they are not read.
pub(super) fn elsewhere_words(elsewhere: &Elsewhere) -> (Location, String) {
    match elsewhere {
        Elsewhere::SudoRs => (
            Location::file("/usr/bin/sudo"),
            "this is sudo-rs, whose sudoers twostep does not read".to_owned(),
        ),
        Elsewhere::NameService { location, sources } => {
            let sources = sources.join(", ");
            (location.clone(), format!("sudo also takes rules from {sources}, which twostep does not read"))
        }
        Elsewhere::Plugin(location) => (
            location.clone(),
            "this line gives sudo another policy plugin, which twostep does not read".to_owned(),
        ),
    }
}

/// `what` is [`fault_words`], without the prefix of the root in paths.
pub(super) fn not_read(fault: &SudoersFault, what: String) -> Finding {
    let (location, _) = fault_words(fault);
    let id = match fault {
        SudoersFault::Text(_) | SudoersFault::Export(ExportFault::Refused { .. }) => Id::SudoFileNotRead,
        SudoersFault::Export(ExportFault::Missing | ExportFault::Failed(_) | ExportFault::Unknown(_)) => {
            Id::SudoCvtsudoersFails
        }
    };
    let text = match fault {
        SudoersFault::Text(TextFault::Hidden(_)) => "Make it readable for root.",
        SudoersFault::Text(TextFault::NotIncluded { .. } | TextFault::TooMuch(_))
        | SudoersFault::Export(ExportFault::Refused { .. }) => CORRECT,
        SudoersFault::Export(ExportFault::Missing) => {
            "Install cvtsudoers, which is part of sudo 1.8.23 and later."
        }
        SudoersFault::Export(ExportFault::Failed(_)) => "Correct that, then run doctor again.",
        SudoersFault::Export(ExportFault::Unknown(_)) => {
            "Report this, with the version of sudo, to the authors of twostep."
        }
    };
    Finding::warning(id, location, what, UNKNOWN, advice(text)).leaving_out()
}

/// The place of the fault, and what is wrong there.
pub(super) fn fault_words(fault: &SudoersFault) -> (Location, String) {
    let not_checked = |why: String| format!("sudoers is not checked: {why}");
    match fault {
        SudoersFault::Text(TextFault::Hidden(file)) => {
            (Location::file(file), "this file cannot be read".to_owned())
        }
        SudoersFault::Text(TextFault::NotIncluded { location, file }) => {
            (location.clone(), format!("the included file {file} cannot be read"))
        }
        SudoersFault::Text(TextFault::TooMuch(location)) => {
            (location.clone(), "this file has or includes more lines than twostep reads".to_owned())
        }
        SudoersFault::Export(ExportFault::Missing) => {
            (Location::file(MAIN), not_checked("cvtsudoers is not installed".to_owned()))
        }
        SudoersFault::Export(ExportFault::Failed(failure)) => {
            (Location::file(MAIN), not_checked(format!("cvtsudoers {failure}")))
        }
        SudoersFault::Export(ExportFault::Refused { location, message }) => {
            let message = if message.is_empty() { "cvtsudoers refuses this file" } else { message };
            (location.clone(), not_checked(message.to_owned()))
        }
        SudoersFault::Export(ExportFault::Unknown(what)) => {
            (Location::file(MAIN), not_checked(format!("unexpected output of cvtsudoers: {what}")))
        }
    }
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}

fn list(names: &[String]) -> String {
    listed(names.iter().map(String::as_str))
}
