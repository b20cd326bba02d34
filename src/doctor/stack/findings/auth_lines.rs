//! What can be wrong with the auth lines of a service that has one of twostep.

use twostep_core::paths::{POLICY, SERVICE_FILES};
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::pam_line::PamLine;

use super::advice;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const ATTEMPTS: &str = "Anyone can use up a user's attempts, and the prompt reveals who is enrolled.";
const NO_KEY_NO_LOGIN: &str = "twostep refuses every login for which sshd has accepted no key.";
const CODE_IS_ENOUGH: &str = "The code alone is enough to log in.";

pub(in crate::stack) fn asked_twice(location: Location, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::PamAskedTwice,
        location,
        "pam_twostep is reached a second time in one login",
        "Each code works once, so every user has to wait for the next code.",
        remedy,
    )
}

/// Both lines are in files of other services, which `file` includes.
pub(in crate::stack) fn asked_twice_by_others(first: &Location, second: &Location, file: &str) -> Remedy {
    advice(format!(
        "{first} and {second} belong to other services: leave them there. In {file}, include a file that checks only the \
         password."
    ))
}

/// How a program answers a question that is not for the password.
#[derive(Clone, Copy)]
pub(in crate::stack) enum Answer {
    /// With the password that was typed before.
    Password,
    UserName,
    Nothing,
    /// It ends the login with an error.
    Error,
    /// Its process ends.
    End,
}

/// `ours` is the line of twostep, if the line at `location` includes it.
pub(in crate::stack) fn program_cannot_ask(
    location: Location,
    service: &str,
    ours: Option<&Location>,
    answer: Answer,
    remedy: Remedy,
) -> Finding {
    let what = match ours {
        None => format!("{service} cannot ask for a code"),
        Some(ours) => format!("{service} cannot ask for a code, and this line includes {ours}"),
    };
    let answer = match answer {
        Answer::Password => "It answers the question for the code with the password",
        Answer::UserName => "It answers the question for the code with the user name",
        Answer::Nothing => "It answers the question for the code with nothing",
        Answer::Error => "It ends a login that asks for more than a password",
        Answer::End => "Its process ends at the question for the code",
    };
    let why = format!("{answer}, so every user who needs a code is refused.");
    Finding::problem(Id::PamProgramCannotAsk, location, what, why, remedy)
}

/// `line` is the one line of twostep that the service needs.
pub(in crate::stack) fn program_cannot_ask_by_hand(line: &str, file: &str) -> Remedy {
    advice(format!(
        "Write '{line}' into {file}, followed by the lines that check the password. Use no other pam_twostep line there."
    ))
}

/// The program sends one answer to PAM several times.
pub(in crate::stack) fn program_asks_again(location: Location, service: &str) -> Finding {
    let what = format!("{service} asks PAM several times with the same answer");
    let why = "Each code works once, so every request after the first is refused, and counts as a failure.";
    Finding::problem(Id::PamProgramAsksAgain, location, what, why, exempt(service))
}

pub(in crate::stack) fn program_not_root(location: Location, service: &str) -> Finding {
    let what = format!("{service} does not run as root");
    let why =
        "twostep reads its files only as root. It refuses every login there, even of users who need no code.";
    Finding::problem(Id::PamProgramNotRoot, location, what, why, exempt(service))
}

fn exempt(service: &str) -> Remedy {
    advice(format!(
        "Exempt it by a rule in {POLICY}: services = [\"{service}\"] and mode = \"exempt\". Or take the pam_twostep lines out."
    ))
}

pub(in crate::stack) fn code_before_password(
    location: Location,
    is_sshd: bool,
    remedy: Option<Remedy>,
) -> Finding {
    let why = if is_sshd { NO_KEY_NO_LOGIN } else { ATTEMPTS };
    let by_hand = || advice("Move the pam_twostep line after the lines that check the password.");
    Finding::problem(
        Id::PamCodeBeforePassword,
        location,
        "the code is asked for before the password",
        why,
        remedy.unwrap_or_else(by_hand),
    )
}

pub(in crate::stack) fn no_first_factor(
    location: Location,
    is_sshd: bool,
    remedy: Option<Remedy>,
) -> Finding {
    let why = if is_sshd {
        format!("{NO_KEY_NO_LOGIN} Write which method must come first.")
    } else {
        CODE_IS_ENOUGH.to_owned()
    };
    let by_hand = || advice("Add a line that checks the password before the pam_twostep line.");
    Finding::problem(
        Id::PamNoFirstFactor,
        location,
        "no line of this service checks a password, and this line has no first_factor=",
        why,
        remedy.unwrap_or_else(by_hand),
    )
}

pub(in crate::stack) fn password_not_checked(location: Location, remedy: Option<Remedy>) -> Finding {
    let by_hand = || advice("After the pam_twostep line, add a line that checks the password.");
    Finding::problem(
        Id::PamPasswordNotChecked,
        location,
        "this line asks for the password, too (forward_pass), but no line after it checks the password",
        "The password that is typed there is not checked.",
        remedy.unwrap_or_else(by_hand),
    )
}

