//! Sequential histories.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use twostep_tests::interpose::set_clock;
use twostep_tests::pam::*;
use twostep_tests::{Login, Outcome};

use crate::reference::{Rules, Word};
use crate::site::{self, Say, Site, USERS, code_of, end_of, is_asked_again};

/// An event for one user.
#[derive(Clone, Debug)]
enum Act {
    /// A login. The user types the first if asked for a code, and the others if asked to enroll. An administrator may
    /// act between the auth phase and the account phase.
    Login(Say, Vec<Word>, Option<Box<Act>>),
    Unlock,
    ResetClock,
    Reset,
    Remove,
    Require,
    Unrequire,
    Ticket,
    Enroll(Vec<Word>),
    EnrollAtOnce,
    Recovery(Vec<Word>),
    /// The clock moves by this many seconds.
    Clock(i64),
}

fn commands() -> impl Strategy<Value = Act> {
    let group = prop_oneof![3 => Just(Word::Group), 1 => Just(Word::WrongCode)];
    prop_oneof![
        2 => Just(Act::Unlock),
        3 => Just(Act::ResetClock),
        2 => Just(Act::Reset),
        1 => Just(Act::Remove),
        3 => Just(Act::Require),
        1 => Just(Act::Unrequire),
        4 => Just(Act::Ticket),
        2 => site::dialogues().prop_map(Act::Enroll),
        1 => Just(Act::EnrollAtOnce),
        1 => prop::collection::vec(group, 0..4).prop_map(Act::Recovery),
        4 => clocks(),
    ]
}

fn clocks() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => 0..100i64,
        4 => 0..4000i64,
        2 => -100..0i64,
        2 => -5000..0i64,
        1 => -400_000..400_000i64,
        1 => -300_000_000..300_000_000i64,
    ]
    .prop_map(Act::Clock)
}

fn acts() -> impl Strategy<Value = (usize, Act)> {
    let meanwhile = prop_oneof![
        Just(Act::EnrollAtOnce),
        Just(Act::Reset),
        Just(Act::Ticket),
        Just(Act::Clock(2 * 86_400)),
        commands(),
    ];
    let meanwhile = prop::option::weighted(0.4, meanwhile.prop_map(Box::new));
    let login = (site::says(), site::dialogues(), meanwhile)
        .prop_map(|(say, dialogue, meanwhile)| Act::Login(say, dialogue, meanwhile));
    (0..USERS.len(), prop_oneof![3 => login, 2 => commands()])
}

impl Site {
    fn act(&mut self, who: usize, act: &Act) -> Result<(), TestCaseError> {
        match act {
            Act::Login(say, words, meanwhile) => self.log_in(who, say, words, meanwhile.as_deref()),
            Act::Clock(seconds) => {
                self.now = (self.now + seconds).clamp(1_000_000_000, 4_000_000_000);
                Ok(())
            }
            _ => self.run_command(who, act),
        }
    }

    fn log_in(
        &mut self,
        who: usize,
        say: &Say,
        words: &[Word],
        meanwhile: Option<&Act>,
    ) -> Result<(), TestCaseError> {
        let login = self.login(who);
        if self.users[who].enrolled {
            self.enter_code(who, login, say)
        } else if self.users[who].must(&self.rules) {
            self.enroll_in_login(who, login, words, meanwhile)
        } else {
            self.check_end(&login.run(), IGNORED_ALONE, "not-enrolled")
        }
    }

    fn enter_code(&mut self, who: usize, login: Login, say: &Say) -> Result<(), TestCaseError> {
        let (answer, typed) = self.typed(who, say);
        let outcome = login.answers([answer.clone(), answer]).run();
        let end = self.users[who].judge(&typed, self.now, &self.rules);
        self.check_end(&outcome, code_of(end), end)?;
        prop_assert_eq!(outcome.log.len(), 1 + usize::from(is_asked_again(end)));
        Ok(())
    }

