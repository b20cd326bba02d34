//! Many things at once, each in a process of its own: there must be an order in which the model does the same, to the last
//! failure counted, and is left with what is stored. So no step and no recovery code gets in twice, none that is right is
//! lost, and not one try more is evaluated than is allowed.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use twostep_tests::drive::{Report, release_together_after};
use twostep_tests::pam::PAM_SUCCESS;

use crate::reference::{Person, Proved, Rules, Typed, Word};
use crate::site::{self, PEOPLE, Say, Site, code_of, end_of, is_asked_again};

/// One process. Who is asked for a code types the one, and who is to enroll the other.
#[derive(Clone, Debug)]
struct Visitor {
    says: [Say; 2],
    words: Vec<Word>,
}

/// What an administrator does meanwhile.
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

/// So many seconds after the last time.
type Crowd = (i64, Vec<Visitor>, Option<Command>);

fn crowds() -> impl Strategy<Value = Crowd> {
    // Few different answers, so that processes contend for the same step and the same recovery code.
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

/// Something that happens at one moment, and how it was seen to end.
enum Event {
    /// An answer, and the count of failures that the log gives, if it gives one.
    Answer(Typed, &'static str, Option<u16>),
    /// A state, with this mark where there is none.
    Created(i64),
    Enrolled(Proved, &'static str),
    Done(Command, i32),
}

impl Event {
    /// Whether the model does the same.
    fn is_what_happens(&self, person: &mut Person, now: i64, rules: &Rules) -> bool {
        match self {
            Self::Answer(typed, end, failures) => {
                let (codes, recoveries) = (person.codes, person.recoveries);
                let same = person.judge(typed, now, rules) == *end;
                let counted = match typed {
                    Typed::Code(_) => codes + 1,
                    _ => recoveries + 1,
                };
                same && failures.is_none_or(|failures| failures == counted)
            }
            Self::Created(mark) => {
                person.create(*mark);
                true
            }
            Self::Enrolled(proved, end) => person.enroll(proved, now) == *end,
            Self::Done(Command::Unlock, status) => person.unlock(now) == *status,
            Self::Done(Command::Reset, status) => person.reset() == *status,
            Self::Done(Command::EnrollAtOnce, status) => person.enroll_at_once(now, rules) == *status,
        }
    }
}

impl Site {
    /// Everybody at once; then what is stored must be explained. The model goes on from there.
    fn comes(&mut self, (later, visitors, command): &Crowd) -> Result<(), TestCaseError> {
        self.now += later;
        let before = self.people[0].clone();
        let (reports, status) = self.let_in(visitors, *command);
        let mut processes: Vec<Vec<Event>> = Vec::new();
        for (visitor, report) in visitors.iter().zip(&reports) {
            processes.push(self.events(visitor, report)?);
        }
        processes.extend(status.map(|(command, status)| command.events(status)));
        let after = self.stored(PEOPLE[0]);
        let waiting: Vec<&[Event]> = processes.iter().map(Vec::as_slice).collect();
        prop_assert!(
            self.is_explained(&before, &waiting, &after, &mut HashSet::new()),
            "no order explains\n{before:#?}\n{after:#?}\n{status:?} {reports:#?}"
        );
        self.people[0] = after;
        Ok(())
    }

    fn let_in(
        &self,
        visitors: &[Visitor],
        command: Option<Command>,
    ) -> (Vec<Report>, Option<(Command, i32)>) {
        let logins = visitors.iter().map(|visitor| {
            if self.people[0].enrolled {
                self.login(0).answers(visitor.says.iter().map(|say| self.typed(0, say).0))
            } else {
                // So that everybody is asked something.
                let answers = self.words(0, &visitor.words, false).0;
                self.login(0).answers(answers.into_iter().chain([String::new()]))
            }
        });
        thread::scope(|scope| {
            let mut running = None;
            let reports = release_together_after(logins, |_| {
                running = command.map(|command| (command, scope.spawn(move || self.runs(command))));
            });
            (reports, running.map(|(command, thread)| (command, thread.join().unwrap())))
        })
    }

    fn runs(&self, command: Command) -> i32 {
        let words = match command {
            Command::Unlock => &["unlock", PEOPLE[0]][..],
            Command::Reset => &["reset", PEOPLE[0]],
            Command::EnrollAtOnce => &["enroll", "--json", "--user", PEOPLE[0]],
        };
        self.command(0, words, &[])
    }

    /// What a process reported, as events.
    fn events(&mut self, visitor: &Visitor, report: &Report) -> Result<Vec<Event>, TestCaseError> {
        let ends: Vec<&'static str> = report.log.iter().map(|line| known(end_of(line))).collect();
        self.seen.extend(&ends);
        let last = *ends.last().expect("a line in the log");
        if self.people[0].enrolled {
            prop_assert_eq!(report.code, Some(code_of(last)), "{:#?}", report);
            prop_assert_eq!(ends.len(), 1 + usize::from(is_asked_again(ends[0])), "{:#?}", report);
            let failures = report.log.iter().map(|line| line.field("failures")?.parse().ok());
            let typed = visitor.says.iter().map(|say| self.typed(0, say).1);
            let answers = typed.zip(ends).zip(failures);
            return Ok(answers.map(|((typed, end), failures)| Event::Answer(typed, end, failures)).collect());
        }
        let (_, mut words) = self.words(0, &visitor.words, false);
        words.push(Word::WrongCode);
        // Without a ticket a dialogue changes nothing: only its end counts.
        match self.people[0].clone().prove(&words, self.now, &self.rules, false) {
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

    /// Whether some order of what is left of each process leads from `person` to `after`; `tried` leads nowhere.
    fn is_explained(
        &self,
        person: &Person,
        waiting: &[&[Event]],
        after: &Person,
        tried: &mut HashSet<(Vec<usize>, Person)>,
    ) -> bool {
        if waiting.iter().all(|events| events.is_empty()) {
            return person == after;
        }
        if !tried.insert((waiting.iter().map(|events| events.len()).collect(), person.clone())) {
            return false;
        }
        (0..waiting.len()).any(|process| {
            let Some((event, rest)) = waiting[process].split_first() else { return false };
            let (mut person, mut waiting) = (person.clone(), waiting.to_vec());
            waiting[process] = rest;
            event.is_what_happens(&mut person, self.now, &self.rules)
                && self.is_explained(&person, &waiting, after, tried)
        })
    }
}

/// Ends that crowds must have had, or they would show little; and all that they may have.
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
const OTHER_ENDS: [&str; 7] = [
    "not-a-code",
    "disabled",
    "recovery-disabled",
    "clock-anomaly",
    "not-enrolled",
    "not-confirmed",
    "conversation",
];

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
            site.comes(crowd)?;
        }
        site.seen.into_iter().for_each(|end| *seen.borrow_mut().entry(end).or_insert(0) += 1);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!("{:?}", seen.borrow());
    assert!(ENDS.iter().all(|end| seen.borrow().contains_key(end)), "{seen:?}");
}
