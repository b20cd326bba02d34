//! Concurrent events, each in a separate process. In some order the model must give the same results, with every counted
//! failure, and the stored record. So no step and no recovery code is accepted twice, no right one is lost, and no more
//! tries are compared than allowed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use twostep_tests::drive::{Report, release_together_after};
use twostep_tests::pam::PAM_SUCCESS;

use crate::reference::{ModelUser, Proved, Rules, Typed, Word};
use crate::site::{self, Say, Site, USERS, code_of, end_of, is_asked_again};

/// One process. Its user types `says` if asked for a code, and `words` if asked to enroll.
#[derive(Clone, Debug)]
struct Visitor {
    says: [Say; 2],
    words: Vec<Word>,
}

/// A concurrent act of an administrator.
#[derive(Clone, Copy, Debug)]
enum Command {
    Unlock,
    Reset,
    EnrollAtOnce,
}

impl Command {
    fn events(self, status: i32) -> Vec<Event> {
        match self {
            Self::EnrollAtOnce => vec![Event::Created(0), Event::Done(self, status)],
            Self::Unlock | Self::Reset => vec![Event::Done(self, status)],
        }
    }
}

/// The seconds since the last crowd, the logins, and the act of an administrator.
type Crowd = (i64, Vec<Visitor>, Option<Command>);

fn crowds() -> impl Strategy<Value = Crowd> {
    // Few different answers, so that processes compete for the same step and the same recovery code.
    let say = prop_oneof![
        4 => (-1..=1i64).prop_map(Say::Code),
        2 => (0..2usize).prop_map(Say::Recovery),
        2 => Just(Say::Wrong),
        1 => site::says(),
    ];
    let visitor = ([say.clone(), say], site::dialogues()).prop_map(|(says, words)| Visitor { says, words });
    let command = prop_oneof![Just(Command::Unlock), Just(Command::Reset), Just(Command::EnrollAtOnce)];
    (0..100i64, prop::collection::vec(visitor, 2..8), prop::option::weighted(0.4, command))
}

