//! All ways through a stack, and what happens on each.

use std::collections::BTreeSet;

use twostep_core::pam::control::{Action, ReturnValue};
use twostep_core::pam::factor::is_known_factor;
use twostep_core::pam::walk::{Handler, Walk};

use super::modules::{Role, Scenario, answers, unusual};
use super::pam_line::PamLine;

/// More than any real stack needs.
const MOST_STEPS: usize = 200_000;

/// The facts of a path up to a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Facts {
    /// A first factor was right.
    pub proved: bool,
    /// Root called, and that was enough for a line.
    pub is_root: bool,
    /// twostep was asked on this way.
    pub asked: bool,
    /// The line that went around twostep.
    pub went_around: Option<usize>,
    /// The last line that went around a first factor or a line that refuses, without being a first factor itself.
    pub went_past: Option<usize>,
}

/// A way that has come to twostep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// What happened before that.
    pub facts: Facts,
    /// Whether the login is refused already.
    pub refused: bool,
}

/// All ways through a stack, and what happens on them.
#[derive(Default)]
pub struct Ways {
    /// How each comes to twostep.
    pub arrivals: Vec<Arrival>,
    /// What happened on each that lets in.
    pub successes: Vec<Facts>,
    /// Whether they were too many to follow.
    pub too_many: bool,
}

impl Ways {
    /// The ways through `stack`.
    pub fn through(stack: &[PamLine], scenario: Scenario) -> Self {
        let mut ways = Self::default();
        let mut seen = BTreeSet::new();
        let mut open = vec![(Walk::start(), Facts::default())];
        while let Some((walk, facts)) = open.pop() {
            if !seen.insert((walk.clone(), facts)) {
                continue;
            }
            if seen.len() > MOST_STEPS {
                ways.too_many = true;
                return ways;
            }
            match stack.get(walk.next()) {
                Some(line) => open.extend(ways.on(stack, line, scenario, &walk, facts)),
                None => ways.end(&walk, facts),
            }
        }
        ways
    }

    fn end(&mut self, walk: &Walk, facts: Facts) {
        // An expired password lets in: the application has it changed, and goes on.
        if [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD].contains(&walk.outcome())
            && !walk.is_refused()
        {
            self.successes.push(facts);
        }
    }

    fn on(
        &mut self,
        stack: &[PamLine],
        line: &PamLine,
        scenario: Scenario,
        walk: &Walk,
        facts: Facts,
    ) -> Vec<(Walk, Facts)> {
        if line.is_ours() {
            self.arrivals.push(Arrival { facts, refused: walk.is_refused() });
        }
        let mut all = match line.handler {
            Handler::Module => answers(line.role(), line.kind, scenario).to_vec(),
            Handler::Substack | Handler::Broken => vec![ReturnValue::PERM_DENIED],
        };
        if line.handler == Handler::Module {
            let is_other_known = stack.iter().any(|other| is_known_factor(other.module()));
            let arguments: Vec<&str> = line.arguments().collect();
            all.extend(unusual(
                line.kind,
                line.role(),
                line.module(),
                &arguments,
                &line.control,
                scenario,
                is_other_known,
            ));
        }
        let step = |answer: ReturnValue| {
            let after = walk.step(stack, answer);
            let facts = facts.after(stack, line, answer, walk.next(), after.next());
            (after, facts)
        };
        all.into_iter().map(step).collect()
    }
}

