//! Programs that can ask for a password only. One pam_twostep line, before the lines that check the password, takes
//! password and code in one answer there.

use twostep_core::paths::PAM_CONF;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::{Stack, asks_first_factor};
use super::findings::auth_lines::{self as findings, Answer};
use super::own_line::rewritten;
use super::text::{FORWARD_PASS, joining};
use super::unfold::unfolded;
use crate::finding::{Finding, Remedy};

/// The PAM services of such programs. Where no source is named, the program was run with a module that asks: docs/HOSTS.md.
const PROGRAMS: [(&str, Answer); 10] = [
    ("i3lock", Answer::Password),    // 2.14; i3lock.c, conv_callback
    ("imap", Answer::End),           // saslauthd 2.1.28
    ("jupyterhub", Answer::Nothing), // pamela 1.2.0
    ("proftpd", Answer::UserName),   // 1.3.8, mod_auth_pam
    ("radiusd", Answer::UserName),   // 3.2.1, as root
    ("screen", Answer::Error),       // 4.9.1, its lock
    ("smtp", Answer::End),           // saslauthd 2.1.28
    ("swaylock", Answer::Password),  // pam.c, handle_conversation
    ("vsftpd", Answer::Error),       // 3.0.3
    ("xrdp-sesman", Answer::Error),  // 0.9.21
];

/// The finding, if the program of this service cannot ask what the pam_twostep line asks.
pub(crate) fn finding(stack: &Stack<'_>) -> Option<Finding> {
    let name = stack.service.name.as_str();
    let (_, answer) = PROGRAMS.iter().find(|(program, _)| *program == name)?;
    let ours = stack.our_line()?;
    if stack.joins() {
        return None;
    }
    let location = ours.line_in(&stack.service.file).unwrap_or(&ours.location).clone();
    let included = Some(&ours.location).filter(|ours| **ours != location);
    let by_hand = || findings::program_cannot_ask_by_hand(&joining(), &stack.service.file);
    let remedy = remedy(stack, ours).unwrap_or_else(by_hand);
    Some(findings::program_cannot_ask(location.clone(), name, included, *answer, remedy))
}

fn remedy(stack: &Stack<'_>, ours: &PamLine) -> Option<Remedy> {
    if ours.location.file == stack.service.file {
        in_front(stack, ours)
    } else {
        password_alone(stack, ours, Some(joining()))
    }
}

/// Moves the pam_twostep line before the lines that check the password, with `forward_pass`.
fn in_front(stack: &Stack<'_>, ours: &PamLine) -> Option<Remedy> {
    let file = &stack.service.file;
    if file == PAM_CONF {
        return None;
    }
    let joining = rewritten(ours, [FORWARD_PASS]);
    let factor = stack.before().iter().find(|line| asks_first_factor(line));
    let Some(first) = factor.and_then(|line| line.line_in(file)?.line) else {
        return Some(Remedy::Replace { location: ours.location.clone(), text: joining });
    };
    let (start, last) = (ours.location.line?, ours.location.through.or(ours.location.line)?);
    let text = stack.files.text(file)?;
    let between = text.lines().skip(first.checked_sub(1)?).take(start.checked_sub(first)?);
    // A tab would not survive on a terminal.
    let between = between.map(|line| line.replace('\t', "    "));
    let lines: Vec<String> = [joining].into_iter().chain(between).collect();
    Some(Remedy::Replace { location: Location::lines(file, first, last), text: lines.join("\n") })
}

/// Replaces the line that includes `ours`, which belongs to another service, with `before` and lines that check only
/// the password.
pub(crate) fn password_alone(stack: &Stack<'_>, ours: &PamLine, before: Option<String>) -> Option<Remedy> {
    let step = ours.trail.iter().find(|step| step.location.file == stack.service.file && !step.whole)?;
    let password = usual(stack).or_else(|| included(stack, &step.location))?;
    let lines: Vec<String> = before.into_iter().chain([password]).collect();
    Some(Remedy::Replace { location: step.location.clone(), text: lines.join("\n") })
}

/// The file with which Debian checks the password in all services.
fn usual(stack: &Stack<'_>) -> Option<String> {
    let common = Service::load(stack.files, "common-auth").filter(|_| stack.files.knows_at_include())?;
    let asks_alone = !common.lost && common.auth.iter().any(asks_first_factor) && !common.names_us();
    asks_alone.then(|| "@include common-auth".to_owned())
}

fn included(stack: &Stack<'_>, location: &Location) -> Option<String> {
    let within =
        |line: &&PamLine| line.trail.iter().any(|step| step.location == *location) && !line.is_ours();
    let lines: Vec<_> = stack.entries.iter().filter(within).collect();
    unfolded(&lines)
}