/// An atomic event, and its observed end.
enum Event {
    /// An answer, its end, and the number of failures in the log line, if it has one.
    Answer(Typed, &'static str, Option<u16>),
    /// A missing state is created with this mark.
    Created(i64),
    Enrolled(Proved, &'static str),
    Done(Command, i32),
}

impl Event {
    /// Whether the model gives the same result.
    fn matches_model(&self, model: &mut ModelUser, now: i64, rules: &Rules) -> bool {
        match self {
            Self::Answer(typed, end, failures) => {
                let (codes, recoveries) = (model.codes, model.recoveries);
                let same = model.judge(typed, now, rules) == *end;
                let counted = match typed {
                    Typed::Code(_) => codes + 1,
                    _ => recoveries + 1,
                };
                same && failures.is_none_or(|failures| failures == counted)
            }
            Self::Created(mark) => {
                model.create(*mark);
                true
            }
            Self::Enrolled(proved, end) => model.enroll(proved, now) == *end,
            Self::Done(Command::Unlock, status) => model.unlock(now) == *status,
            Self::Done(Command::Reset, status) => model.reset() == *status,
            Self::Done(Command::EnrollAtOnce, status) => model.enroll_at_once(now, rules) == *status,
        }
    }
}

impl Site {
    /// Runs all processes at once, and checks that some order explains the stored record. The model takes that record over.
    fn check_crowd(&mut self, (later, visitors, command): &Crowd) -> Result<(), TestCaseError> {
        self.now += later;
        let before = self.users[0].clone();
        let (reports, status) = self.run_crowd(visitors, *command);
        let mut processes: Vec<Vec<Event>> = Vec::new();
        for (visitor, report) in visitors.iter().zip(&reports) {
            processes.push(self.events(visitor, report)?);
        }
        processes.extend(status.map(|(command, status)| command.events(status)));
        let after = self.stored(USERS[0]);
        let waiting: Vec<&[Event]> = processes.iter().map(Vec::as_slice).collect();
        prop_assert!(
            self.is_explained(&before, &waiting, &after, &mut HashSet::new()),
            "no order explains\n{before:#?}\n{after:#?}\n{status:?} {reports:#?}"
        );
        self.users[0] = after;
        Ok(())
    }

    fn run_crowd(
        &self,
        visitors: &[Visitor],
        command: Option<Command>,
    ) -> (Vec<Report>, Option<(Command, i32)>) {
        let logins = visitors.iter().map(|visitor| {
            if self.users[0].enrolled {
                self.login(0).answers(visitor.says.iter().map(|say| self.typed(0, say).0))
            } else {
                // One more answer, so that every process waits at a prompt.
                let answers = self.words(0, &visitor.words, false).0;
                self.login(0).answers(answers.into_iter().chain([String::new()]))
            }
        });
        thread::scope(|scope| {
            let mut running = None;
            let reports = release_together_after(logins, |_| {
                running =
                    command.map(|command| (command, scope.spawn(move || self.run_crowd_command(command))));
            });
            (reports, running.map(|(command, thread)| (command, thread.join().unwrap())))
        })
    }

    fn run_crowd_command(&self, command: Command) -> i32 {
        let words = match command {
            Command::Unlock => &["unlock", USERS[0]][..],
            Command::Reset => &["reset", USERS[0]],
            Command::EnrollAtOnce => &["enroll", "--json", "--user", USERS[0]],
        };
        self.command(0, words, &[])
    }

    /// The events that a process reported.
    fn events(&mut self, visitor: &Visitor, report: &Report) -> Result<Vec<Event>, TestCaseError> {
        let ends: Vec<&'static str> = report.log.iter().map(|line| known(end_of(line))).collect();
        self.seen.extend(&ends);
        let last = *ends.last().expect("a line in the log");
        if self.users[0].enrolled {
            prop_assert_eq!(report.code, Some(code_of(last)), "{:#?}", report);
            prop_assert_eq!(ends.len(), 1 + usize::from(is_asked_again(ends[0])), "{:#?}", report);
            let failures = report.log.iter().map(|line| line.field("failures")?.parse().ok());
            let typed = visitor.says.iter().map(|say| self.typed(0, say).1);
            let answers = typed.zip(ends).zip(failures);
            return Ok(answers.map(|((typed, end), failures)| Event::Answer(typed, end, failures)).collect());
        }
        let (_, mut words) = self.words(0, &visitor.words, false);
        words.push(Word::WrongCode);
        // A dialogue without a ticket changes nothing, so only its end is an event.
        match self.users[0].clone().prove(&words, self.now, &self.rules, false) {
            Ok(proved) => {
                let code = code_of(last);
                prop_assert_eq!(report.code == Some(PAM_SUCCESS), code == PAM_SUCCESS, "{:#?}", report);
                Ok(vec![Event::Created(proved.mark), Event::Enrolled(proved, last)])
            }
            Err(end) => {
                prop_assert_eq!((report.code, last), (Some(code_of(end)), end), "{:#?}", report);
                Ok(Vec::new())
            }
        }
    }

    /// Whether some order of the remaining events leads from `model` to `after`. The entries of `tried` do not.
    fn is_explained(
        &self,
        model: &ModelUser,
        waiting: &[&[Event]],
        after: &ModelUser,
        tried: &mut HashSet<(Vec<usize>, ModelUser)>,
    ) -> bool {
        if waiting.iter().all(|events| events.is_empty()) {
            return model == after;
        }
        if !tried.insert((waiting.iter().map(|events| events.len()).collect(), model.clone())) {
            return false;
        }
        (0..waiting.len()).any(|process| {
            let Some((event, rest)) = waiting[process].split_first() else { return false };
            let (mut model, mut waiting) = (model.clone(), waiting.to_vec());
            waiting[process] = rest;
            event.matches_model(&mut model, self.now, &self.rules)
                && self.is_explained(&model, &waiting, after, tried)
        })
    }
}

/// Ends that must occur, or the crowds would show little.
const ENDS: [&str; 8] = [
    "grant",
    "wrong-code",
    "replayed",
    "locked",
    "wrong-recovery-code",
    "enrolling",
    "enrolled",
    "enrolled-meanwhile",
];
const OTHER_ENDS: [&str; 6] =
    ["not-a-code", "disabled", "recovery-disabled", "clock-anomaly", "not-enrolled", "conversation"];

fn known(end: &str) -> &'static str {
    ENDS.iter().chain(&OTHER_ENDS).find(|known| **known == end).unwrap_or_else(|| panic!("an end {end:?}"))
}

#[test]
fn explains_concurrent_events_by_some_order() {
    let rules = site::rules().prop_map(|rules| Rules { mandatory: true, ticket: false, ..rules });
    let initial_states = site::initial_states();
    let seen = RefCell::new(BTreeMap::new());
    let cases = (rules, initial_states, prop::collection::vec(crowds(), 1..5));
    let result = TestRunner::new(site::config(40)).run(&cases, |(rules, standing, crowds)| {
        let mut site = Site::new(rules, &[standing]);
        for crowd in &crowds {
            site.check_crowd(crowd)?;
        }
        site.seen.into_iter().for_each(|end| *seen.borrow_mut().entry(end).or_insert(0) += 1);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!("{:?}", seen.borrow());
    assert!(ENDS.iter().all(|end| seen.borrow().contains_key(end)), "{seen:?}");
}