    fn enroll_in_login(
        &mut self,
        who: usize,
        login: Login,
        words: &[Word],
        meanwhile: Option<&Act>,
    ) -> Result<(), TestCaseError> {
        let Rules { ticket, .. } = self.rules;
        let (answers, words) = self.words(who, words, ticket);
        let (mut open, outcome) = login.answers(answers).begin();
        let proved = self.users[who].prove(&words, self.now, &self.rules, ticket);
        let end = proved.as_ref().err().copied().unwrap_or("enrolling");
        let code = if proved.is_ok() { PAM_SUCCESS } else { code_of(end) };
        self.check_end(&outcome, code, end)?;
        let Ok(proved) = proved else { return Ok(()) };
        self.check()?;
        if let Some(act) = meanwhile {
            self.act(who, act)?;
        }
        set_clock(self.now);
        let outcome = open.account();
        let end = self.users[who].enroll(&proved, self.now);
        self.check_end(&outcome, code_of(end), end)?;
        prop_assert_eq!(open.setcred().code == PAM_SUCCESS, end == "enrolled");
        Ok(())
    }

    /// Checks PAM's code and the end in the last log line.
    fn check_end(&mut self, outcome: &Outcome, code: i32, end: &'static str) -> Result<(), TestCaseError> {
        let seen = (name_of(outcome.code), outcome.log.last().map_or("", end_of));
        prop_assert_eq!(seen, (name_of(code), end), "{:#?}", outcome);
        self.seen.push(end);
        Ok(())
    }

    fn run_command(&mut self, who: usize, act: &Act) -> Result<(), TestCaseError> {
        let (words, typed): (&[&str], _) = match act {
            Act::Unlock => (&["unlock"], None),
            Act::ResetClock => (&["unlock", "--reset-clock"], None),
            Act::Reset => (&["reset"], None),
            Act::Remove => (&["remove", "--user"], None),
            Act::Require => (&["require"], None),
            Act::Unrequire => (&["unrequire"], None),
            Act::Ticket => (&["ticket"], None),
            Act::Enroll(words) => (&["enroll", "--user"], Some(words)),
            Act::EnrollAtOnce => (&["enroll", "--json", "--user"], None),
            Act::Recovery(words) => (&["recovery", "--user"], Some(words)),
            Act::Login(..) | Act::Clock(_) => unreachable!(),
        };
        let (typed, typed_words) = self.words(who, typed.map_or(&[][..], |words| words), false);
        let status = self.command(who, &[words, &[USERS[who]]].concat(), &typed);
        let (now, rules, model) = (self.now, self.rules, &mut self.users[who]);
        let expected = match act {
            Act::Unlock => model.unlock(now),
            Act::ResetClock => model.reset_clock(now, &rules),
            Act::Reset => model.reset(),
            Act::Remove => model.remove(),
            Act::Require => model.require(now, &rules),
            Act::Unrequire => model.unrequire(),
            Act::Ticket => model.issue_ticket(now, &rules),
            // An administrator needs no ticket to enroll a user.
            Act::Enroll(_) if model.enrolled => 1,
            Act::Enroll(_) => match model.prove(&typed_words, now, &rules, false) {
                Ok(proved) => i32::from(model.enroll(&proved, now) != "enrolled"),
                Err(_) => 1,
            },
            Act::EnrollAtOnce => model.enroll_at_once(now, &rules),
            Act::Recovery(_) => model.renew(&typed_words),
            Act::Login(..) | Act::Clock(_) => unreachable!(),
        };
        prop_assert_eq!(status, expected, "{:?}", act);
        Ok(())
    }
}

/// Ends that must occur, or the histories would show little.
const ENDS: [&str; 11] = [
    "grant",
    "wrong-code",
    "replayed",
    "not-a-code",
    "locked",
    "disabled",
    "clock-anomaly",
    "wrong-recovery-code",
    "not-enrolled",
    "enrolling",
    "enrolled",
];

#[test]
fn agrees_with_model_on_random_histories() {
    let initial_states = [site::initial_states(), site::initial_states(), site::initial_states()];
    let histories = (site::rules(), initial_states, prop::collection::vec(acts(), 1..40));
    let seen = RefCell::new(BTreeMap::new());
    let result = TestRunner::new(site::config(64)).run(&histories, |(rules, initial_states, acts)| {
        let mut site = Site::new(rules, &initial_states);
        site.check()?;
        for (who, act) in &acts {
            site.act(*who, act)?;
            site.check()?;
        }
        site.seen.into_iter().for_each(|end| *seen.borrow_mut().entry(end).or_insert(0) += 1);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!("{:?}", seen.borrow());
    assert!(ENDS.iter().all(|end| seen.borrow().contains_key(*end)), "{seen:?}");
}
