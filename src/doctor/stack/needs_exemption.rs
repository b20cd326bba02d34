//! Programs at which no code works, with whichever lines: they ask PAM again with the same answer, or do not run as root. Only a
//! rule of the policy that exempts their service helps.

use twostep_core::policy::Mode;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::findings::auth_lines as findings;
use crate::context::Context;
use crate::finding::Finding;

enum Program {
    /// It asks PAM more than once with the same answer.
    AsksAgain,
    /// It does not run as root, as packages install it.
    NotRoot,
}

/// The PAM services of such programs; docs/HOSTS.md has what was seen.
const PROGRAMS: [(&str, Program); 6] = [
    ("apache2", Program::NotRoot),    // mod_authnz_pam 1.2.3
    ("dovecot", Program::AsksAgain),  // 2.4.1: for each connection of a mail program
    ("httpd", Program::NotRoot),      // mod_authnz_pam 1.2.3
    ("nginx", Program::AsksAgain),    // auth_pam 1.5.3: twice for each request
    ("postgresql", Program::NotRoot), // 15
    ("squid", Program::AsksAgain),    // 6.13: after `credentialsttl`
];

/// The finding, if the service asks twostep and the policy does not exempt it.
pub(crate) fn finding(context: &Context<'_>, service: &Service) -> Option<Finding> {
    let name = service.name.as_str();
    let (_, program) = PROGRAMS.iter().find(|(program, _)| *program == name)?;
    let ours = service.auth.iter().find(|line| PamLine::is_ours(line))?;
    let policy = context.policy.as_ref()?;
    if policy.strictest(name, context.now) == Mode::Exempt {
        return None;
    }
    let location = ours.line_in(&service.file).unwrap_or(&ours.location).clone();
    Some(match program {
        Program::AsksAgain => findings::program_asks_again(location, name),
        Program::NotRoot => findings::program_not_root(location, name),
    })
}
