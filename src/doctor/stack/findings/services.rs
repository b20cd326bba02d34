//! What can be wrong with a service that has no auth line of twostep.

use twostep_core::paths::POLICY;
use twostep_core::policy::Rule;
use twostep_hostconf::location::Location;

use super::{advice, and};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

pub(in crate::stack) fn no_service_asks(folder: &str) -> Finding {
    Finding::warning(
        Id::PamNoServiceAsks,
        Location::file(folder),
        "no login asks for a code yet: no service has a pam_twostep line",
        "twostep is installed, but no service uses it.",
        advice("Run 'twostep enable sshd', or name other services."),
    )
}

/// `services` let users in by password alone. `file` is the one file or the folder of their files. `remedy` is an exemption in the
/// policy as new lines, if it can be written so.
pub(in crate::stack) fn service_asks_no_code(
    file: &str,
    services: &[&str],
    exemption: Option<(Location, String)>,
) -> Finding {
    let (asks, them) = if services.len() == 1 { ("asks", "it") } else { ("ask", "them") };
    let add = format!("To make {them} ask for a code, run 'twostep enable {}'.", services.join(" "));
    let remedy = match exemption {
        Some((location, text)) => Remedy::Choose { advice: add, location, text },
        None => advice(format!("{add} Otherwise exempt {them} with a rule in {POLICY}.")),
    };
    Finding::warning(
        Id::PamServiceAsksNoCode,
        Location::file(file),
        format!("{} {asks} for no code, though some users need one", and(services)),
        "The password alone is enough there.",
        remedy,
    )
}

pub(in crate::stack) fn auth_line_missing(file: &str, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::PamAuthLineMissing,
        Location::file(file),
        "there is a pam_twostep account line, but the auth line is missing",
        "Enrolled users get in without a code.",
        remedy,
    )
}

pub(in crate::stack) fn named_service_asks_no_code(
    file: &str,
    service: &str,
    rule: &Rule,
    remedy: Remedy,
) -> Finding {
    Finding::problem(
        Id::PamNamedServiceAsksNoCode,
        Location::file(file),
        format!("rule '{}' names {service}, but this file asks for no code", rule.name),
        format!("The rule ({POLICY}:{}) makes the second step mandatory there.", rule.line),
        remedy,
    )
}

/// `[gate]` or `[enrollment]` names the service.
pub(in crate::stack) fn named_service_has_no_line(file: &str, service: &str) -> Finding {
    Finding::warning(
        Id::PamNamedServiceAsksNoCode,
        Location::file(file),
        "this file has no pam_twostep line, though the policy names this service",
        "The policy makes the second step mandatory there for some users, but no code is asked for. An update of a package may \
         have replaced the file.",
        advice(format!(
            "Run 'twostep enable {service}'. If no code should be asked for there, remove '{service}' from [gate] and [enrollment] \
             in the policy."
        )),
    )
}

/// `included_by` are services that include the file of the finding, and ask for no code either.
pub(in crate::stack) fn and_services_that_include_it(finding: Finding, included_by: &[&str]) -> Finding {
    let also = match included_by {
        [] => return finding,
        [one] => format!("{one} includes this file, and asks for no code either."),
        many => format!("{} include this file, and ask for no code either.", and(many)),
    };
    Finding { why: format!("{} {also}", finding.why), ..finding }
}

/// `service` is the way around the code that its `partner` asks for. `remedy` is none if an administrator must write the line.
pub(in crate::stack) fn partner_asks_no_code(
    file: &str,
    service: &str,
    partner: &str,
    remedy: Option<Remedy>,
) -> Finding {
    let by_hand = || advice(format!("Write {file} like the file of {partner}."));
    Finding::warning(
        Id::PamPartnerAsksNoCode,
        Location::file(file),
        format!("{service} asks for no code, though {partner} does"),
        format!("Users who need a code for '{}' can use '{}' instead.", command(partner), command(service)),
        remedy.unwrap_or_else(by_hand),
    )
}

fn command(service: &str) -> &str {
    match service {
        "sudo-i" => "sudo -i",
        "su-l" => "su -",
        _ => service,
    }
}

/// A service for logins over the network.
pub(in crate::stack) struct Remote<'a> {
    pub file: &'a str,
    /// Whether the service has a file.
    pub has_file: bool,
    /// The installed server that uses the service, such as telnetd; none if none is installed.
    pub server: Option<&'a str>,
}

/// `login` asks for a code, and `remote` does not. Without a server it is a warning, since one may be installed later.
pub(in crate::stack) fn remote_asks_no_code(remote: &Remote<'_>, remedy: Remedy) -> Finding {
    let new = if remote.server.is_some() { Finding::problem } else { Finding::warning };
    let (id, what) = if remote.has_file {
        (Id::PamPartnerAsksNoCode, "remote asks for no code, though login does")
    } else {
        (Id::PamServiceFileMissing, "this file is missing, so 'login -h' asks for no code, though login does")
    };
    let lets_in = remote.server.map_or_else(
        || "telnetd and rlogind, where they are installed, let".to_owned(),
        |server| format!("{server} lets"),
    );
    let why = format!("{lets_in} users log in over the network by this service with the password alone.");
    new(id, Location::file(remote.file), what, why, remedy)
}

pub(in crate::stack) fn write_lines_like_login(service: &str) -> Remedy {
    advice(format!("Write lines for {service} like those for login."))
}

pub(in crate::stack) fn write_file_like(file: &str, other: &str) -> Remedy {
    advice(format!("Write {file} like {other}."))
}

pub(in crate::stack) fn service_file_missing(file: &str, service: &str) -> Finding {
    Finding::warning(
        Id::PamServiceFileMissing,
        Location::file(file),
        format!("this file is missing, so {service} asks for no code"),
        "libpam uses the file 'other' instead, in which the password alone is enough.",
        advice(format!(
            "Install {file} again from the program's package, then run 'twostep enable {service}'."
        )),
    )
}

pub(in crate::stack) fn service_not_a_file(file: String) -> Finding {
    Finding::warning(
        Id::PamServiceNotAFile,
        Location::file(file),
        "this is not a regular file",
        "libpam ignores it or waits for it without end, so logins by this service fail.",
        advice(
            "Replace it with a regular file. A service without a file uses the file 'other', which may ask for no code.",
        ),
    )
}

/// `other_lets_in` tells whether the file `other` lets users in without a code.
pub(in crate::stack) fn service_without_file(
    rule: &Rule,
    service: &str,
    file: &str,
    other_lets_in: bool,
) -> Finding {
    let why = if other_lets_in {
        "libpam uses the file 'other' instead, which asks for no code."
    } else {
        "If a program uses this service, libpam uses the file 'other', which refuses every login."
    };
    Finding::problem(
        Id::PolicyServiceWithoutFile,
        Location::line(POLICY, rule.line),
        format!("rule '{}' names {service}, but there is no {file}", rule.name),
        why,
        advice(format!("Correct the name, remove it from the rule, or create {file}.")),
    )
}

/// The remedy of a finding whose line `service` includes from `other`, where the line may be right.
pub(in crate::stack) fn copy_included_lines(service: &str, file: &str, other: &str) -> Remedy {
    advice(format!(
        "{service} includes this line from {other}, where it may be right. Copy the lines into {file} instead, and fix them \
         there."
    ))
}

/// The remedy of a service whose file has no line that checks the password.
pub(in crate::stack) fn add_auth_line(file: &str) -> Remedy {
    advice(format!("Add 'auth required pam_twostep.so' to {file}, after the lines that check the password."))
}
