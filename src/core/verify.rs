//! Judges one code, recovery code or ticket against one locked record.

use std::hint::black_box;

use crate::policy::Verification;
use crate::proof::code::{Code, LongCode, Typed};
use crate::proof::recovery::{RecoveryCodes, SALT};
use crate::proof::state::{AttemptCounter, State};
use crate::proof::ticket::Ticket;
use crate::proof::totp::{self, Algorithm, Authenticator, Match};
use crate::store::files::LocalRecord;
use crate::store::files::credential::Credential;
use crate::store::{Durability, Record, StateRecord};
use crate::time::{Period, UnixTime};
use crate::verdict::{Accepted, ClockOffset, Denial, Proof, TicketFault};

/// What follows when a code is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It is used up, and failures are forgotten: somebody gets in.
    Accept,
    /// Nothing: somebody wants to know whether it works. Failures are charged all the same.
    Try,
}

/// Judges what was typed against a record of the local store, and unlocks it. Only then `remark` is called, with what an
/// administrator must know besides: the log may be slow, and other logins wait for the lock.
pub fn judge(
    mut record: LocalRecord,
    typed: &Typed,
    by: AttemptCounter,
    purpose: Purpose,
    rules: &Verification,
    now: UnixTime,
    remark: &mut dyn FnMut(&str),
) -> Result<Accepted, Denial> {
    let judged = verify(&mut record, typed, by, purpose, rules, now);
    let to_tell = record.remark;
    drop(record);
    to_tell.into_iter().for_each(remark);
    judged
}

/// Checks what was typed against a locked record.
pub fn verify(
    record: &mut impl Record,
    typed: &Typed,
    by: AttemptCounter,
    purpose: Purpose,
    rules: &Verification,
    now: UnixTime,
) -> Result<Accepted, Denial> {
    let untouched = record.state().clone();
    let (accepted, proof) = match typed {
        Typed::Code(code) => verify_code(record, code, by, rules, now),
        Typed::Recovery(code) => verify_recovery_code(record, code, by),
    }?;
    let next = match purpose {
        Purpose::Accept => accepted,
        Purpose::Try => untouched,
    };
    record.save(next, Durability::Flushed)?; // durable before granted
    Ok(Accepted { proof, recovery_left: record.state().recovery.left() })
}

/// Checks a code: the state in which it is used up, which is not saved yet. The order of these lines is the security argument.
fn verify_code(
    record: &mut impl Record,
    code: &Code,
    by: AttemptCounter,
    rules: &Verification,
    now: UnixTime,
) -> Result<(State, Proof), Denial> {
    let skew = u64::from(rules.skew_steps);
    let end = totp::window_end(&record.credential().authenticators, now, skew);
    let charged = record.state().charge(by, rules.lockout_after, end, now)?;
    record.save(charged, Durability::Written)?; // charged before compared

    let state = record.state();
    let found =
        totp::matching(&record.credential().authenticators, code, now, skew, |step| state.has_used(step));
    let judged = match found {
        Some(found) => state.accept(by, found.step).map(|next| (next, proof(found, now))), // refused if replayed
        None => Err(wrong(record, code, by, skew, now)),
    };
    settle_if_refused(record, judged)
}

/// Checks a recovery code, in the same order.
fn verify_recovery_code(
    record: &mut impl Record,
    code: &LongCode,
    by: AttemptCounter,
) -> Result<(State, Proof), Denial> {
    record.save(record.state().charge_recovery(by)?, Durability::Written)?; // charged before compared
    let accepted = record.state().accept_recovery(by, code, &record.credential().id);
    let judged = accepted.map(|next| (next, Proof::RecoveryCode));
    settle_if_refused(record, judged)
}

/// Checks a ticket of `uid`, in the same order. The right one gets its tries back: the enrollment uses it up, and may still fail.
pub(crate) fn verify_ticket(
    record: &mut impl StateRecord,
    uid: u32,
    typed: &LongCode,
    now: UnixTime,
) -> Result<Ticket, Denial> {
    record.save(record.state().charge_ticket(now)?, Durability::Written)?; // charged before compared
    let right = record.state().ticket.filter(|ticket| ticket.is(typed, uid)).map(Ticket::restored);
    let ticket = settle_if_refused(record, right.ok_or(Denial::WrongTicket(TicketFault::Wrong)))?;
    record.save(record.state().with_ticket(Some(ticket)), Durability::Flushed)?;
    Ok(ticket)
}

fn settle_if_refused<T>(record: &mut impl StateRecord, judged: Result<T, Denial>) -> Result<T, Denial> {
    if judged.is_err() {
        record.save(record.state().clone(), Durability::Flushed)?; // the charge outlives a power cut, too
    }
    judged
}

/// Judges what was typed for somebody who has no record, which takes as long, but for the lock and the flush, as for somebody
/// who has one: nobody shall tell by the clock who is enrolled.
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
    let judged =
        verify(&mut Nobody { credential, state }, typed, AttemptCounter::Hosts, Purpose::Try, rules, now);
    let _ = black_box(judged);
}

/// The record of nobody, which is kept nowhere.
struct Nobody {
    credential: Credential,
    state: State,
}

impl Record for Nobody {
    fn credential(&self) -> &Credential {
        &self.credential
    }
}

impl StateRecord for Nobody {
    fn state(&self) -> &State {
        &self.state
    }

    fn save(&mut self, _next: State, _how: Durability) -> Result<(), Denial> {
        Ok(())
    }
}

fn proof(found: Match<'_>, now: UnixTime) -> Proof {
    Proof::Code { authenticator: found.authenticator.label.clone(), offset: found.offset(now) }
}

fn wrong(record: &impl Record, code: &Code, by: AttemptCounter, skew: u64, now: UnixTime) -> Denial {
    let near = totp::near_miss(&record.credential().authenticators, code, now, skew);
    Denial::WrongCode {
        failures: record.state().count(by).codes,
        clock_offset: near.map(|near| ClockOffset {
            authenticator: near.authenticator.label.clone(),
            offset: near.offset(now),
        }),
    }
}

#[cfg(test)]
mod tests;
