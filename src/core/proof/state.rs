//! The state that changes at a login: the mark, the failures, the waiting time, the recovery codes. Each operation
//! returns the next state; none saves it.

use crate::proof::code::LongCode;
use crate::proof::recovery::{RecoveryCodes, RecoveryHash};
use crate::proof::ticket::Ticket;
use crate::time::{Step, UnixTime};
use crate::verdict::{Alternative, Denial, EarlierFailures, Occasion, TicketFault};

pub use crate::verdict::AttemptCounter;

/// Failures in a row without a waiting time.
const FREE_FAILURES: u16 = 3;
/// The first waiting time, in seconds. Each further failure doubles it.
const FIRST_WAIT: u64 = 30;
/// The longest waiting time, in seconds.
const LONGEST_WAIT: u64 = 3600;
/// Wrong recovery codes in a row until they are disabled. Guessing one is hopeless, so this limit can be high. It is
/// separate from the limit for codes: an attacker who uses up the tries for codes does not lock out the user's recovery
/// codes.
const RECOVERY_LIMIT: u16 = 100;

/// Failures in a row, and the time of the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// Codes that failed since the last success by this counter.
    pub codes: u16,
    /// Recovery codes that failed since the last success by this counter.
    pub recovery: u16,
    /// When the last failure was charged; the epoch if there was none.
    pub last: UnixTime,
    /// When and where the last failure of either kind was charged. None if there was none, if it was at the helper, or if
    /// the record cannot hold it (format 1).
    pub tried: Option<Occasion>,
}

impl Count {
    /// No failure, neither of a code nor of a recovery code.
    pub const NONE: Self = Self { codes: 0, recovery: 0, last: UnixTime::new(0), tried: None };

    /// These failures at the programs of `by`, for a user who now succeeds; none if there are none. Without `tried`, the
    /// time of a recovery code is not known.
    pub fn earlier(self, by: AttemptCounter) -> Option<EarlierFailures> {
        let refused = self.codes.saturating_add(self.recovery);
        let last = self.tried.map(|tried| tried.at).or((self.recovery == 0).then_some(self.last));
        let from = self.tried.map(|tried| tried.from);
        (refused > 0).then_some(EarlierFailures { refused, last, by, from })
    }

    /// These failures and one more of the programs of `by`. The callers of the helper are the user's own programs, so
    /// the service and host are not kept.
    fn after(self, tried: Occasion, by: AttemptCounter) -> Self {
        Self { tried: (by == AttemptCounter::Hosts).then_some(tried), ..self }
    }

    /// These failures after one was given back. If the counts are those of `before`, `tried` is that of `before`, too.
    fn refunded(self, before: Self) -> Self {
        let is_before = (self.codes, self.recovery) == (before.codes, before.recovery);
        Self { tried: if is_before { before.tried } else { self.tried }, ..self }
    }

    /// Until when codes are refused; none if they are accepted at `now`. If the last failure is in the future, the
    /// clock was set back. The wait would then be longer than its own length, so it is over.
    pub fn waits_until(&self, now: UnixTime) -> Option<UnixTime> {
        let doublings = self.codes.checked_sub(FREE_FAILURES)?;
        let factor = 1u64.checked_shl(doublings.into()).unwrap_or(u64::MAX);
        let length = FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT);
        let elapsed = now.since(self.last)?;
        (elapsed < length).then(|| self.last.plus(length))
    }
}

/// An administrator's requirement of a second step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// When it was set. None if the record cannot hold that (format 1).
    pub since: Option<UnixTime>,
}

/// The state of one account. It outlives the credential, so that a new credential does not make old codes usable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The account's canonical name.
    pub name: String,
    /// The latest moment whose codes are used up. A code whose step begins at or before it is a replay.
    pub mark: UnixTime,
    /// Failures at programs that run as root.
    pub hosts: Count,
    /// Failures at the helper.
    pub helper: Count,
    /// An administrator's requirement of a second step, where the policy makes it optional.
    pub requirement: Option<Requirement>,
    /// An administrator's permission to enroll, if there is one.
    pub ticket: Option<Ticket>,
    /// The hashes of the recovery codes that are left.
    pub recovery: RecoveryCodes,
    /// When and where a code or recovery code was last accepted. None if there was none, or if the record cannot hold it
    /// (format 1).
    pub granted: Option<Occasion>,
}

impl State {
    /// A state that holds only the mark.
    pub fn new(name: &str, mark: UnixTime) -> Self {
        Self {
            name: name.to_owned(),
            mark,
            hosts: Count::NONE,
            helper: Count::NONE,
            requirement: None,
            ticket: None,
            recovery: RecoveryCodes::NONE,
            granted: None,
        }
    }

