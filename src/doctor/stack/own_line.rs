//! Our own line: its control and its arguments.

use twostep_core::pam::control::{Action, Control, ReturnValue};
use twostep_core::pam::factor::SSHD_ACCEPTED;
use twostep_core::pam::walk::Handler;
use twostep_core::policy::METHODS;
use twostep_hostconf::pam::module_type::ModuleType;
use twostep_hostconf::pam::modules::REFUSALS;
use twostep_hostconf::pam::pam_line::{PamLine, written};

use super::findings::own_line::{self as findings, WrongArgument};
use super::other_modules;
use super::text::FORWARD_PASS;
use crate::finding::{Finding, Remedy};

/// The argument of a line that `twostep enable` has added and nobody has kept.
const AWAITING_KEEP: &str = "awaiting_keep";

/// The findings on the line itself. Each remedy fixes all of them.
pub(crate) fn check(line: &PamLine) -> Vec<Finding> {
    control(line).into_iter().chain(dash(line)).chain(arguments(line)).collect()
}

/// The line with its control fixed, so that the rest of the stack is judged by itself.
pub(crate) fn fixed(line: &PamLine) -> PamLine {
    let required = Control::parse("required").unwrap_or(Control::REFUSES);
    let control = if misread_answer(line).is_some() { required } else { line.control.clone() };
    PamLine { control, ..line.clone() }
}

/// The line with these arguments, a right control and no leading `-`.
pub(crate) fn rewritten<'a>(line: &'a PamLine, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let is_right = Control::parse(line.control_text()).is_ok_and(|control| misread(&control).is_none());
    let control = if is_right { line.control_word() } else { "required" };
    let module = line.words.get(2).map_or("", |word| &word.raw);
    written(line.kind.word(), control, module, arguments)
}

/// The arguments as the file has them, without the wrong ones.
pub(crate) fn right_arguments(line: &PamLine) -> Vec<&str> {
    let wrong: Vec<usize> = wrong_arguments(line).into_iter().map(|(number, _)| number).collect();
    let all = line.raw_arguments().enumerate();
    all.filter(|(number, _)| !wrong.contains(number)).map(|(_, raw)| raw).collect()
}

/// Replaces the line with a right one.
pub(crate) fn clean(line: &PamLine) -> Remedy {
    without(line, |_| false)
}

/// Replaces the line with a right one that has no argument of these either.
pub(crate) fn without(line: &PamLine, unwanted: impl Fn(&str) -> bool) -> Remedy {
    let arguments = right_arguments(line).into_iter().filter(|argument| !unwanted(argument));
    Remedy::Replace { location: line.location.clone(), text: rewritten(line, arguments) }
}

/// The findings on a line with `sshd_accepted=`. What its control does is judged with the whole stack.
pub(crate) fn check_question(line: &PamLine) -> Vec<Finding> {
    let location = || line.location.clone();
    let arguments: Vec<&str> = line.arguments().collect();
    let [method] = arguments.as_slice() else {
        let is_method = |argument: &&str| argument.starts_with(SSHD_ACCEPTED);
        let alone = line.raw_arguments().filter(is_method).take(1);
        let module = line.words.get(2).map_or("", |word| &word.raw);
        let text = written(line.kind.word(), line.control_word(), module, alone);
        let remedy = Remedy::Replace { location: location(), text };
        return vec![findings::wrong_argument(location(), &WrongArgument::NotAlone, remedy)];
    };
    let method = method.strip_prefix(SSHD_ACCEPTED).unwrap_or_default();
    let delete = || Remedy::Delete { location: location() };
    if line.kind != ModuleType::Auth {
        return vec![findings::wrong_argument(location(), &WrongArgument::AuthAlone, delete())];
    }
    if METHODS.contains(&method) {
        return Vec::new();
    }
    let (key, value) = ("sshd_accepted".to_owned(), method.to_owned());
    vec![findings::wrong_argument(location(), &WrongArgument::NoSuchMethod { key, value }, delete())]
}

fn control(line: &PamLine) -> Option<Finding> {
    let finding = match misread_answer(line)? {
        Misread::Refusal => findings::refusal_is_ignored,
        Misread::Success => findings::code_skips_lines,
        Misread::Ignore => findings::ignore_decides,
    };
    Some(finding(line, clean(line)))
}

