//! Tries a change before it is made: `twostep-rehearse` runs sshd, doctor and real logins on the changed files, in a mount namespace
//! of its own.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use twostep_change::plan::Plan;
use twostep_doctor::context::Context;
use twostep_doctor::draft::FirstFactor as Draft;
use twostep_doctor::examine;
use twostep_doctor::finding::Severity;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service as PamService;
use twostep_rehearse::{
    Case, Ended, Finding, FirstFactor, Login, LoginFault, NewFile, NotRehearsed, PROGRAM, Rehearsal, Reply,
    Request, Service, WhyNot,
};

use super::services;
use super::show::Options;
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::words::enable as words;

/// What doctor says of each change of sshd's settings, until sshd reads them.
const EXPECTED: &str = "sshd.not-reloaded";

/// Fails if the change does not do what it should, or if that could not be tried.
pub(super) fn rehearse(
    context: &Context<'_>,
    plan: &Plan,
    first: Draft,
    options: &Options,
    unrehearsed: bool,
) -> Result<(), Failure> {
    let rehearsal = match ask(&request(context, plan, first))? {
        Reply::Rehearsed(rehearsal) => rehearsal,
        Reply::NoNamespace { error } => return unless(unrehearsed, &words::no_namespace(error)),
    };
    let found = found_only_then(context, &rehearsal)?;
    if !options.is_json() {
        show(&rehearsal, &found)?;
    }
    let faults = faults(&rehearsal, &found);
    if !faults.is_empty() {
        return Err(Failure::refused(
            words::rehearsal_failed(faults.join("\n")),
            words::REHEARSAL_FAILED_THEN,
        ));
    }
    if rehearsal.not_rehearsed.is_empty() {
        return Ok(());
    }
    unless(unrehearsed, words::NOT_ALL_REHEARSED)
}

/// Nothing but a note, if the administrator goes on without a rehearsal.
fn unless(unrehearsed: bool, what: &str) -> Result<(), Failure> {
    if unrehearsed {
        note(what);
        return Ok(());
    }
    Err(Failure::refused(what, words::NOT_ALL_REHEARSED_THEN))
}

fn request(context: &Context<'_>, plan: &Plan, first: Draft) -> Request {
    let files = plan.files.iter().filter_map(|change| {
        let new = change.new.as_ref()?;
        Some(NewFile { path: change.path.clone(), text: String::from_utf8_lossy(&new.bytes).into_owned() })
    });
    let removed = plan.files.iter().filter(|change| change.new.is_none()).map(|change| change.path.clone());
    let of_sshd = services::of_sshd(context.root);
    let pam_files = Files::new(context.root);
    let has_file = |name: &&String| PamService::load(&pam_files, name).is_some();
    let services = plan.services.iter().filter(has_file).flat_map(|name| {
        let of_service = if of_sshd.contains(name) { first_factors(first) } else { &[FirstFactor::Password] };
        of_service.iter().map(|&first_factor| Service { name: name.clone(), first_factor })
    });
    let services = services.collect();
    Request { files: files.collect(), removed: removed.collect(), services }
}

/// What logins by sshd prove before the code.
const fn first_factors(first: Draft) -> &'static [FirstFactor] {
    match first {
        Draft::Password => &[FirstFactor::Password],
        Draft::Key => &[FirstFactor::Publickey],
        Draft::KeyOrPassword => &[FirstFactor::Publickey, FirstFactor::Password],
    }
}

