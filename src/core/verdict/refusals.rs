//! What the refused answers of one conversation show together.

use super::{ClockOffset, Denial};

/// The refused answers of one conversation, as far as their user may learn of them later.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refusals {
    has_replay: bool,
    near_misses: Vec<ClockOffset>,
    clock: Option<i64>,
}

impl Refusals {
    /// Adds the denial of one answer.
    pub fn add(&mut self, denial: &Denial) {
        self.has_replay |= matches!(denial, Denial::Replayed { .. });
        if let Denial::WrongCode { clock_offset: Some(near), .. } = denial {
            if self.near_misses.iter().any(|earlier| earlier.agrees_with(near)) {
                self.clock = Some(near.offset);
            }
            self.near_misses.push(near.clone());
        }
    }

    /// Whether a code was refused because it was already used.
    pub fn has_replay(&self) -> bool {
        self.has_replay
    }

    /// By how many seconds the phone's clock is ahead; none unless two codes show it. One code is not enough: about 1
    /// guess in 9,600 has an offset by chance, and the offset says when this guess will be right. Two guesses agree with
    /// a probability of 3e-10.
    pub fn clock(&self) -> Option<i64> {
        self.clock
    }
}

impl ClockOffset {
    /// Whether both codes show the same wrong clock: codes of two steps of one authenticator, and offsets that differ
    /// by at most one step. The same code typed twice is one code.
    fn agrees_with(&self, other: &Self) -> bool {
        self.authenticator == other.authenticator
            && self.step != other.step
            && self.offset.abs_diff(other.offset) <= self.step.period().seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Period, Step, UnixTime};

    /// A wrong code of `label` for the step that begins at `begins`, typed while the clocks differ by `offset`.
    fn near(label: &str, begins: u64, offset: i64) -> Denial {
        let step = Step::at(UnixTime::new(begins), Period::DEFAULT);
        let clock_offset = Some(ClockOffset { authenticator: label.to_owned(), offset, step });
        Denial::WrongCode { failures: 1, clock_offset }
    }

    fn clock(denials: &[Denial]) -> Option<i64> {
        let mut refusals = Refusals::default();
        denials.iter().for_each(|denial| refusals.add(denial));
        refusals.clock()
    }

    #[test]
    fn tells_clock_only_if_two_codes_agree() {
        let wrong = || Denial::WrongCode { failures: 1, clock_offset: None };
        let table: [(&[Denial], Option<i64>); 10] = [
            (&[], None),
            (&[near("phone", 600, 240)], None),
            (&[near("phone", 600, 240), wrong()], None),
            (&[near("phone", 600, 240), near("phone", 600, 240)], None),
            (&[near("phone", 600, 240), near("phone", 600, 210)], None),
            (&[near("phone", 600, 240), near("tablet", 630, 240)], None),
            (&[near("phone", 600, 240), near("phone", 690, 300)], None),
            (&[near("phone", 600, 240), near("phone", 630, -240)], None),
            (&[near("phone", 600, 240), near("phone", 630, 240)], Some(240)),
            (&[near("phone", 600, 240), wrong(), near("phone", 660, 270)], Some(270)),
        ];
        for (denials, expected) in table {
            assert_eq!(clock(denials), expected, "{denials:?}");
        }
    }

    #[test]
    fn takes_the_period_of_the_authenticator_for_one_step() {
        let near = |begins, offset| {
            let step = Step::at(UnixTime::new(begins), Period::new(60).unwrap());
            let clock_offset = Some(ClockOffset { authenticator: "token".to_owned(), offset, step });
            Denial::WrongCode { failures: 1, clock_offset }
        };
        assert_eq!(clock(&[near(600, 240), near(660, 300)]), Some(300));
        assert_eq!(clock(&[near(600, 240), near(660, 360)]), None);
    }

    #[test]
    fn remembers_replay() {
        let mut refusals = Refusals::default();
        refusals.add(&Denial::NotACode);
        assert!(!refusals.has_replay());
        refusals.add(&Denial::Replayed { failures: 1 });
        refusals.add(&Denial::NotACode);
        assert!(refusals.has_replay());
    }
}