impl Facts {
    /// What is known after the line number `here`, if the next is number `next`.
    fn after(
        mut self,
        stack: &[PamLine],
        line: &PamLine,
        answer: ReturnValue,
        here: usize,
        next: usize,
    ) -> Self {
        let role = if line.handler == Handler::Module { line.role() } else { Role::Quiet };
        self.asked |= line.is_ours();
        self.proved |= role.proves(answer);
        self.is_root |= role == Role::Root && answer == ReturnValue::SUCCESS;
        let skipped = stack.get(here.saturating_add(1)..next).unwrap_or_default();
        let lets_through = !matches!(line.control.on(answer), Action::Die);
        if lets_through && skipped.iter().any(PamLine::is_ours) {
            self.went_around = Some(here);
        }
        let guards = |line: &PamLine| line.role().is_factor() || line.role() == Role::Deny;
        let is_of_factor = role.is_factor() || role.proves(answer);
        if lets_through && !is_of_factor && skipped.iter().any(guards) {
            self.went_past = Some(here);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::pam::control::Control;
    use twostep_core::pam::line::words;

    use super::super::module_type::ModuleType;
    use super::*;
    use crate::location::Location;

    /// Lines of one file, separated by semicolons.
    fn stack(text: &str) -> Vec<PamLine> {
        let line = |(at, text): (usize, &str)| {
            let words = words(&format!("auth {text}"));
            let control = Control::parse(&words[1].text).unwrap();
            let location = Location::line("/etc/pam.d/sshd", at);
            PamLine {
                location,
                trail: vec![],
                level: 0,
                kind: ModuleType::Auth,
                handler: Handler::Module,
                control,
                words,
            }
        };
        (1..).zip(text.split(';')).map(line).collect()
    }

    #[test]
    fn each_layout_asks_whom_it_should() {
        const KEY: &str = "pam_twostep sshd_accepted=publickey";
        const CHECK: &str = "[success=1 default=ignore] pam_unix; requisite pam_deny; required pam_permit";
        let table = [
            // lines                                          all asked  wrong comes  exempt get in
            (format!("{CHECK}; required pam_twostep"), true, false, true),
            (format!("required pam_twostep; {CHECK}"), true, true, true),
            ("required pam_unix; required pam_twostep".to_owned(), true, true, true),
            ("requisite pam_unix; required pam_twostep".to_owned(), true, false, true),
            ("sufficient pam_unix; required pam_twostep".to_owned(), false, true, false),
            ("[success=1 default=die] pam_unix; required pam_deny; required pam_twostep".to_owned(), true, false, false),
            ("[success=2 default=die] pam_unix; optional pam_env; required pam_twostep; required pam_permit".to_owned(), false, false, false),
            ("requisite pam_unix; [default=1] pam_time; required pam_twostep; optional pam_env".to_owned(), false, false, false),
            ("required pam_twostep first_factor=publickey".to_owned(), true, true, false),
            (format!("[cred_unavail=2 default=ignore] {KEY}; {CHECK}; required pam_twostep"), true, false, true),
            (format!("[cred_unavail=3 default=ignore] {KEY}; {CHECK}; required pam_twostep"), true, false, true),
            (format!("[cred_unavail=4 default=ignore] {KEY}; {CHECK}; required pam_twostep; required pam_permit"), false, false, true),
            (format!("[cred_unavail=2 default=2] {KEY}; {CHECK}; required pam_twostep"), true, true, true),
            (format!("[default=ignore] {KEY}; required pam_twostep"), true, true, false),
        ];
        for (lines, all_asked, wrong_comes, exempt) in table {
            let entries = stack(&lines);
            let all = Ways::through(&entries, Scenario::Anything);
            let wrong = Ways::through(&entries, Scenario::WrongFactor);
            let none = Ways::through(&entries, Scenario::Exempt);
            assert_eq!(all.successes.iter().all(|facts| facts.asked), all_asked, "asked: {lines}");
            assert_eq!(!wrong.arrivals.is_empty(), wrong_comes, "wrong: {lines}");
            assert_eq!(none.successes.iter().any(|facts| facts.asked), exempt, "exempt: {lines}");
        }
    }

    #[test]
    fn a_stack_of_hundreds_of_jumps_is_followed_all_the_same() {
        let line = "[success=3 auth_err=7 ignore=1 perm_denied=11] pam_succeed_if;";
        let ways =
            Ways::through(&stack(&format!("{}required pam_twostep", line.repeat(400))), Scenario::Anything);
        assert!(!ways.too_many && !ways.arrivals.is_empty());
    }
}
