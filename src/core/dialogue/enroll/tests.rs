#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::cell::Cell;
use std::collections::VecDeque;

use super::*;
use crate::proof::code::{Answer, LongCode};
use crate::test_support::{CODES, fill};

/// Types given answers at given steps, and remembers the prompts.
struct Typist<'a> {
    answers: VecDeque<(&'static str, u64)>,
    step: &'a Cell<u64>,
    prompts: Vec<String>,
}

impl Conversation for Typist<'_> {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.prompts.push(prompt.to_owned());
        let (answer, step) = self.answers.pop_front().ok_or(Denial::Conversation)?;
        self.step.set(step);
        Ok(Answer::new(answer.into()))
    }
    fn tell(&mut self, _: &str) {}
}

/// The time of the typist, and the secret of RFC 4226 as randomness.
struct Fixed<'a>(&'a Cell<u64>);

impl Source for Fixed<'_> {
    fn now(&self) -> Result<UnixTime, Denial> {
        Ok(UnixTime::new(self.0.get() * 30))
    }
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        fill(bytes);
        Ok(())
    }
}

fn dialogue(
    recovery_codes: u8,
    answers: &[(&'static str, u64)],
) -> (Result<NewEnrollment, Denial>, Vec<String>) {
    dialogue_in(Place::Command, recovery_codes, answers)
}

fn dialogue_in(
    place: Place,
    recovery_codes: u8,
    answers: &[(&'static str, u64)],
) -> (Result<NewEnrollment, Denial>, Vec<String>) {
    let wanted = policy::Enrollment::default();
    dialogue_by(&wanted, place, recovery_codes, answers)
}

fn dialogue_by(
    wanted: &policy::Enrollment,
    place: Place,
    recovery_codes: u8,
    answers: &[(&'static str, u64)],
) -> (Result<NewEnrollment, Denial>, Vec<String>) {
    let step = Cell::new(0);
    let mut typist = Typist { answers: answers.iter().copied().collect(), step: &step, prompts: Vec::new() };
    let terms = EnrollmentTerms {
        account: "ada",
        issuer: "web1",
        label: "phone",
        wanted,
        skew_steps: 1,
        recovery_codes,
        screen: Screen::UNKNOWN,
        place,
    };
    let enrollment = enroll(&mut typist, &Fixed(&step), &terms);
    (enrollment, typist.prompts)
}

fn mark(answers: &[(&'static str, u64)]) -> Result<UnixTime, Denial> {
    dialogue(0, answers).0.map(|enrollment| enrollment.mark)
}

const LOGIN: Place = Place::Login { seconds_left: None };

#[test]
fn confirms_by_two_consecutive_codes_and_burns_them() {
    let (enrollment, prompts) = dialogue(0, &[(CODES[4], 4), (CODES[5], 5)]);
    let enrollment = enrollment.unwrap();
    assert_eq!((enrollment.mark, enrollment.recovery.is_none()), (UnixTime::new(150), true));
    assert_eq!(enrollment.id, "GEZDGNBVGY3TQOJQ", "ten random bytes");
    assert!(prompts[0].starts_with("Type t for text only.\nScan this code"), "{}", prompts[0]);
    assert!(prompts[0].ends_with("Type i to invert it. First code: "));
    assert_eq!(prompts[1..], ["Next code (wait until it changes): "]);
    assert!(mark(&[(CODES[3], 4), (CODES[4], 4)]).is_ok(), "a phone 30 s slow");
}

#[test]
fn confirms_by_one_code_where_policy_says_so() {
    let wanted = policy::Enrollment { codes: 1, ..policy::Enrollment::default() };
    let answers = [("000000", 4), (CODES[4], 5)];
    let (enrollment, prompts) = dialogue_by(&wanted, LOGIN, 0, &answers);
    assert_eq!(enrollment.unwrap().mark, UnixTime::new(120), "the code of step 4 is used up");
    assert_eq!(prompts.len(), 2);
    assert!(prompts.iter().all(|prompt| prompt.ends_with("Code from your app: ")), "{prompts:?}");
}

#[test]
fn refuses_codes_that_are_not_consecutive() {
    let table: [&[(&str, u64)]; 4] = [
        &[(CODES[4], 4), (CODES[4], 4), (CODES[4], 4), (CODES[4], 4)],
        &[(CODES[4], 4), (CODES[6], 6), (CODES[8], 8), (CODES[6], 7)],
        &[(CODES[5], 5), (CODES[4], 5), (CODES[3], 4), (CODES[2], 3)],
        &[("000000", 4), ("", 4), ("abc", 4)],
    ];
    for answers in table {
        assert_eq!(mark(answers), Err(Denial::Conversation), "it asks on: {answers:?}");
    }
}

#[test]
fn goes_on_from_next_code_if_one_is_missed() {
    let (enrollment, prompts) = dialogue(0, &[(CODES[4], 4), (CODES[6], 6), ("123456", 6), (CODES[7], 7)]);
    assert_eq!(enrollment.unwrap().mark, UnixTime::new(210));
    assert!(prompts[2].starts_with("That code does not follow the first one"));
    assert!(prompts[3].starts_with("That code does not match this key"));
}

#[test]
fn explains_after_answer_that_is_no_code() {
    let answers = [("", 4), ("?", 4), (" Help ", 4), ("12", 4), (CODES[4], 4), ("?", 4), (CODES[5], 5)];
    let (enrollment, prompts) = dialogue(0, &answers);
    assert!(enrollment.is_ok());
    let expected = "Type the 6 digits that your app shows now.\n\
                    Or type i for the picture, i again to invert it,\nor t for text only.\n";
    assert!(prompts[1..5].iter().all(|prompt| *prompt == format!("{expected}First code: ")), "{prompts:#?}");
    assert_eq!(prompts[6], format!("{expected}Next code (wait until it changes): "));
}

#[test]
fn redraws_picture_as_often_as_asked() {
    let answers = [("i", 4), ("t", 4), (CODES[4], 4), (" I ", 4), ("i", 4), (CODES[5], 5)];
    let (enrollment, prompts) = dialogue(0, &answers);
    assert!(enrollment.is_ok());
    let is_page: Vec<bool> = prompts.iter().map(|prompt| prompt.contains("Key: ")).collect();
    assert_eq!(is_page, [true, true, true, false, true, true]);
    let picture = |at: usize| prompts[at].lines().filter(|line| line.contains('▀')).collect::<Vec<_>>();
    assert!(picture(0) != picture(1) && picture(2).is_empty(), "inverted, then none");
    assert!(picture(4) == picture(0) && picture(5) == picture(1), "and again");
    assert!(prompts[2].is_ascii() && prompts[2].ends_with("\nFirst code: "));
    assert!(prompts[4].ends_with("Next code (wait until it changes): "));
}

#[test]
fn gives_reason_and_time_of_login_once() {
    let place = Place::Login { seconds_left: Some(59) };
    let (enrollment, prompts) = dialogue_in(place, 0, &[("t", 4), (CODES[4], 4), (CODES[5], 5)]);
    assert!(enrollment.is_ok());
    let head = "A second step is required here. Type t for text only.\nThis login ends in 59 s.\nScan";
    assert!(prompts[0].starts_with(head), "{}", prompts[0]);
    assert!(prompts[1].starts_with("Type i for a picture.\nType this key"), "{}", prompts[1]);
    let (_, prompts) = dialogue_in(LOGIN, 0, &[]);
    assert!(prompts[0].starts_with("A second step is required here. Type t for text only.\nScan"));
}

#[test]
fn says_by_how_much_clock_of_phone_is_wrong_and_asks_on() {
    for (code, step, wrong) in [(CODES[8], 4, "2 minutes fast"), (CODES[4], 8, "2 minutes slow")] {
        let (enrollment, prompts) = dialogue(0, &[(code, step), (CODES[4], 4), (CODES[5], 5)]);
        assert!(enrollment.is_ok());
        let hint = format!("The code is right. Your phone's clock is {wrong}:\n");
        assert!(prompts[1].starts_with(&hint), "{}", prompts[1]);
        assert!(prompts[1].ends_with("then type the code that it shows.\nFirst code: "));
    }
}

/// More answers than any login allows.
const MANY: usize = 200;

#[test]
fn asks_in_command_as_often_as_it_takes() {
    let (first, next, last) = ((CODES[4], 4), (CODES[5], 5), (LAST_GROUP, 5));
    let mut answers = vec![("000000", 4); MANY];
    answers.push(first);
    answers.extend([("i", 4); MANY]);
    answers.push(next);
    answers.extend([("abcd", 5); MANY]);
    answers.push(last);
    let (enrollment, prompts) = dialogue(8, &answers);
    assert!(enrollment.is_ok());
    assert_eq!(prompts.len(), 3 * MANY + 3);
}

#[test]
fn counts_all_answers_of_login() {
    let most = usize::from(MOST_ANSWERS);
    let wrong = |answer, count| [("i", 4), ("", 4), (answer, 4)].into_iter().cycle().take(count);
    let (enrollment, prompts) = dialogue_in(LOGIN, 8, &wrong("000000", MANY).collect::<Vec<_>>());
    assert_eq!(enrollment.err(), Some(Denial::NotConfirmed(Mismatch::Codes)));
    assert_eq!(prompts.len(), most);

    let with_codes = |count| {
        let codes = [(CODES[4], 4), (CODES[5], 5)];
        let answers = wrong("000000", 10).chain(codes).chain(wrong("abcd", count)).chain([(LAST_GROUP, 5)]);
        dialogue_in(LOGIN, 8, &answers.collect::<Vec<_>>())
    };
    assert!(with_codes(most - 13).0.is_ok(), "the last answer counts");
    let (enrollment, prompts) = with_codes(most - 12);
    assert_eq!(enrollment.err(), Some(Denial::NotConfirmed(Mismatch::RecoveryCodes)));
    assert_eq!(prompts.len(), most);
}

#[test]
fn enrolls_nobody_if_user_goes_away() {
    assert_eq!(mark(&[(CODES[4], 4)]), Err(Denial::Conversation));
    let (enrollment, _) = dialogue(8, &[(CODES[4], 4), (CODES[5], 5)]);
    assert_eq!(enrollment.err(), Some(Denial::Conversation));
}

/// With this randomness the question is about the second of 8 codes: `(49 % 8)` is 1.
const LAST_GROUP: &str = "8d9p";
/// The bytes of that code.
const CODE: [u8; LONG_CODE_BYTES] = *b"7890123456";

#[test]
fn requires_user_to_look_at_recovery_codes() {
    let answers =
        [(CODES[4], 4), (CODES[5], 5), ("abcd", 5), ("", 5), ("?", 5), ("HELP", 5), (LAST_GROUP, 5)];
    let (enrollment, prompts) = dialogue(8, &answers);
    let NewEnrollment { id, recovery, .. } = enrollment.unwrap();
    assert!(recovery.unwrap().find(&LongCode::new(CODE), &id).is_some(), "of this credential");
    let question = "To confirm that you have them, type the last 4 characters of\nrecovery code 2: ";
    let head = "Write down these recovery codes. They are not shown again.\n\
                Each works once, in place of a code from the app.\n\n";
    assert!(prompts[2].starts_with(head) && prompts[2].ends_with(question), "{}", prompts[2]);
    let hint = "That is not the end of recovery code 2.\n\
                Look at the list above. To see it again, type ?.\n";
    assert_eq!(prompts[3], format!("{hint}{question}"));
    assert!(prompts[4..].iter().all(|prompt| *prompt == prompts[2]), "the list again: {prompts:#?}");
}

#[test]
fn accepts_whole_recovery_code_as_confirmation() {
    let whole = LongCode::new(CODE).expose_text();
    for typed in [whole.to_string(), whole.replace('-', ""), whole.replace('-', " ").to_lowercase()] {
        let typed: &'static str = typed.leak();
        assert!(dialogue(8, &[(CODES[4], 4), (CODES[5], 5), (typed, 5)]).0.is_ok(), "{typed}");
    }
}