/// How bad it is that a wrong password reaches the code.
pub(in crate::stack) enum WrongPassword<'a> {
    /// The login is refused whatever the code is.
    IsRefused,
    /// The code lets in where this module says nothing of the user.
    IsRefusedUnlessSilent(&'a str),
    /// The code lets in.
    GetsIn,
}

/// `past` is the line that does not stop a wrong password.
pub(in crate::stack) fn wrong_password_reaches_code(
    location: Location,
    past: Option<&Location>,
    then: &WrongPassword<'_>,
    remedy: Option<Remedy>,
) -> Finding {
    let past = past.map_or_else(String::new, |line| format!(", because of {line}"));
    let why = match then {
        WrongPassword::IsRefused => ATTEMPTS.to_owned(),
        WrongPassword::IsRefusedUnlessSilent(module) => {
            format!(
                "{ATTEMPTS} If {module} returns PAM_IGNORE for a user, the code alone is enough to log in."
            )
        }
        WrongPassword::GetsIn => CODE_IS_ENOUGH.to_owned(),
    };
    let by_hand = || {
        advice(
            "Add 'auth requisite pam_deny.so' where a wrong password leads, and let a right password jump over it.",
        )
    };
    Finding::problem(
        Id::PamWrongPasswordReachesCode,
        location,
        format!("a wrong password reaches this line{past}"),
        why,
        remedy.unwrap_or_else(by_hand),
    )
}

pub(in crate::stack) fn first_factor_outside_sshd(
    location: Location,
    service: &str,
    remedy: Remedy,
) -> Finding {
    Finding::problem(
        Id::PamFirstFactorOutsideSshd,
        location,
        format!("first_factor= on this line refuses every login by {service}"),
        "Only sshd reports which method it has accepted.",
        remedy,
    )
}

pub(in crate::stack) fn refusal_is_forgotten(location: Location) -> Finding {
    Finding::problem(
        Id::PamRefusalIsForgotten,
        location,
        "this service can still succeed after twostep refuses",
        "A later line has 'reset' in its control, which discards the refusal, so refused users get in.",
        advice("Remove the 'reset' after the pam_twostep line."),
    )
}

pub(in crate::stack) fn lets_nobody_in(location: Location) -> Finding {
    Finding::problem(
        Id::PamLetsNobodyIn,
        location,
        "this service refuses every login, even with the right password and code",
        "A line refuses on every path that passes the pam_twostep line, or a jump is too long.",
        compare(),
    )
}

pub(in crate::stack) fn no_line_says_yes(location: Location, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::PamNoLineSaysYes,
        location,
        "no other line returns success, so users whom twostep does not ask are refused",
        "twostep returns PAM_IGNORE for users who are exempt or not enrolled, and a jump does not count as success.",
        remedy,
    )
}

pub(in crate::stack) fn too_many_ways(location: Location) -> Finding {
    Finding::warning(
        Id::PamTooManyWays,
        location,
        "this service has too many paths to follow them all",
        "doctor does not know whether every path asks for a code.",
        advice("Use fewer lines and jumps."),
    )
}

/// No single line can be named that skips the line of twostep.
pub(in crate::stack) fn line_can_be_skipped_somehow(location: Location) -> Finding {
    Finding::problem(
        Id::PamLineCanBeSkipped,
        location,
        "a path through this service succeeds without reaching the pam_twostep line",
        "Users on that path are not asked for a code. A substack ends it early, or a 'reset' discards a refusal.",
        compare(),
    )
}

/// How a line keeps libpam from reaching the line of twostep.
pub(in crate::stack) enum Skip {
    /// It succeeds for all callers that are root.
    AcceptsRoot,
    EndsStack,
    Jumps,
}

/// The sentences do not name the service: a line that many services include is reported once. `remedy` is none if an administrator
/// must move the line of twostep, which is at `ours`.
pub(in crate::stack) fn line_can_be_skipped(
    line: &PamLine,
    skip: &Skip,
    ours: &Location,
    remedy: Option<Remedy>,
) -> Finding {
    let module = line.module();
    let what = match skip {
        Skip::AcceptsRoot => format!("{module} lets every login in before pam_twostep is reached"),
        Skip::EndsStack => format!("success of {module} ends the stack before pam_twostep is reached"),
        Skip::Jumps => format!("{module} can jump over the pam_twostep line"),
    };
    let why = match skip {
        Skip::AcceptsRoot => "The program runs as root, and this line returns success for root.",
        Skip::EndsStack | Skip::Jumps if line.role().is_factor() => {
            "Users whom it accepts are not asked for a code."
        }
        Skip::EndsStack | Skip::Jumps => {
            "Users whom it accepts are not asked for a code. To exempt users, add a rule to the policy: the log then names \
             the rule."
        }
    };
    let by_hand =
        || advice(format!("Move the pam_twostep line ({ours}) so that every path to success passes it."));
    Finding::problem(
        Id::PamLineCanBeSkipped,
        line.location.clone(),
        what,
        why,
        remedy.unwrap_or_else(by_hand),
    )
}

fn compare() -> Remedy {
    advice(format!("Compare the file with the one of this system below {SERVICE_FILES}."))
}
