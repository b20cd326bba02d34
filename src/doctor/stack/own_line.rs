//! Our own line: its control and its arguments.

use twostep_core::pam::control::{Action, Control, ReturnValue};
use twostep_core::pam::walk::Handler;
use twostep_core::policy::METHODS;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::REFUSALS;
use twostep_hostconf::pam::pam_line::{PamLine, written};

use super::other_modules;
use super::text::FORWARD_PASS;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// What is wrong with the line itself. Each remedy mends all of it.
pub(crate) fn check(line: &PamLine) -> Vec<Finding> {
    control(line).into_iter().chain(dash(line)).chain(arguments(line)).collect()
}

/// The line as it is once its control is mended, so that the rest of the stack is judged by itself.
pub(crate) fn mended(line: &PamLine) -> PamLine {
    let mended = Control::parse("required").unwrap_or(Control::REFUSES);
    let control = if misunderstanding(line).is_some() { mended } else { line.control.clone() };
    PamLine { control, ..line.clone() }
}

/// The line written anew with these arguments, its control mended, and not to be passed over.
pub(crate) fn anew<'a>(line: &'a PamLine, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let is_right =
        Control::parse(line.control_text()).is_ok_and(|control| misread(line.kind, &control).is_none());
    let control = if is_right { line.control_word() } else { "required" };
    let module = line.words.get(2).map_or("", |word| &word.raw);
    written(line.kind.word(), control, module, arguments)
}

/// The arguments as they stand in the file, without those that are wrong.
pub(crate) fn right_arguments(line: &PamLine) -> Vec<&str> {
    let wrong: Vec<usize> = wrong_arguments(line).into_iter().map(|(number, _)| number).collect();
    let all = line.raw_arguments().enumerate();
    all.filter(|(number, _)| !wrong.contains(number)).map(|(_, raw)| raw).collect()
}

/// The line without anything that is wrong with it.
pub(crate) fn clean(line: &PamLine) -> Remedy {
    without(line, |_| false)
}

/// The line without those of its arguments, too.
pub(crate) fn without(line: &PamLine, unwanted: impl Fn(&str) -> bool) -> Remedy {
    let arguments = right_arguments(line).into_iter().filter(|argument| !unwanted(argument));
    Remedy::Replace { location: line.location.clone(), text: anew(line, arguments) }
}

fn control(line: &PamLine) -> Option<Finding> {
    let (id, what, why) = misunderstanding(line)?;
    let what = format!("{what}: the control is {}", line.control_word());
    Some(Finding::problem(id, line.location.clone(), what, why, clean(line)))
}

/// Which answer of twostep's is not taken as it is meant, and what follows. A control that libpam cannot read is a fault of
/// its own.
fn misunderstanding(line: &PamLine) -> Option<(Id, &'static str, &'static str)> {
    if line.handler == Handler::Broken || Control::parse(line.control_text()).is_err() {
        return None;
    }
    misread(line.kind, &line.control)
}

fn misread(kind: ModuleType, control: &Control) -> Option<(Id, &'static str, &'static str)> {
    if REFUSALS.iter().any(|&no| !refuses(control.on(no))) {
        return Some((
            Id::PamRefusalIsIgnored,
            "a refusal of twostep is ignored",
            match kind {
                ModuleType::Account => {
                    "Who came around the code, or whose enrollment was not stored, gets in all the same."
                }
                ModuleType::Auth | ModuleType::Password | ModuleType::Session => {
                    "Who types a wrong code, or none, gets in all the same."
                }
            },
        ));
    }
    if matches!(control.on(ReturnValue::SUCCESS), Action::Done | Action::Jump(_)) {
        return Some((
            Id::PamCodeSkipsLines,
            "a right code skips what follows",
            "What the lines below check is not checked.",
        ));
    }
    (control.on(ReturnValue::IGNORE) != Action::Ignore).then_some((
        Id::PamIgnoreDecides,
        "'nothing to ask' counts as an answer",
        "twostep says nothing of people who are exempt or not enrolled. Here that decides about them.",
    ))
}

fn dash(line: &PamLine) -> Option<Finding> {
    let what = format!("the line begins with '-{}'", line.kind.word());
    let why =
        "If the file of the module is missing, libpam refuses everybody all the same, and does not log why.";
    line.may_be_missing()
        .then(|| Finding::warning(Id::PamDashHidesError, line.location.clone(), what, why, clean(line)))
}

fn refuses(action: Action) -> bool {
    matches!(action, Action::Bad | Action::Die)
}