/// The answer of twostep that the control of a line does not take as it is meant.
enum Misread {
    Refusal,
    Success,
    Ignore,
}

/// None for a control that libpam cannot read: that is another finding.
fn misread_answer(line: &PamLine) -> Option<Misread> {
    if line.handler == Handler::Broken || Control::parse(line.control_text()).is_err() {
        return None;
    }
    misread(&line.control)
}

fn misread(control: &Control) -> Option<Misread> {
    if REFUSALS.iter().any(|&no| !refuses(control.on(no))) {
        return Some(Misread::Refusal);
    }
    if matches!(control.on(ReturnValue::SUCCESS), Action::Done | Action::Jump(_)) {
        return Some(Misread::Success);
    }
    (control.on(ReturnValue::IGNORE) != Action::Ignore).then_some(Misread::Ignore)
}

fn dash(line: &PamLine) -> Option<Finding> {
    line.may_be_missing().then(|| findings::dash_hides_error(line, clean(line)))
}

/// Whether the stack fails after an error with this action. `ok` and `done` keep the error as the result of the stack, which
/// no later success replaces (pam_dispatch.c).
fn refuses(action: Action) -> bool {
    matches!(action, Action::Bad | Action::Die | Action::Ok | Action::Done)
}

/// One finding for each argument that is wrong.
fn arguments(line: &PamLine) -> Vec<Finding> {
    let location = || line.location.clone();
    let finding = |fault: Fault| match fault {
        Fault::Wrong(wrong) => findings::wrong_argument(location(), &wrong, clean(line)),
        Fault::ForTests(folder) => findings::argument_for_tests(location(), &folder, clean(line)),
    };
    wrong_arguments(line).into_iter().map(|(_, fault)| finding(fault)).collect()
}

enum Fault {
    Wrong(WrongArgument),
    /// `root=` with this value.
    ForTests(String),
}

/// The fault of each wrong argument, by its index.
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

/// The fault of an argument that follows those with the keys `seen`.
fn argument_fault(argument: &str, seen: &[&str]) -> Option<Fault> {
    let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
    match key {
        "first_factor" | FORWARD_PASS | AWAITING_KEEP if seen.contains(&key) => {
            Some(Fault::Wrong(WrongArgument::Twice(key.to_owned())))
        }
        "first_factor" if value != "any" && !METHODS.contains(&value) => {
            let (key, value) = (key.to_owned(), value.to_owned());
            Some(Fault::Wrong(WrongArgument::NoSuchMethod { key, value }))
        }
        "root" => Some(Fault::ForTests(value.to_owned())),
        "first_factor" => None,
        FORWARD_PASS if argument == FORWARD_PASS => None,
        AWAITING_KEEP if argument == AWAITING_KEEP => None,
        _ => {
            let instead = other_modules::instead_of(argument);
            Some(Fault::Wrong(WrongArgument::Unknown { argument: argument.to_owned(), instead }))
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

    /// The line, as from a file.
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
    fn fixes_whole_line_with_one_remedy() {
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
    fn judges_argument_of_question_to_sshd() {
        let table = [
            ("auth [cred_unavail=2 default=ignore] pam_twostep.so sshd_accepted=publickey", None),
            ("auth [cred_unavail=2 default=ignore] pam_twostep.so sshd_accepted=key", Some("delete")),
            ("account required pam_twostep.so sshd_accepted=publickey", Some("delete")),
            (
                "auth [cred_unavail=2 default=ignore] pam_twostep.so root=/x sshd_accepted=publickey",
                Some("auth       [cred_unavail=2 default=ignore] pam_twostep.so sshd_accepted=publickey\n"),
            ),
        ];
        for (text, expected) in table {
            let findings = check_question(&line(text));
            let remedy = findings.first().map(|finding| match finding.remedy.deletes() {
                Some(_) => "delete".to_owned(),
                None => finding
                    .remedy
                    .changes(|_| Some(text.to_owned()))
                    .unwrap()
                    .remove("/etc/pam.d/sshd")
                    .unwrap(),
            });
            assert_eq!(remedy.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn keeps_right_parts_of_line() {
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
