//! How a person proves that the app works, before anything is stored: two consecutive codes.

use zeroize::Zeroizing;

use crate::code::Code;
use crate::time::{Period, Step, UnixTime};
use crate::totp::{self, Algorithm, Authenticator, SECRET_BYTES};
use crate::verdict::Denial;
use crate::world::Conversation;

/// Wrong answers until the dialogue gives up.
const TRIES: u8 = 3;

const FIRST: &str = "First code: ";
const NEXT: &str = "Next code (after it changes): ";

/// A new authenticator that nobody has confirmed. It cannot be stored.
pub struct Pending(Authenticator);

/// An authenticator whose codes were shown twice in a row.
pub struct Confirmed {
    /// The authenticator, to be stored.
    pub authenticator: Authenticator,
    /// The mark that burns both codes.
    pub mark: UnixTime,
}

/// Why the dialogue ended without a confirmation.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The codes were wrong too often.
    WrongCodes,
    /// The codes are right, but by this many seconds early (the phone is fast) or late (negative: it is slow).
    ClockDiffers(i64),
    /// Nobody answers, or the clock cannot be read.
    Failed(Denial),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Failed(denial)
    }
}

impl Pending {
    /// A new authenticator that makes codes as every app does: SHA-1, 6 digits, 30 seconds.
    pub fn new(label: String, secret: &[u8; SECRET_BYTES], now: UnixTime) -> Result<Self, &'static str> {
        Authenticator::new(label, secret, Algorithm::SHA1, 6, Period::DEFAULT, Some(now)).map(Self)
    }

    /// The authenticator, to be shown to its owner.
    pub const fn authenticator(&self) -> &Authenticator {
        &self.0
    }

    /// Asks for two consecutive codes; the first prompt follows `screen`. Codes that belong together confirm, wherever the
    /// person begins; a phone whose clock is off by more than `skew` steps is refused, because its codes would be.
    pub fn confirm(
        self,
        conversation: &mut impl Conversation,
        screen: &str,
        skew: u8,
        clock: impl Fn() -> Result<UnixTime, Denial>,
    ) -> Result<Confirmed, Refusal> {
        let mut first: Option<Step> = None;
        let mut prompt = Zeroizing::new(format!("{screen}{FIRST}"));
        let mut left = TRIES;
        while left > 0 {
            let answer = conversation.ask(&prompt)?;
            let found = self.find(&answer, skew, clock()?)?;
            let hint = match (first, found) {
                (None, Some(_)) => "",
                (Some(before), Some(step)) if step == before.later(1) => {
                    return Ok(Confirmed { authenticator: self.0, mark: step.begins() });
                }
                (Some(before), Some(step)) if step == before => {
                    "That is the same code: wait until it changes.\n"
                }
                (Some(_), Some(_)) => "That is not the code right after the first: go on from this one.\n",
                (_, None) => "That is not a code of this key. Does the app show the new entry?\n",
            };
            if !hint.is_empty() {
                left = left.saturating_sub(1);
            }
            first = found.or(first);
            prompt = Zeroizing::new(format!("{hint}{}", if first.is_some() { NEXT } else { FIRST }));
        }
        Err(Refusal::WrongCodes)
    }

    /// The step that `answer` belongs to, if it is a code of this authenticator's now.
    fn find(&self, answer: &[u8], skew: u8, now: UnixTime) -> Result<Option<Step>, Refusal> {
        let Some(code) = Code::parse(answer) else { return Ok(None) };
        let alone = std::slice::from_ref(&self.0);
        if let Some(found) = totp::matching(alone, &code, now, skew.into(), |_| false) {
            return Ok(Some(found.step));
        }
        match totp::near_miss(alone, &code, now, skew.into()) {
            Some(near) => Err(Refusal::ClockDiffers(near.offset(now))),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

    use std::cell::Cell;
    use std::collections::VecDeque;

    use super::*;
    use crate::code::Answer;

    /// Codes of the secret of RFC 4226 appendix D at steps 0 to 9.
    const CODES: [&str; 10] =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

    /// Types what it is given, at the step it is given, and remembers the prompts.
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

    fn dialogue(answers: &[(&'static str, u64)]) -> (Result<UnixTime, Refusal>, Vec<String>) {
        let step = Cell::new(0);
        let answers = answers.iter().copied().collect();
        let mut typist = Typist { answers, step: &step, prompts: Vec::new() };
        let pending = Pending::new("phone".into(), b"12345678901234567890", UnixTime::new(0)).unwrap();
        let clock = || Ok(UnixTime::new(step.get() * 30));
        let confirmed = pending.confirm(&mut typist, "SCREEN\n", 1, clock);
        (confirmed.map(|confirmed| confirmed.mark), typist.prompts)
    }

    #[test]
    fn two_consecutive_codes_confirm_and_are_burnt() {
        let (confirmed, prompts) = dialogue(&[(CODES[4], 4), (CODES[5], 5)]);
        assert_eq!(confirmed, Ok(UnixTime::new(150)));
        assert_eq!(prompts, ["SCREEN\nFirst code: ", "Next code (after it changes): "]);
        assert!(dialogue(&[(CODES[3], 4), (CODES[4], 4)]).0.is_ok(), "a phone 30 s slow");
    }

    #[test]
    fn codes_that_are_not_consecutive_do_not_confirm() {
        let table: [&[(&str, u64)]; 4] = [
            &[(CODES[4], 4), (CODES[4], 4), (CODES[4], 4), (CODES[4], 4)],
            &[(CODES[4], 4), (CODES[6], 6), (CODES[8], 8), (CODES[6], 7)],
            &[(CODES[5], 5), (CODES[4], 5), (CODES[3], 4), (CODES[2], 3)],
            &[("000000", 4), ("", 4), ("abc", 4)],
        ];
        for answers in table {
            assert_eq!(dialogue(answers).0, Err(Refusal::WrongCodes), "{answers:?}");
        }
    }

    #[test]
    fn who_misses_a_code_goes_on_from_the_next() {
        let (confirmed, prompts) = dialogue(&[(CODES[4], 4), (CODES[6], 6), ("12", 6), (CODES[7], 7)]);
        assert_eq!(confirmed, Ok(UnixTime::new(210)));
        assert!(prompts[2].starts_with("That is not the code right after the first"));
        assert!(prompts[3].starts_with("That is not a code of this key"));
    }

    #[test]
    fn a_phone_whose_clock_is_off_is_told_by_how_much() {
        assert_eq!(dialogue(&[(CODES[8], 4)]).0, Err(Refusal::ClockDiffers(120)));
        assert_eq!(dialogue(&[(CODES[4], 8)]).0, Err(Refusal::ClockDiffers(-120)));
    }

    #[test]
    fn who_goes_away_enrolls_nobody() {
        assert_eq!(dialogue(&[(CODES[4], 4)]).0, Err(Refusal::Failed(Denial::Conversation)));
    }
}
