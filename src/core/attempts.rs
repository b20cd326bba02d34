//! What changes at a login: the mark, the failures, the waiting time. Each operation returns the next state; none saves it.

use crate::time::{Step, UnixTime};
use crate::verdict::Denial;

/// Failures in a row that cost no waiting time yet.
const FREE_FAILURES: u16 = 3;
/// The first waiting time, in seconds; each further failure doubles it.
const FIRST_WAIT: u64 = 30;
/// The longest waiting time, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// Whose failures are counted: each has a count of its own, so that a program of the user's cannot use up the tries of sshd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Budget {
    /// Programs that run as root: sshd, login, sudo, su.
    Hosts,
    /// The helper, which any program of the user's can start.
    Helper,
}

/// Failures in a row, and when the last one was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// Codes that failed since the last success of this budget.
    pub codes: u16,
    /// Recovery codes that failed since the last success of this budget.
    pub recovery: u16,
    /// When the last failure was charged; the epoch if there was none.
    pub last: UnixTime,
}

impl Count {
    /// No failure.
    pub const NONE: Self = Self { codes: 0, recovery: 0, last: UnixTime::new(0) };

    /// Until when codes are refused, if they are at `now`. Who finds the last failure in the future has had the clock
    /// set back: the wait would be longer than its own length, and is over.
    pub fn waits_until(&self, now: UnixTime) -> Option<UnixTime> {
        let doublings = self.codes.checked_sub(FREE_FAILURES)?;
        let factor = 1u64.checked_shl(doublings.into()).unwrap_or(u64::MAX);
        let length = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        let elapsed = now.since(self.last)?;
        (elapsed < length).then(|| self.last.plus(length))
    }
}

/// The state of one account. A state outlives the credential, so that a new credential does not make old codes usable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The account's canonical name.
    pub name: String,
    /// The latest moment whose codes are used up: a code whose step begins at or before it is a replay.
    pub mark: UnixTime,
    /// Failures at root's hosts.
    pub hosts: Count,
    /// Failures at the helper.
    pub helper: Count,
    /// The bytes that later versions fill (requirement, ticket, recovery codes), kept as they are.
    pub rest: Rest,
}

/// What is kept in a slot without being looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct Rest {
    /// Whether an administrator requires a second step of this account.
    pub requirement: u8,
    /// Ticket, salt and recovery codes.
    pub bytes: [u8; 304],
}

impl Rest {
    /// Nothing is required, allowed or stored.
    pub const EMPTY: Self = Self { requirement: 0, bytes: [0; 304] };
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rest(..)")
    }
}

impl State {
    /// A state with nothing in it but the mark.
    pub fn new(name: &str, mark: UnixTime) -> Self {
        Self { name: name.to_owned(), mark, hosts: Count::NONE, helper: Count::NONE, rest: Rest::EMPTY }
    }

    /// The failures that `by` has used up.
    pub fn count(&self, by: Budget) -> Count {
        match by {
            Budget::Hosts => self.hosts,
            Budget::Helper => self.helper,
        }
    }

    fn with_count(&self, by: Budget, count: Count) -> Self {
        match by {
            Budget::Hosts => Self { hosts: count, ..self.clone() },
            Budget::Helper => Self { helper: count, ..self.clone() },
        }
    }

    /// Pays for one try, before it is looked at. Refused, and free, while the person must wait, once `limit` failures in a
    /// row were reached, and if the mark lies beyond `window_end`, the last moment at which an acceptable step begins.
    pub fn charge(
        &self,
        by: Budget,
        limit: u16,
        window_end: UnixTime,
        now: UnixTime,
    ) -> Result<Self, Denial> {
        let count = self.count(by);
        if count.codes >= limit {
            return Err(Denial::Disabled { name: self.name.clone() });
        }
        if let Some(until) = count.waits_until(now) {
            return Err(Denial::Waiting { until, now });
        }
        if self.is_ahead_of(window_end) {
            return Err(Denial::ClockAnomaly { name: self.name.clone(), mark: self.mark, now });
        }
        Ok(self.with_count(by, Count { codes: count.codes.saturating_add(1), last: now, ..count }))
    }

    /// Accepts `step`, once: a step that begins at or before the mark is a replay.
    pub fn accept(&self, by: Budget, step: Step) -> Result<Self, Denial> {
        if self.has_used(step) {
            return Err(Denial::Replayed { failures: self.count(by).codes });
        }
        Ok(Self { mark: step.begins(), ..self.with_count(by, Count::NONE) })
    }

    /// Whether codes of `step` are used up.
    pub fn has_used(&self, step: Step) -> bool {
        step.begins() <= self.mark
    }

    /// Whether the mark lies beyond every step that could be accepted: the clock was, or is, wrong.
    pub fn is_ahead_of(&self, window_end: UnixTime) -> bool {
        self.mark > window_end
    }

    /// Burns every step up to the one that begins at `mark`. The mark never goes down here.
    pub fn burn(&self, mark: UnixTime) -> Self {
        Self { mark: self.mark.max(mark), ..self.clone() }
    }

