//! Judges one code, recovery code or ticket against one locked record.

use std::hint::black_box;

use crate::policy::Verification;
use crate::proof::code::{Code, LongCode, Typed};
use crate::proof::recovery::{RecoveryCodes, SALT};
use crate::proof::state::{AttemptCounter, State};
use crate::proof::ticket::Ticket;
use crate::proof::totp::{self, Algorithm, Authenticator, Match};
use crate::store::files::credential::Credential;
use crate::store::{Advanced, Durability, Record, StoreError, StoredRecord};
use crate::time::{Period, UnixTime};
use crate::verdict::{Accepted, ClockOffset, Denial, Occasion, Origin, Proof, TicketFault};

/// What happens after a right code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The code is used up, and failures are forgotten: the user gets in.
    Accept,
    /// The try is given back: the user only tests the code. A wrong code is still charged.
    Try,
}

/// The circumstances of a try.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'r> {
    /// The counter of failures.
    pub by: AttemptCounter,
    /// What happens after a right code.
    pub purpose: Purpose,
    /// The policy's rules for codes.
    pub rules: &'r Verification,
    /// The present moment, and where the code was typed.
    pub on: Occasion,
}

/// Judges a typed answer against a record, then unlocks it. Only after that is `remark` called, with other facts that
/// an administrator must know: the log may be slow, and other logins wait for the lock. Without a record, the user is
/// not enrolled.
pub fn judge(
    record: Option<impl StoredRecord>,
    typed: &Typed,
    attempt: &Attempt<'_>,
    remark: &mut dyn FnMut(&str),
) -> Result<Accepted, Denial> {
    let mut record = record.ok_or(NOT_ENROLLED)?;
    let judged = verify(&mut record, typed, attempt);
    let to_tell = record.remark();
    drop(record);
    to_tell.into_iter().for_each(remark);
    judged
}

/// Checks a typed answer against a locked record.
pub fn verify(record: &mut impl Record, typed: &Typed, attempt: &Attempt<'_>) -> Result<Accepted, Denial> {
    let (proof, clock) = match typed {
        Typed::Code(code) => verify_code(record, code, attempt)?,
        Typed::Recovery(code) => (verify_recovery_code(record, code, attempt)?, None),
    };
    Ok(Accepted { proof, recovery_left: record.state().recovery.left(), clock, earlier: None })
}

/// Checks a code. The order of these lines is the security argument.
fn verify_code(
    record: &mut impl Record,
    code: &Code,
    attempt: &Attempt<'_>,
) -> Result<(Proof, Option<i64>), Denial> {
    let Attempt { by, purpose, rules, on } = *attempt;
    let (skew, now) = (u64::from(rules.skew_steps), on.at);
    let before = record.state().count(by);
    let end = totp::window_end(&enrolled(record)?.authenticators, now, skew);
    let charge = |state: &State| state.charge(by, rules.lockout_after, end, on);
    record.advance(Durability::Written, charge)??; // charged before compared

    let (state, authenticators) = (record.state(), &enrolled(record)?.authenticators);
    let found = totp::matching(authenticators, code, now, skew, |step| state.has_used(step));
    let judged = match found.map(|found| (found.step, proof(found, now))) {
        Some((step, proof)) => {
            let accept = |state: &State| match purpose {
                Purpose::Accept => state.accept(by, step, on), // refused if replayed
                Purpose::Try => state.refund(by, step, before),
            };
            record.advance(Durability::Flushed, accept)?.map(|()| proof) // durable before granted
        }
        None => Err(wrong(record, authenticators, code, by, skew, now)),
    };
    settle_if_refused(record, judged)
}

/// Checks a recovery code, in the same order.
fn verify_recovery_code(
    record: &mut impl Record,
    code: &LongCode,
    attempt: &Attempt<'_>,
) -> Result<Proof, Denial> {
    let Attempt { by, purpose, on, .. } = *attempt;
    let before = record.state().count(by);
    enrolled(record)?;
    record.advance(Durability::Written, |state| state.charge_recovery(by, on))??; // charged before compared
    let judged = match record.state().find_recovery(by, code, &enrolled(record)?.id) {
        Ok(hash) => {
            let accept = |state: &State| match purpose {
                Purpose::Accept => state.accept_recovery(by, &hash, on), // refused if used meanwhile
                Purpose::Try => state.refund_recovery(by, &hash, before),
            };
            record.advance(Durability::Flushed, accept)? // durable before granted
        }
        Err(wrong) => Err(wrong),
    };
    settle_if_refused(record, judged.map(|()| Proof::RecoveryCode))
}

