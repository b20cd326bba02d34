//! Why a draft changes a line, and why there is none.

use twostep_hostconf::location::Location;

use crate::finding::{Finding, Remedy};

pub(in crate::stack) const ASKS_AFTER_PASSWORD: &str = "Asks for the code, after a right password.";
pub(in crate::stack) const ASKS_AFTER_KEY: &str =
    "Asks for the code where sshd has accepted a key. No password is asked for any more.";

pub(in crate::stack) const PASSES_OVER_PASSWORD: &str =
    "Where sshd has accepted a key, the lines that check the password are skipped.";

/// `file` is the one that was included.
pub(in crate::stack) fn brought_in(file: &str) -> String {
    format!(
        "The lines of {file} are here now, so that they can be skipped. Later changes of that file do not reach this service."
    )
}

pub(in crate::stack) fn copy_of_vendors_file(file: &str) -> String {
    format!("libpam reads this copy instead of {file}, which the next version of its package would replace.")
}

/// Why a remedy changes what it changes: what would be wrong without it.
pub(in crate::stack) fn instead_of(finding: &Finding) -> String {
    format!("Without this, {}. {}", finding.what, finding.why)
}

pub(in crate::stack) fn no_file(service: &str) -> String {
    format!("there is no PAM service '{service}': no folder of PAM has a file of this name")
}

pub(in crate::stack) fn pam_conf(service: &str) -> String {
    format!("the lines of {service} are in /etc/pam.conf; write the pam_twostep lines there by hand")
}

pub(in crate::stack) fn hidden(service: &str) -> String {
    format!("some lines of {service} can be read by root only")
}

pub(in crate::stack) fn no_password(file: &str) -> String {
    format!("{file}: no line of this file brings in the lines that check a password")
}

pub(in crate::stack) fn between_passwords(location: &Location) -> String {
    format!(
        "{location}: a login by key would skip this line, which decides more than the password; move it before the lines that \
         check the password, delete it, or add --for password"
    )
}

pub(in crate::stack) fn fix_first(finding: &Finding) -> String {
    let then = match &finding.remedy {
        Remedy::Advice { text } | Remedy::Choose { advice: text, .. } => text.clone(),
        Remedy::Run { command } => format!("Run: {command}"),
        Remedy::Replace { .. }
        | Remedy::Insert { .. }
        | Remedy::Delete { .. }
        | Remedy::Move { .. }
        | Remedy::Steps { .. } => "It concerns a file that other services use, too.".to_owned(),
    };
    format!("{}: {}\n{}\n{then}", finding.location, finding.what, finding.why)
}

pub(in crate::stack) fn no_end(file: &str, finding: &Finding) -> String {
    format!("{file}: a program cannot add the lines of twostep here: {}\n{}", finding.what, finding.why)
}