    /// Ends a lockout: an administrator's act.
    pub fn unlock(&self) -> Self {
        Self { hosts: Count::NONE, helper: Count::NONE, ..self.clone() }
    }

    /// Puts a mark that lies in the future back to `window_end`, so that no code of the present window is usable.
    pub fn reset_clock(&self, window_end: UnixTime) -> Self {
        Self { mark: self.mark.min(window_end), ..self.clone() }
    }

    /// Forgets what belongs to a credential, for the account now called `name`. The mark stays, so that no old code becomes
    /// usable; so does what an administrator requires, unless the uid now is somebody else's.
    pub fn forget(&self, name: &str) -> Self {
        let requirement = if name == self.name { self.rest.requirement } else { Rest::EMPTY.requirement };
        Self { rest: Rest { requirement, ..Rest::EMPTY }, ..Self::new(name, self.mark) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Period;

    const NOW: UnixTime = UnixTime::new(1_000_000);
    const FAR: UnixTime = UnixTime::new(u64::MAX);

    fn failed(times: u16) -> State {
        let last = if times == 0 { UnixTime::new(0) } else { NOW };
        State { hosts: Count { codes: times, recovery: 0, last }, ..State::new("ada", UnixTime::new(0)) }
    }

    fn charge(state: &State, now: UnixTime) -> Result<State, Denial> {
        state.charge(Budget::Hosts, 20, FAR, now)
    }

    #[test]
    fn waits_double_from_30_s_to_an_hour() {
        let waits: Vec<u64> = (0..13)
            .map(|times| failed(times).hosts.waits_until(NOW).map_or(0, |until| until.since(NOW).unwrap()))
            .collect();
        assert_eq!(waits, [0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(failed(u16::MAX).hosts.waits_until(NOW), Some(NOW.plus(3600)));
    }

    #[test]
    fn a_charge_is_refused_while_waiting_and_costs_nothing() {
        assert_eq!(
            charge(&failed(3), NOW.plus(29)),
            Err(Denial::Waiting { until: NOW.plus(30), now: NOW.plus(29) })
        );
        assert_eq!(charge(&failed(3), NOW.plus(30)).unwrap().hosts.codes, 4);
    }

    #[test]
    fn a_clock_set_back_ends_the_wait_and_keeps_the_count() {
        let charged = charge(&failed(9), UnixTime::new(5)).unwrap();
        assert_eq!(charged.hosts.codes, 10);
    }

    #[test]
    fn the_hard_stop_outlives_every_wait() {
        assert_eq!(charge(&failed(20), FAR), Err(Denial::Disabled { name: "ada".to_owned() }));
        assert_eq!(charge(&failed(20), UnixTime::new(0)), Err(Denial::Disabled { name: "ada".to_owned() }));
        assert!(charge(&failed(19), FAR).is_ok());
    }

    #[test]
    fn one_budget_does_not_use_up_the_other() {
        let state = failed(20);
        let charged = state.charge(Budget::Helper, 20, FAR, NOW).unwrap();
        assert_eq!((charged.hosts.codes, charged.helper.codes), (20, 1));
    }

    #[test]
    fn a_step_is_accepted_once_and_never_after_a_later_one() {
        let step = Step::at(NOW, Period::DEFAULT);
        let state = failed(2).accept(Budget::Hosts, step).unwrap();
        assert_eq!(state.hosts, Count::NONE);
        assert_eq!(state.accept(Budget::Hosts, step), Err(Denial::Replayed { failures: 0 }));
        let next = state.accept(Budget::Hosts, step.later(1)).unwrap();
        assert!(next.accept(Budget::Hosts, step).is_err());
    }

    #[test]
    fn a_mark_in_the_future_refuses_codes_and_charges_nothing() {
        let state = State::new("ada", NOW.plus(61));
        let refused = state.charge(Budget::Hosts, 20, NOW.plus(60), NOW);
        assert_eq!(
            refused,
            Err(Denial::ClockAnomaly { name: "ada".to_owned(), mark: NOW.plus(61), now: NOW })
        );
        let mended = state.reset_clock(NOW.plus(60));
        assert!(mended.charge(Budget::Hosts, 20, NOW.plus(60), NOW).is_ok());
    }

    #[test]
    fn a_reset_keeps_the_mark_and_what_an_administrator_requires() {
        assert_eq!(State::new("bob", NOW).forget("ada"), State::new("ada", NOW));
        let required = State { rest: Rest { requirement: 1, bytes: [7; 304] }, ..State::new("ada", NOW) };
        assert_eq!(required.forget("ada").rest, Rest { requirement: 1, ..Rest::EMPTY });
        assert_eq!(required.forget("bob").rest, Rest::EMPTY, "somebody else");
    }

    #[test]
    fn burning_never_lowers_the_mark() {
        assert_eq!(State::new("ada", NOW).burn(UnixTime::new(5)).mark, NOW);
        assert_eq!(State::new("ada", NOW).burn(NOW.plus(5)).mark, NOW.plus(5));
    }
}
