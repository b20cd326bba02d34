//! Moments and time steps (RFC 6238 section 4). Nothing here reads a clock.

use std::fmt;
use std::num::NonZeroU64;

/// A moment: seconds since 1970-01-01 00:00 UTC, as POSIX counts them (no leap seconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `seconds` after the epoch.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The moment `seconds` later.
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this moment; none if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

/// The time of day, `HH:MM:SS`, in UTC.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0 % 86_400;
        write!(f, "{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
    }
}

/// Seconds for which one code is shown: `X` of RFC 6238 section 4.1, 15 to 120.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period(NonZeroU64);

impl Period {
    /// What RFC 6238 recommends and every app assumes: 30 seconds.
    pub const DEFAULT: Self = Self(NonZeroU64::new(30).unwrap());

    /// A period of 15 to 120 seconds (NIST SP 800-63B-4 section 3.1.4.1 allows at most two minutes).
    pub fn new(seconds: u64) -> Option<Self> {
        if !(15..=120).contains(&seconds) {
            return None;
        }
        NonZeroU64::new(seconds).map(Self)
    }

    /// The period in seconds.
    pub const fn seconds(self) -> u64 {
        self.0.get()
    }
}

/// A time step: the number of whole periods since the epoch, `T` of RFC 6238 section 4.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    number: u64,
    period: Period,
}

impl Step {
    /// The step in which `now` lies.
    pub fn at(now: UnixTime, period: Period) -> Self {
        Self { number: now.seconds() / period.0, period }
    }

    /// When this step begins.
    pub const fn begins(self) -> UnixTime {
        UnixTime(self.number.saturating_mul(self.period.seconds()))
    }

    /// The step `steps` later.
    pub const fn later(self, steps: u64) -> Self {
        Self { number: self.number.saturating_add(steps), period: self.period }
    }

    /// This step and `reach` steps to each side, oldest first.
    pub fn around(self, reach: u64) -> impl Iterator<Item = Self> {
        let steps = self.number.saturating_sub(reach)..=self.number.saturating_add(reach);
        steps.map(move |number| Self { number, period: self.period })
    }

    /// How many seconds later than `other` this step begins; negative if it begins earlier.
    pub const fn offset_from(self, other: Self) -> i64 {
        self.begins().0.wrapping_sub(other.begins().0).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_begins_at_a_multiple_of_its_period() {
        assert_eq!(Step::at(UnixTime::new(59), Period::DEFAULT).begins(), UnixTime::new(30));
        assert_eq!(Step::at(UnixTime::new(60), Period::DEFAULT).begins(), UnixTime::new(60));
    }

    #[test]
    fn steps_at_both_ends_of_time_do_not_overflow() {
        let first = Step::at(UnixTime::new(0), Period::DEFAULT);
        assert_eq!(first.around(3).count(), 4);
        let last = Step::at(UnixTime::new(u64::MAX), Period::DEFAULT);
        assert_eq!(last.around(3).map(Step::begins).count(), 7);
    }

    #[test]
    fn an_offset_has_a_sign() {
        let now = Step::at(UnixTime::new(3000), Period::DEFAULT);
        assert_eq!(now.later(4).offset_from(now), 120);
        assert_eq!(now.offset_from(now.later(4)), -120);
    }

    #[test]
    fn a_moment_is_shown_as_the_time_of_day() {
        assert_eq!(UnixTime::new(86_400 * 20_000 + 3600 * 4 + 60 * 5 + 6).to_string(), "04:05:06");
    }
}
