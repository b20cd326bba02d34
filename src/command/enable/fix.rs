//! `twostep doctor --fix`: applies the remedies that doctor prints for problems. Files of PAM and sshd's settings change as with
//! `twostep enable`: rehearsed, and taken back unless somebody keeps them. Modes and owners change at once: they let nobody in who was
//! kept out by them, and the next run says whether they are right.

use std::path::{Path, PathBuf};
use std::process::Command;

use twostep_change::plan::Plan;
use twostep_core::os::root::Root;
use twostep_core::paths::STORE;
use twostep_doctor::context::Context;
use twostep_doctor::draft::{FirstFactor, first_factor_of};
use twostep_doctor::examine;
use twostep_doctor::finding::{Finding, Remedy, Severity};

use super::services::SSHD;
use super::show::{Options, Shown};
use super::{Change, Trust, check_nothing_waits, no_plan};
use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use crate::words::enable as words;

/// The commands that change modes and owners.
const OF_MODES: [&str; 2] = ["chmod", "chown"];
/// Where chmod and chown are looked for.
const SAFE_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Fails with status 1 if a problem is left that an administrator must fix.
pub(crate) fn run(root: Option<PathBuf>, options: &Options, trust: &Trust) -> Result<(), Failure> {
    let administrator = Administrator::new(root)?;
    let root = administrator.root();
    check_nothing_waits(&administrator)?;
    let has_changed = fix_modes(root, options)?;
    let context = Context::of(root)?;
    let report = examine(root, || ())?;
    let waits = !trust.no_revert;
    let (plan, fixed) = Plan::fix(&context, report.findings(), waits).map_err(no_plan)?;
    let is_left = |finding: &&Finding| {
        finding.severity == Severity::Problem && of_modes(finding).is_none() && !fixed.contains(finding)
    };
    let left: Vec<String> = report.findings().iter().filter(is_left).map(first_line).collect();
    let shown = Shown::new("fix", &plan);
    shown.plan(options)?;
    show(words::BY_HAND, &left)?;
    if plan.is_empty() && !has_changed {
        say(words::NOTHING_TO_FIX)?;
    } else if !plan.is_empty() && !options.is_dry_run() {
        let names: Vec<String> = plan.services.iter().cloned().collect();
        let first = first_factor_of(root, SSHD).unwrap_or(FirstFactor::Password);
        let change = Change {
            administrator: &administrator,
            context: &context,
            act: "fix",
            names: &names,
            plan: &plan,
            first,
        };
        let keepers = change.rehearse(options, trust)?;
        options.confirm()?;
        let done = change.make(&keepers, waits)?;
        shown.done(options, done.as_ref(), &change.outcome(done.as_ref()))?;
    }
    if left.is_empty() { Ok(()) } else { Err(Failure::silent()) }
}

/// Changes modes and owners, which a rehearsal needs. Returns whether there were any to change.
fn fix_modes(root: &Root, options: &Options) -> Result<bool, Failure> {
    let report = examine(root, || ())?;
    let commands: Vec<Vec<&str>> = report.findings().iter().filter_map(of_modes).collect();
    let lines: Vec<String> = commands.iter().map(|command| command.join(" ")).collect();
    show(words::AT_ONCE, &lines)?;
    if !commands.is_empty() && !options.is_dry_run() {
        options.confirm()?;
        commands.iter().try_for_each(|command| carry_out(command))?;
    }
    Ok(!commands.is_empty())
}

fn first_line(finding: &Finding) -> String {
    format!("{}: {} [{}]", finding.location, finding.what, finding.id)
}

/// The words of a command that changes the mode or the owner of the finding's file, and nothing else. Not of a file in the store: its
/// owner could put a link there meanwhile, and root would follow it.
fn of_modes(finding: &Finding) -> Option<Vec<&str>> {
    let Remedy::Run { command } = &finding.remedy else { return None };
    let words: Vec<&str> = command.split(' ').collect();
    let [program, .., file] = words.as_slice() else { return None };
    let is_safe = *file == finding.location.file && !Path::new(file).starts_with(STORE);
    (OF_MODES.contains(program) && is_safe && words.len() <= 4).then_some(words)
}

fn show(heading: &str, lines: &[String]) -> Result<(), Failure> {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    if lines.is_empty() { Ok(()) } else { say(&format!("{heading}\n{}\n", lines.join("\n"))) }
}

fn carry_out(command: &[&str]) -> Result<(), Failure> {
    let failed = |why: String| Failure::unavailable(words::command_failed(command.join(" "), why), "");
    let [program, arguments @ ..] = command else { return Ok(()) };
    let mut process = Command::new(program);
    let process = process.args(arguments).env_clear().env("PATH", SAFE_PATH);
    let done = process.output().map_err(|error| failed(error.to_string()))?;
    let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    if done.status.success() { Ok(()) } else { Err(failed(why)) }
}
