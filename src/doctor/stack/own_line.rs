//! Our own line: its control and its arguments.

use twostep_core::pam::control::{Action, Control, ReturnValue};
use twostep_core::pam::other_modules;
use twostep_core::pam::walk::Handler;
use twostep_core::policy::METHODS;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::REFUSALS;
use twostep_hostconf::pam::pam_line::{PamLine, written};

use crate::finding::{Finding, Remedy};

/// The argument with which our line asks for the password, too, and stands before the lines that check it.
pub(crate) const FORWARD_PASS: &str = "forward_pass";

/// What is wrong with the line itself.
pub(crate) fn check(line: &PamLine) -> Vec<Finding> {
    [control(line), dash(line), arguments(line)].into_iter().flatten().collect()
}

/// The line as it is once its control is mended, so that the rest of the stack is judged by itself.
pub(crate) fn mended(line: &PamLine) -> PamLine {
    let mended = Control::parse("required").unwrap_or(Control::REFUSES);
    let control = if control(line).is_some() { mended } else { line.control.clone() };
    PamLine { control, ..line.clone() }
}

fn control(line: &PamLine) -> Option<Finding> {
    let (what, why) = misunderstanding(line)?;
    let what = format!("{what}: the control is {}", line.control_word());
    let remedy = Remedy::Replace { location: line.location.clone(), text: line.with_control("required") };
    Some(Finding::problem(line.location.clone(), what, why, remedy))
}

/// Which answer of twostep's is not taken as it is meant, and what follows. A control that libpam cannot read is a fault of
/// its own.
fn misunderstanding(line: &PamLine) -> Option<(&'static str, &'static str)> {
    if line.handler == Handler::Broken || Control::parse(&line.words.get(1)?.text).is_err() {
        return None;
    }
    if REFUSALS.iter().any(|&no| !refuses(line.control.on(no))) {
        return Some((
            "a refusal of twostep is ignored",
            match line.kind {
                ModuleType::Account => {
                    "Who came around the code, or whose enrollment was not stored, gets in all the same."
                }
                ModuleType::Auth | ModuleType::Password | ModuleType::Session => {
                    "Who types a wrong code, or none, gets in all the same."
                }
            },
        ));
    }
    if matches!(line.control.on(ReturnValue::SUCCESS), Action::Done | Action::Jump(_)) {
        return Some(("a right code skips what follows", "What the lines below check is not checked."));
    }
    (line.control.on(ReturnValue::IGNORE) != Action::Ignore).then_some((
        "'nothing to ask' counts as an answer",
        "twostep says nothing of people who are exempt or not enrolled. Here that decides about them.",
    ))
}

fn dash(line: &PamLine) -> Option<Finding> {
    let kind = line.kind.word();
    let (control, module) = (line.control_word(), line.words.get(2).map_or("", |word| &word.raw));
    let text = written(kind, control, module, line.raw_arguments());
    let what = format!("the line begins with '-{kind}'");
    let why = "Where the file of the module is missing, libpam passes over such a line without a word: nobody is asked.";
    let remedy = Remedy::Replace { location: line.location.clone(), text };
    line.may_be_missing().then(|| Finding::problem(line.location.clone(), what, why, remedy))
}

fn refuses(action: Action) -> bool {
    matches!(action, Action::Bad | Action::Die)
}

/// The first argument that is wrong: with it, twostep refuses everybody.
fn arguments(line: &PamLine) -> Option<Finding> {
    let mut seen = Vec::new();
    for (number, argument) in line.arguments().enumerate() {
        let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
        let wrong = match key {
            "root" | "first_factor" | FORWARD_PASS if seen.contains(&key) => {
                format!("the argument {key} is given twice")
            }
            "first_factor" if value != "any" && !METHODS.contains(&value) => {
                format!("first_factor cannot be '{}'", value)
            }
            "root" => return Some(root(line, number, value)),
            "first_factor" | FORWARD_PASS if key != FORWARD_PASS || argument == FORWARD_PASS => {
                seen.push(key);
                continue;
            }
            _ => {
                let instead = other_modules::instead_of(argument);
                let instead = instead.map_or_else(String::new, |advice| format!(": {advice}"));
                format!("twostep does not know the argument '{argument}'{instead}")
            }
        };
        let why = "twostep refuses everybody rather than guess what is meant.";
        return Some(Finding::problem(line.location.clone(), wrong, why, without(line, number)));
    }
    None
}

fn root(line: &PamLine, number: usize, value: &str) -> Finding {
    let what = format!("root={} is an argument for tests", value);
    let why = "Policy, people and lockouts are those below that directory, and not this machine's.";
    Finding::warning(line.location.clone(), what, why, without(line, number))
}

/// The line without one of its arguments.
pub(crate) fn without(line: &PamLine, number: usize) -> Remedy {
    let rest = line.raw_arguments().enumerate().filter(|&(at, _)| at != number).map(|(_, raw)| raw);
    let module = line.words.get(2).map_or("", |word| &word.raw);
    Remedy::Replace {
        location: line.location.clone(),
        text: line.rewritten(line.control_word(), module, rest),
    }
}