/// Checks a ticket of `uid`, in the same order. The right one gets its tries back: the enrollment uses it up, and may
/// still fail.
pub(crate) fn verify_ticket(
    record: &mut impl Record,
    uid: u32,
    typed: &LongCode,
    now: UnixTime,
) -> Result<Ticket, Denial> {
    record.advance(Durability::Written, |state| state.charge_ticket(now))??; // charged before compared
    let judged = match record.state().ticket.filter(|ticket| ticket.is(typed, uid)) {
        Some(ticket) => {
            let restored = record.advance(Durability::Flushed, |state| state.restore_ticket(ticket))?;
            restored.map(|()| ticket.restored()) // refused if withdrawn meanwhile
        }
        None => Err(Denial::WrongTicket(TicketFault::Wrong)),
    };
    settle_if_refused(record, judged)
}

fn settle_if_refused<T>(record: &mut impl Record, judged: Result<T, Denial>) -> Result<T, Denial> {
    if judged.is_err() {
        record.settle()?; // the charge outlives a power cut, too
    }
    judged
}

/// The credential existed when the user was asked, and is gone now.
pub(crate) const NOT_ENROLLED: Denial = Denial::NotEnrolled { cause: None };

fn enrolled(record: &impl Record) -> Result<&Credential, Denial> {
    record.credential().ok_or(NOT_ENROLLED)
}

/// Judges a typed answer for a user who has no record. This takes as long as for a user who has one, except for the
/// lock and the flush, so that the time does not reveal who is enrolled.
pub(crate) fn pretend(typed: &Typed, rules: &Verification, now: UnixTime) {
    let secret = [0; 20];
    let Ok(phone) = Authenticator::new(String::new(), &secret, Algorithm::SHA1, 6, Period::DEFAULT, None)
    else {
        return;
    };
    let credential =
        Credential { uid: 0, name: String::new(), id: String::new(), authenticators: vec![phone] };
    let recovery = RecoveryCodes { salt: [1; SALT], hashes: RecoveryCodes::NONE.hashes };
    let state = State::new("", UnixTime::new(0)).with_recovery(recovery);
    let on = Occasion { at: now, from: Origin::OWN_PROGRAM };
    let attempt = Attempt { by: AttemptCounter::Hosts, purpose: Purpose::Try, rules, on };
    let judged = verify(&mut Nobody { credential, state }, typed, &attempt);
    let _ = black_box(judged);
}

/// The record of no user, which is stored nowhere.
struct Nobody {
    credential: Credential,
    state: State,
}

impl Record for Nobody {
    fn credential(&self) -> Option<&Credential> {
        Some(&self.credential)
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn advance(&mut self, _: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced {
        Ok(next(&self.state).map(drop))
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The proof, and the offset of the phone's clock if it is more than one period.
fn proof(found: Match<'_>, now: UnixTime) -> (Proof, Option<i64>) {
    let Match { authenticator, .. } = found;
    let offset = found.offset(now);
    let is_far = offset.unsigned_abs() > authenticator.period.seconds();
    (Proof::Code { authenticator: authenticator.label.clone(), offset }, is_far.then_some(offset))
}

fn wrong(
    record: &impl Record,
    authenticators: &[Authenticator],
    code: &Code,
    by: AttemptCounter,
    skew: u64,
    now: UnixTime,
) -> Denial {
    let near = totp::near_miss(authenticators, code, now, skew);
    Denial::WrongCode {
        failures: record.state().count(by).codes,
        clock_offset: near.map(|near| ClockOffset {
            authenticator: near.authenticator.label.clone(),
            offset: near.offset(now),
            step: near.step,
        }),
    }
}

#[cfg(test)]
mod tests;