/// Each argument that is wrong: with it, twostep refuses everybody.
fn arguments(line: &PamLine) -> Vec<Finding> {
    let finding = |fault: Fault| match fault {
        Fault::Refused(what) => Finding::problem(
            Id::PamWrongArgument,
            line.location.clone(),
            what,
            "twostep refuses everybody rather than guess what is meant.",
            clean(line),
        ),
        Fault::ForTests(value) => Finding::warning(
            Id::PamArgumentForTests,
            line.location.clone(),
            format!("root={value} is an argument for tests"),
            "Policy, people and lockouts are those below that directory, and not this machine's.",
            clean(line),
        ),
    };
    wrong_arguments(line).into_iter().map(|(_, fault)| finding(fault)).collect()
}

enum Fault {
    Refused(String),
    ForTests(String),
}

/// What is wrong with each argument, by its number.
fn wrong_arguments(line: &PamLine) -> Vec<(usize, Fault)> {
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    for (number, argument) in line.arguments().enumerate() {
        match argument_fault(argument, &seen) {
            Some(fault) => wrong.push((number, fault)),
            None => seen.push(argument.split_once('=').map_or(argument, |(key, _)| key)),
        }
    }
    wrong
}

/// What is wrong with an argument behind those whose keys were `seen`.
fn argument_fault(argument: &str, seen: &[&str]) -> Option<Fault> {
    let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
    match key {
        "first_factor" | FORWARD_PASS if seen.contains(&key) => {
            Some(Fault::Refused(format!("the argument {key} is given twice")))
        }
        "first_factor" if value != "any" && !METHODS.contains(&value) => {
            Some(Fault::Refused(format!("first_factor cannot be '{value}'")))
        }
        "root" => Some(Fault::ForTests(value.to_owned())),
        "first_factor" => None,
        FORWARD_PASS if argument == FORWARD_PASS => None,
        _ => {
            let instead = other_modules::instead_of(argument);
            let instead = instead.map_or_else(String::new, |advice| format!(": {advice}"));
            Some(Fault::Refused(format!("twostep does not know the argument '{argument}'{instead}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::pam::line::words;
    use twostep_hostconf::location::Location;

    use super::*;

    const CONTROLS: [&str; 7] = [
        "required",
        "requisite",
        "optional",
        "SUFFICIENT",
        "[success=1 default=bad]",
        "[default=ok]",
        "requierd",
    ];
    const ARGUMENTS: [&str; 9] = [
        "nullok",
        "try_first_pass",
        "secret=/x/${USER}",
        "[grace_period=60]",
        "root=/srv",
        "first_factor=key",
        "first_factor=publickey",
        "forward_pass",
        "forward_pass=yes",
    ];

    /// The line as it stands in a file.
    fn line(text: &str) -> PamLine {
        let words = words(text);
        let control = Control::parse(&words[1].text).unwrap_or(Control::REFUSES);
        let kind = ModuleType::parse(words[0].text.trim_start_matches('-')).unwrap();
        let location = Location::line("/etc/pam.d/sshd", 1);
        PamLine { location, trail: Vec::new(), level: 0, kind, handler: Handler::Module, control, words }
    }

    /// Lines with every control, and two arguments, one of them given twice.
    fn lines() -> Vec<PamLine> {
        let mut lines = Vec::new();
        for kind in ["auth", "-auth", "account"] {
            for (control, one) in CONTROLS.iter().flat_map(|control| ARGUMENTS.map(|one| (control, one))) {
                let text = |two| format!("{kind} {control} pam_twostep.so {one} {two} {one}");
                lines.extend(ARGUMENTS.map(|two| line(&text(two))));
            }
        }
        lines
    }

    #[test]
    fn one_remedy_mends_all_of_a_line() {
        for wrong in lines() {
            let Remedy::Replace { text, .. } = clean(&wrong) else { panic!("not replaced") };
            let right = line(&text);
            assert!(check(&right).is_empty(), "{:?}: {text}", wrong.words);
            assert!(Control::parse(right.control_text()).is_ok(), "{text}");
            for finding in check(&wrong) {
                assert_eq!(finding.remedy, clean(&wrong));
            }
        }
    }

    #[test]
    fn keeps_what_is_right_of_a_line() {
        let table = [
            (
                "auth optional pam_twostep.so nullok first_factor=publickey",
                "auth       required     pam_twostep.so first_factor=publickey",
            ),
            ("-auth requisite pam_twostep.so", "auth       requisite    pam_twostep.so"),
            (
                "auth required /x/pam_twostep.so a forward_pass b forward_pass",
                "auth       required     /x/pam_twostep.so forward_pass",
            ),
        ];
        for (wrong, right) in table {
            let Remedy::Replace { text, .. } = clean(&line(wrong)) else { panic!("not replaced") };
            assert_eq!(text, right, "{wrong}");
        }
    }
}