    /// The failures at the programs of `by`.
    pub fn count(&self, by: AttemptCounter) -> Count {
        match by {
            AttemptCounter::Hosts => self.hosts,
            AttemptCounter::Helper => self.helper,
        }
    }

    fn with_count(&self, by: AttemptCounter, count: Count) -> Self {
        match by {
            AttemptCounter::Hosts => Self { hosts: count, ..self.clone() },
            AttemptCounter::Helper => Self { helper: count, ..self.clone() },
        }
    }

    /// Charges one try, before the code is looked at. The try is refused and not charged in three cases: the user must
    /// wait; there were `limit` failures in a row; the mark is later than `window_end`, the last moment at which an
    /// acceptable step begins. `tried` is the present try.
    pub(crate) fn charge(
        &self,
        by: AttemptCounter,
        limit: u16,
        window_end: UnixTime,
        tried: Occasion,
    ) -> Result<Self, Denial> {
        let now = tried.at;
        let (count, alternative) = (self.count(by), self.alternative(by));
        if count.codes >= limit {
            return Err(Denial::Disabled { name: self.name.clone(), alternative });
        }
        if let Some(until) = count.waits_until(now) {
            return Err(Denial::Waiting { until, now, alternative });
        }
        if self.is_ahead_of(window_end) {
            return Err(Denial::ClockAnomaly { name: self.name.clone(), mark: self.mark, now, alternative });
        }
        let codes = count.codes.saturating_add(1);
        Ok(self.with_count(by, Count { codes, last: now, ..count }.after(tried, by)))
    }

    /// Fails if the mark is later than `window_end`. Then no code would be accepted, of a new authenticator or of
    /// another.
    pub(crate) fn check_clock(&self, window_end: UnixTime, now: UnixTime) -> Result<(), Denial> {
        if !self.is_ahead_of(window_end) {
            return Ok(());
        }
        Err(Denial::ClockAnomaly {
            name: self.name.clone(),
            mark: self.mark,
            now,
            alternative: Alternative::None,
        })
    }

    /// What the user can still use while codes are refused.
    fn alternative(&self, by: AttemptCounter) -> Alternative {
        let usable = self.recovery.left() > Some(0) && !self.has_disabled_recovery(by);
        if usable { Alternative::RecoveryCode } else { Alternative::None }
    }

    /// Charges one recovery code, before it is looked at. There is no waiting time. The time of a recovery code does
    /// not change how long codes are refused.
    pub(crate) fn charge_recovery(&self, by: AttemptCounter, tried: Occasion) -> Result<Self, Denial> {
        if self.has_disabled_recovery(by) {
            return Err(Denial::RecoveryDisabled { name: self.name.clone() });
        }
        let count = self.count(by);
        let recovery = count.recovery.saturating_add(1);
        Ok(self.with_count(by, Count { recovery, ..count }.after(tried, by)))
    }

    /// Whether so many recovery codes failed at the programs of `by` that they are disabled there.
    pub(crate) fn has_disabled_recovery(&self, by: AttemptCounter) -> bool {
        self.count(by).recovery >= RECOVERY_LIMIT
    }

    /// The hash of `code`, if it is a recovery code of the credential called `id`.
    pub fn find_recovery(
        &self,
        by: AttemptCounter,
        code: &LongCode,
        id: &str,
    ) -> Result<RecoveryHash, Denial> {
        self.recovery.find(code, id).ok_or_else(|| self.wrong_recovery(by))
    }

    /// Accepts the recovery code of this hash, once. This ends a lockout and keeps the mark.
    pub fn accept_recovery(
        &self,
        by: AttemptCounter,
        hash: &RecoveryHash,
        granted: Occasion,
    ) -> Result<Self, Denial> {
        let recovery = self.recovery.without(hash).ok_or_else(|| self.wrong_recovery(by))?;
        Ok(Self { recovery, granted: Some(granted), ..self.with_count(by, Count::NONE) })
    }

    /// Gives back one charge for a recovery code, if the code of this hash is still in the set. `before` are the failures
    /// before the charge.
    pub(crate) fn refund_recovery(
        &self,
        by: AttemptCounter,
        hash: &RecoveryHash,
        before: Count,
    ) -> Result<Self, Denial> {
        if !self.recovery.has(hash) {
            return Err(self.wrong_recovery(by));
        }
        let count = self.count(by);
        let recovery = count.recovery.saturating_sub(1);
        Ok(self.with_count(by, Count { recovery, ..count }.refunded(before)))
    }