fn ask(request: &Request) -> Result<Reply, Failure> {
    let failed = |why: String| Failure::unavailable(words::rehearsal_unavailable(PROGRAM, why), "");
    let input = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(PROGRAM);
    command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let mut stdin = child.stdin.take();
    // It says itself why it reads no further.
    let _ = stdin.as_mut().map(|stdin| stdin.write_all(&input));
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// What doctor finds after the change, and not without it.
fn found_only_then<'r>(context: &Context<'_>, rehearsal: &'r Rehearsal) -> Result<Vec<&'r Finding>, Failure> {
    let before = examine(context.root, || ())?;
    let before: BTreeSet<String> = before.findings().iter().map(|finding| finding.id.to_string()).collect();
    let is_new = |finding: &&Finding| finding.id != EXPECTED && !before.contains(&finding.id);
    Ok(rehearsal.findings.iter().filter(is_new).collect())
}

/// What is wrong with the change.
fn faults(rehearsal: &Rehearsal, found: &[&Finding]) -> Vec<String> {
    let refused =
        rehearsal.sshd.iter().filter_map(|run| Some(words::sshd_refuses(&run.command, run.error.as_ref()?)));
    let logins = rehearsal.logins.iter().filter_map(|login| Some(login_fault(login, login.fault?)));
    refused.chain(logins).chain(texts(found, Severity::Problem)).collect()
}

fn texts(found: &[&Finding], severity: Severity) -> impl Iterator<Item = String> {
    found
        .iter()
        .filter(move |finding| finding.severity == severity)
        .map(|finding| finding.text.trim_end().to_owned())
}

fn login_fault(login: &Login, fault: LoginFault) -> String {
    let fault = match fault {
        LoginFault::LetIn => words::LET_IN_WRONGLY.to_owned(),
        LoginFault::NotEnded => ended(&login.ended),
        LoginFault::CodeAskedTooEarly => words::CODE_TOO_EARLY.to_owned(),
        LoginFault::CodeNotAsked => words::CODE_NOT_ASKED.to_owned(),
        LoginFault::PasswordAsked => words::PASSWORD_ASKED.to_owned(),
        LoginFault::Refused => words::REFUSED_WRONGLY.to_owned(),
    };
    words::login_fault(&login.service, case(login), fault)
}

fn show(rehearsal: &Rehearsal, found: &[&Finding]) -> Result<(), Failure> {
    say(words::REHEARSED)?;
    for run in rehearsal.sshd.iter().filter(|run| run.error.is_none()) {
        say(&words::sshd_accepts(&run.command))?;
    }
    for login in rehearsal.logins.iter().filter(|login| login.fault.is_none()) {
        say(&words::login(&login.service, case(login), ended(&login.ended)))?;
    }
    rehearsal.left_out.iter().try_for_each(|left| say(&words::left_out(&left.service, &left.module)))?;
    rehearsal.not_rehearsed.iter().try_for_each(|left| say(&not_rehearsed(left)))?;
    texts(found, Severity::Warning).try_for_each(|warning| say(&warning))?;
    say("")
}

/// What the user of the login had and typed.
fn case(login: &Login) -> &'static str {
    use FirstFactor::{Password, Publickey};
    match (login.case, login.first_factor) {
        (Case::WrongPassword, _) => words::CASE_WRONG_PASSWORD,
        (Case::NoKey, _) => words::CASE_NO_KEY,
        (Case::WrongCode, Password) => words::CASE_WRONG_CODE,
        (Case::WrongCode, Publickey) => words::CASE_KEY_WRONG_CODE,
        (Case::NoCode, Password) => words::CASE_NO_CODE,
        (Case::NoCode, Publickey) => words::CASE_KEY_NO_CODE,
        (Case::Right, Password) => words::CASE_RIGHT,
        (Case::Right, Publickey) => words::CASE_KEY_RIGHT,
    }
}

fn ended(ended: &Ended) -> String {
    match ended {
        Ended::LetIn => words::LET_IN.to_owned(),
        Ended::Refused { text, .. } | Ended::NotStarted { text, .. } => words::refused_because(text),
        Ended::Killed { signal } => words::killed(signal),
        Ended::TooSlow { seconds } => words::too_slow(seconds),
        Ended::Exited { status } => words::exited(status),
    }
}

fn not_rehearsed(left: &NotRehearsed) -> String {
    match &left.why {
        WhyNot::Module { module, .. } => words::not_run(&left.service, module),
        WhyNot::Condition { module, .. } => words::condition(&left.service, module),
        WhyNot::NoFile | WhyNot::NotSshd => words::not_tried(&left.service),
    }
}
