//! Programs that ask for a password and can ask nothing else: there one line of ours takes password and code in one answer, and
//! stands before the lines that check the password.

use twostep_core::paths::PAM_CONF;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::{Stack, asks_first_factor};
use super::own_line::anew;
use super::text::{FORWARD_PASS, joining};
use super::unfold::unfolded;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What a program says to a question that is not for the password.
#[derive(Clone, Copy)]
enum Says {
    /// What was typed for the password.
    Password,
    UserName,
    Nothing,
    /// It ends the login with an error.
    Error,
}

/// The PAM services of such programs. Where no source is named, the program was run on Debian 12 with a module that asks.
const PROGRAMS: [(&str, Says); 8] = [
    ("i3lock", Says::Password),    // 2.14; i3lock.c, conv_callback
    ("imap", Says::UserName),      // saslauthd 2.1.28; a second question ends the daemon
    ("jupyterhub", Says::Nothing), // pamela 1.2.0
    ("proftpd", Says::UserName),   // 1.3.8, mod_auth_pam
    ("smtp", Says::UserName),      // saslauthd 2.1.28
    ("swaylock", Says::Password),  // pam.c, handle_conversation
    ("vsftpd", Says::Error),       // 3.0.3
    ("xrdp-sesman", Says::Error),  // 0.9.21
];

/// What is wrong, if the program of this service cannot ask what our line asks.
pub(crate) fn finding(stack: &Stack<'_>) -> Option<Finding> {
    let name = stack.service.name.as_str();
    let (_, says) = PROGRAMS.iter().find(|(program, _)| *program == name)?;
    let ours = stack.our_line()?;
    if stack.joins() {
        return None;
    }
    let location = ours.line_in(&stack.service.file).unwrap_or(&ours.location).clone();
    let what = if ours.location == location {
        format!("{name} cannot ask for a code")
    } else {
        format!("{name} cannot ask for a code, and this line brings {}", ours.location)
    };
    let answer = match says {
        Says::Password => "It answers the question for the code with the password",
        Says::UserName => "It answers the question for the code with the name of the user",
        Says::Nothing => "It answers the question for the code with nothing",
        Says::Error => "It ends a login in which more than a password is asked for",
    };
    let why = format!("{answer}: everybody who is asked for a code is refused.");
    let remedy = remedy(stack, ours).unwrap_or_else(|| by_hand(stack));
    Some(Finding::problem(Id::PamProgramCannotAsk, location, what, why, remedy))
}

fn remedy(stack: &Stack<'_>, ours: &PamLine) -> Option<Remedy> {
    if ours.location.file == stack.service.file {
        in_front(stack, ours)
    } else {
        password_alone(stack, ours, Some(joining()))
    }
}

fn by_hand(stack: &Stack<'_>) -> Remedy {
    let text = format!(
        "Write '{}' into {}, and behind it the lines that check the password, without another line of twostep.",
        joining(),
        stack.service.file
    );
    Remedy::Advice { text }
}

/// Our line of this file comes before the lines of the password, and takes password and code in one.
fn in_front(stack: &Stack<'_>, ours: &PamLine) -> Option<Remedy> {
    let file = &stack.service.file;
    if file == PAM_CONF {
        return None;
    }
    let joining = anew(ours, [FORWARD_PASS]);
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

/// In place of the line that includes `ours`, which is another service's: `before`, and what checks the password alone.
pub(crate) fn password_alone(stack: &Stack<'_>, ours: &PamLine, before: Option<String>) -> Option<Remedy> {
    let step = ours.trail.iter().find(|step| step.location.file == stack.service.file && !step.whole)?;
    let password = usual(stack).or_else(|| included(stack, &step.location))?;
    let lines: Vec<String> = before.into_iter().chain([password]).collect();
    Some(Remedy::Replace { location: step.location.clone(), text: lines.join("\n") })
}

/// The file in which Debian has the password of all services.
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