    fn wrong_recovery(&self, by: AttemptCounter) -> Denial {
        Denial::WrongRecoveryCode { failures: self.count(by).recovery }
    }

    /// A new set of recovery codes that replaces the old one, with all tries.
    pub fn with_recovery(&self, recovery: RecoveryCodes) -> Self {
        let fresh = |count: Count| Count { recovery: 0, ..count };
        Self { recovery, hosts: fresh(self.hosts), helper: fresh(self.helper), ..self.clone() }
    }

    /// Sets or removes an administrator's requirement.
    pub fn with_requirement(&self, requirement: Option<Requirement>) -> Self {
        Self { requirement, ..self.clone() }
    }

    /// Charges one ticket, before it is looked at.
    pub fn charge_ticket(&self, now: UnixTime) -> Result<Self, Denial> {
        let ticket = self.ticket.ok_or(Denial::WrongTicket(TicketFault::None))?;
        if now >= ticket.expires {
            return Err(Denial::WrongTicket(TicketFault::Expired));
        }
        let charged = ticket.charged().ok_or(Denial::WrongTicket(TicketFault::Dead))?;
        Ok(self.with_ticket(Some(charged)))
    }

    /// Gives `ticket` all its tries back, if the state still holds it: an administrator may have withdrawn it.
    pub(crate) fn restore_ticket(&self, ticket: Ticket) -> Result<Self, Denial> {
        let same = self.ticket.filter(|one| one.hash == ticket.hash);
        let restored = same.ok_or(Denial::WrongTicket(TicketFault::None))?.restored();
        Ok(self.with_ticket(Some(restored)))
    }

    /// Sets another ticket, or none.
    pub fn with_ticket(&self, ticket: Option<Ticket>) -> Self {
        Self { ticket, ..self.clone() }
    }

    /// Accepts `step`, once: a step that begins at or before the mark is a replay.
    pub(crate) fn accept(&self, by: AttemptCounter, step: Step, granted: Occasion) -> Result<Self, Denial> {
        self.check_unused(by, step)?;
        Ok(Self { mark: step.begins(), granted: Some(granted), ..self.with_count(by, Count::NONE) })
    }

    /// Gives back one charge for a code, if `step` could be accepted. Other charges stay. If there is none since
    /// `before`, the waiting time is the old one again.
    pub(crate) fn refund(&self, by: AttemptCounter, step: Step, before: Count) -> Result<Self, Denial> {
        self.check_unused(by, step)?;
        let count = self.count(by);
        let codes = count.codes.saturating_sub(1);
        let last = if codes == before.codes { before.last } else { count.last };
        Ok(self.with_count(by, Count { codes, last, ..count }.refunded(before)))
    }

    fn check_unused(&self, by: AttemptCounter, step: Step) -> Result<(), Denial> {
        if self.has_used(step) { Err(Denial::Replayed { failures: self.count(by).codes }) } else { Ok(()) }
    }

    /// Whether codes of `step` are used up.
    pub(crate) fn has_used(&self, step: Step) -> bool {
        step.begins() <= self.mark
    }

    /// Whether the mark is later than every step that could be accepted. Then the clock is wrong, or was.
    pub fn is_ahead_of(&self, window_end: UnixTime) -> bool {
        self.mark > window_end
    }

    /// Marks every step up to the one that begins at `mark` as used. This never lowers the mark.
    pub(crate) fn burn(&self, mark: UnixTime) -> Self {
        Self { mark: self.mark.max(mark), ..self.clone() }
    }

    /// This state before its credential is stored: the tries and the ticket of `before` are still used up.
    pub(crate) fn held_back(&self, before: &Self) -> Self {
        let held = Self { hosts: before.hosts, helper: before.helper, ticket: before.ticket, ..self.clone() };
        if held.recovery == before.recovery { held } else { held.with_recovery(self.recovery.clone()) }
    }

    /// Ends a lockout: an administrator's act.
    pub fn unlock(&self) -> Self {
        Self { hosts: Count::NONE, helper: Count::NONE, ..self.clone() }
    }

    /// Sets a mark that is in the future back to `window_end`, so that no code of the present window is usable.
    pub fn reset_clock(&self, window_end: UnixTime) -> Self {
        Self { mark: self.mark.min(window_end), ..self.clone() }
    }

    /// Removes what belongs to a credential, for the account now called `name`. The mark stays, so that no old code
    /// becomes usable. An administrator's requirement stays too, unless the uid now belongs to another account.
    pub fn forget(&self, name: &str) -> Self {
        let requirement = self.requirement.filter(|_| name == self.name);
        Self { requirement, ..Self::new(name, self.mark) }
    }
}

#[cfg(test)]
mod tests;
