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

    /// The moment `seconds` earlier, at the earliest the epoch.
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
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
    /// The step that contains `now`.
    pub fn at(now: UnixTime, period: Period) -> Self {
        Self { number: now.seconds() / period.0, period }
    }

    /// How long this step is.
    pub const fn period(self) -> Period {
        self.period
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
    pub(crate) const fn offset_from(self, other: Self) -> i64 {
        self.begins().0.wrapping_sub(other.begins().0).cast_signed()
    }
}

/// A day of the calendar, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Seconds of a day.
    const LENGTH: u64 = 86_400;

    /// The day of this date in the Gregorian calendar. The caller must know that the date exists.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }

    /// The day of this moment; none after the year 9999.
    pub fn of(moment: UnixTime) -> Option<Self> {
        let has_begun = |day: &Self| day.begins() <= moment;
        let Self { year, .. } =
            (1970..=9999).map(|year| Self::new(year, 1, 1)).take_while(has_begun).last()?;
        let Self { month, .. } =
            (1..=12).map(|month| Self::new(year, month, 1)).take_while(has_begun).last()?;
        let day = (1..=31).map(|day| Self::new(year, month, day)).take_while(has_begun).last()?;
        (moment < day.ends()).then_some(day)
    }

    /// Its first moment. For a day before 1970, this is the epoch.
    pub fn begins(self) -> UnixTime {
        UnixTime(self.number().saturating_mul(Self::LENGTH))
    }

    /// The first moment of the next day.
    pub fn ends(self) -> UnixTime {
        self.begins().plus(Self::LENGTH)
    }

    /// Whole days since 1970-01-01: the days of the years before this one, plus those of the months before. Years are
    /// counted from March, because February is last then.
    fn number(self) -> u64 {
        let (year, month, day) = (u64::from(self.year), u64::from(self.month), u64::from(self.day));
        let is_late = month > 2;
        let years = if is_late { year } else { year.saturating_sub(1) };
        let months = if is_late { month.saturating_sub(3) } else { month.saturating_add(9) };
        let leap_days = (years / 4).saturating_sub(years / 100).saturating_add(years / 400);
        let of_months = months.saturating_mul(153).saturating_add(2) / 5;
        let since_year_0 = years.saturating_mul(365).saturating_add(leap_days).saturating_add(of_months);
        since_year_0.saturating_add(day).saturating_sub(Self::FROM_YEAR_0)
    }

    /// Days from 0000-02-29 to 1970-01-01.
    const FROM_YEAR_0: u64 = 719_469;
}

/// As in ISO 8601: `2027-01-15`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_begins_when_date_says_so() {
        // From `date -u -d 2027-01-15 +%s` and so on.
        let table = [
            (Day::new(1970, 1, 1), 0),
            (Day::new(1970, 1, 2), 86_400),
            (Day::new(2000, 2, 29), 951_782_400),
            (Day::new(2000, 3, 1), 951_868_800),
            (Day::new(2027, 1, 15), 1_799_971_200),
            (Day::new(2100, 3, 1), 4_107_542_400),
            (Day::new(2400, 12, 31), 13_601_001_600),
            (Day::new(9999, 12, 31), 253_402_214_400),
            (Day::new(1969, 12, 31), 0),
            (Day::new(0, 1, 1), 0),
        ];
        for (day, begins) in table {
            assert_eq!(day.begins(), UnixTime::new(begins), "{day}");
        }
        assert_eq!(Day::new(2026, 12, 31).ends(), Day::new(2027, 1, 1).begins());
        assert_eq!(Day::new(2027, 1, 5).to_string(), "2027-01-05");
    }

    #[test]
    fn finds_day_of_moment() {
        let (new, last) = (Day::new, Day::LENGTH - 1);
        let days = [
            new(1970, 1, 1),
            new(2000, 2, 29),
            new(2027, 12, 31),
            new(2100, 2, 28),
            new(2100, 3, 1),
            new(9999, 12, 31),
        ];
        for day in days {
            for moment in [day.begins(), day.begins().plus(last)] {
                assert_eq!(Day::of(moment), Some(day));
            }
        }
        assert_eq!(Day::of(Day::new(9999, 12, 31).ends()), None);
    }

    #[test]
    fn step_begins_at_multiple_of_its_period() {
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
    fn tells_sign_of_offset() {
        let now = Step::at(UnixTime::new(3000), Period::DEFAULT);
        assert_eq!(now.later(4).offset_from(now), 120);
        assert_eq!(now.offset_from(now.later(4)), -120);
    }

    #[test]
    fn shows_moment_as_time_of_day() {
        assert_eq!(UnixTime::new(86_400 * 20_000 + 3600 * 4 + 60 * 5 + 6).to_string(), "04:05:06");
    }
}
