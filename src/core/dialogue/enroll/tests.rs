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
    let step = Cell::new(0);
    let mut typist = Typist { answers: answers.iter().copied().collect(), step: &step, prompts: Vec::new() };
    let terms = EnrollmentTerms {
        account: "ada",
        issuer: "web1",
        label: "phone",
        wanted: &policy::Enrollment::default(),
        skew_steps: 1,
        recovery_codes,
        colour: Colour::None,
        notes: &[],
    };
    let enrollment = enroll(&mut typist, &Fixed(&step), &terms);
    (enrollment, typist.prompts)
}

fn mark(answers: &[(&'static str, u64)]) -> Result<UnixTime, Denial> {
    dialogue(0, answers).0.map(|enrollment| enrollment.mark)
}

const NOT_CODES: Result<UnixTime, Denial> = Err(Denial::NotConfirmed(Mismatch::Codes));

#[test]
fn confirms_by_two_consecutive_codes_and_burns_them() {
    let (enrollment, prompts) = dialogue(0, &[(CODES[4], 4), (CODES[5], 5)]);
    let enrollment = enrollment.unwrap();
    assert_eq!((enrollment.mark, enrollment.recovery.is_none()), (UnixTime::new(150), true));
    assert_eq!(enrollment.id, "GEZDGNBVGY3TQOJQ", "ten random bytes");
    assert!(prompts[0].starts_with("Scan this code") && prompts[0].ends_with("\nFirst code: "));
    assert_eq!(prompts[1..], ["Next code (wait until it changes): "]);
    assert!(mark(&[(CODES[3], 4), (CODES[4], 4)]).is_ok(), "a phone 30 s slow");
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
        assert_eq!(mark(answers), NOT_CODES, "{answers:?}");
    }
}

#[test]
fn goes_on_from_next_code_if_one_is_missed() {
    let (enrollment, prompts) = dialogue(0, &[(CODES[4], 4), (CODES[6], 6), ("12", 6), (CODES[7], 7)]);
    assert_eq!(enrollment.unwrap().mark, UnixTime::new(210));
    assert!(prompts[2].starts_with("That code does not follow the first one"));
    assert!(prompts[3].starts_with("That code does not match this key"));
}

#[test]
fn redraws_picture_without_using_a_try() {
    let (enrollment, prompts) = dialogue(0, &[("i", 4), ("t", 4), (CODES[4], 4), (" I ", 4), (CODES[5], 5)]);
    assert!(enrollment.is_ok());
    let is_screen: Vec<bool> =
        prompts.iter().map(|prompt| prompt.contains("Key:\n") || prompt.contains("Key:")).collect();
    assert_eq!(is_screen, [true, true, true, false, true]);
    assert_ne!(prompts[0], prompts[1]);
    assert!(prompts[2].is_ascii() && prompts[2].ends_with("First code: "));
    assert!(prompts[4].ends_with("Next code (wait until it changes): "));
}

#[test]
fn limits_number_of_redraws() {
    let (enrollment, prompts) = dialogue(0, &[("i", 4); 99]);
    assert_eq!(enrollment.err(), Some(Denial::NotConfirmed(Mismatch::Codes)));
    assert_eq!(prompts.len(), usize::from(REDRAWS + TRIES));
}

#[test]
fn reports_by_how_much_clock_of_phone_is_wrong() {
    assert_eq!(mark(&[(CODES[8], 4)]), Err(Denial::NotConfirmed(Mismatch::Clock(120))));
    assert_eq!(mark(&[(CODES[4], 8)]), Err(Denial::NotConfirmed(Mismatch::Clock(-120))));
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
    let codes = [(CODES[4], 4), (CODES[5], 5)];
    let (enrollment, prompts) = dialogue(8, &[codes[0], codes[1], ("", 5), ("abcd", 5), (LAST_GROUP, 5)]);
    let NewEnrollment { id, recovery, .. } = enrollment.unwrap();
    assert!(recovery.unwrap().find(&LongCode::new(CODE), &id).is_some(), "of this credential");
    assert!(prompts[2].starts_with("Write down these recovery codes"), "{}", prompts[2]);
    assert!(prompts[2].ends_with("To confirm that you have them, type the last 4 characters of code 2: "));
    assert_eq!(
        prompts[3],
        "Those are not the last 4 characters of code 2. Look at the list above.\n\
         To confirm that you have them, type the last 4 characters of code 2: "
    );
    let (enrollment, _) = dialogue(8, &[codes[0], codes[1], ("", 5), ("abcd", 5), ("1", 5), (LAST_GROUP, 5)]);
    assert_eq!(enrollment.err(), Some(Denial::NotConfirmed(Mismatch::RecoveryCodes)));
}
