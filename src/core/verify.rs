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

/// Judges what was typed against the record of somebody on this machine. `remark` is told what an administrator must know
/// besides, when the record is no longer locked: the log may be slow, and other logins wait for the lock.
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

/// Checks a ticket with which `uid` may enroll once, in the same order. The right one is given back its tries: it is used up
/// by the enrollment, which may still fail.
pub fn verify_ticket(
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
pub fn pretend(typed: &Typed, rules: &Verification, now: UnixTime) {
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
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

    use super::*;
    use crate::proof::recovery::hash;
    use crate::test_support::phone;

    /// A record that remembers each save, and fails from a given one on.
    struct Remembering {
        credential: Credential,
        state: State,
        saves: Vec<(u16, Durability)>,
        fail_from: usize,
    }

    impl Record for Remembering {
        fn credential(&self) -> &Credential {
            &self.credential
        }
    }

    impl StateRecord for Remembering {
        fn state(&self) -> &State {
            &self.state
        }
        fn save(&mut self, next: State, how: Durability) -> Result<(), Denial> {
            if self.saves.len() >= self.fail_from {
                return Err(Denial::Unavailable("disk".to_owned()));
            }
            self.saves.push((next.hosts.codes, how));
            self.state = next;
            Ok(())
        }
    }

    fn record(fail_from: usize) -> Remembering {
        let credential = Credential {
            id: "an id".to_owned(),
            uid: 1001,
            name: "ada".to_owned(),
            authenticators: vec![phone("phone")],
        };
        Remembering { credential, state: State::new("ada", UnixTime::new(0)), saves: Vec::new(), fail_from }
    }

    fn judge(record: &mut Remembering, code: &str, step: u64) -> Result<Accepted, Denial> {
        judge_for(record, code, Purpose::Accept, step)
    }

    fn judge_for(
        record: &mut Remembering,
        code: &str,
        purpose: Purpose,
        step: u64,
    ) -> Result<Accepted, Denial> {
        let typed = Typed::parse(code.as_bytes()).unwrap();
        let rules = Verification::default();
        verify(record, &typed, AttemptCounter::Hosts, purpose, &rules, UnixTime::new(step * 30))
    }

    #[test]
    fn who_only_tries_a_code_pays_for_a_wrong_one_and_changes_nothing_by_a_right_one() {
        let mut record = record(9);
        record.state.hosts.codes = 2;
        let before = record.state.clone();
        assert!(judge_for(&mut record, "254676", Purpose::Try, 5).is_ok());
        assert_eq!(record.state, before);
        assert_eq!(record.saves, [(3, Durability::Written), (2, Durability::Flushed)], "charged meanwhile");
        assert!(judge_for(&mut record, "254676", Purpose::Try, 5).is_ok(), "it is not used up");
        let wrong = judge_for(&mut record, "000000", Purpose::Try, 5);
        assert_eq!(wrong, Err(Denial::WrongCode { failures: 3, clock_offset: None }));
        let mut record = self::record(9);
        judge(&mut record, "254676", 5).unwrap();
        let used = judge_for(&mut record, "254676", Purpose::Try, 5);
        assert_eq!(used, Err(Denial::Replayed { failures: 1 }), "it would not let in, either");
    }

    #[test]
    fn a_right_code_is_charged_then_accepted_with_one_flush() {
        let mut record = record(9);
        let accepted = judge(&mut record, "254676", 5).unwrap();
        let proof = Proof::Code { authenticator: "phone".to_owned(), offset: 0 };
        assert_eq!(accepted, Accepted { proof, recovery_left: None });
        assert_eq!(record.saves, [(1, Durability::Written), (0, Durability::Flushed)]);
        assert_eq!(record.state.mark, UnixTime::new(150));
    }

    #[test]
    fn a_wrong_code_stays_charged_with_one_flush() {
        let mut record = record(9);
        assert_eq!(
            judge(&mut record, "000000", 5),
            Err(Denial::WrongCode { failures: 1, clock_offset: None })
        );
        assert_eq!(record.saves, [(1, Durability::Written), (1, Durability::Flushed)]);
    }

    #[test]
    fn a_code_works_once() {
        let mut record = record(9);
        judge(&mut record, "254676", 5).unwrap();
        assert_eq!(judge(&mut record, "254676", 5), Err(Denial::Replayed { failures: 1 }));
        assert!(matches!(judge(&mut record, "338314", 5), Err(Denial::Replayed { .. })), "an earlier step");
        assert!(judge(&mut record, "287922", 5).is_ok(), "the next step");
    }

    #[test]
    fn nothing_is_granted_that_could_not_be_saved() {
        for fail_from in [0, 1] {
            assert_eq!(
                judge(&mut record(fail_from), "254676", 5),
                Err(Denial::Unavailable("disk".to_owned()))
            );
        }
    }

    #[test]
    fn nothing_is_compared_that_could_not_be_charged() {
        let mut record = record(9);
        record.state.hosts.codes = 20;
        assert!(matches!(judge(&mut record, "254676", 5), Err(Denial::Disabled { .. })));
        assert!(record.saves.is_empty());
    }

    #[test]
    fn a_recovery_code_is_charged_then_accepted_once_with_one_flush() {
        let mut record = record(9);
        record.state.recovery = RecoveryCodes { salt: [1; 16], ..RecoveryCodes::NONE };
        record.state.recovery.hashes[0] = hash(&LongCode::new([0; 10]), &[&[1; 16][..], b"an id"].concat());
        record.state.hosts.codes = 20;
        let accepted = judge(&mut record, "oooo-0000-0000-0000", 5).unwrap();
        assert_eq!(accepted, Accepted { proof: Proof::RecoveryCode, recovery_left: Some(0) });
        assert_eq!(record.saves, [(20, Durability::Written), (0, Durability::Flushed)]);
        let again = judge(&mut record, "0000-0000-0000-0000", 5);
        assert_eq!(again, Err(Denial::WrongRecoveryCode { failures: 1 }));
        assert_eq!(record.saves.len(), 4, "a wrong one is charged and flushed");
        assert_eq!(record.state.mark, UnixTime::new(0));
    }

    fn the_ticket() -> LongCode {
        LongCode::new([8; 10])
    }

    /// A record with a ticket for uid 1001, which expires at 1,000.
    fn with_ticket(fail_from: usize) -> Remembering {
        let mut record = record(fail_from);
        record.state.ticket = Some(Ticket::issue(&the_ticket(), 1001, UnixTime::new(1000)));
        record
    }

    fn tries(record: &Remembering) -> u8 {
        record.state.ticket.unwrap().tries
    }

    fn judge_ticket(record: &mut Remembering, uid: u32, typed: &LongCode) -> Result<Ticket, Denial> {
        verify_ticket(record, uid, typed, UnixTime::new(999))
    }

    fn durabilities(record: &Remembering) -> Vec<Durability> {
        record.saves.iter().map(|(_, how)| *how).collect()
    }

    #[test]
    fn charges_ticket_then_restores_the_right_one() {
        let mut record = with_ticket(9);
        let before = record.state.ticket;
        assert_eq!(judge_ticket(&mut record, 1001, &the_ticket()).ok(), before);
        assert_eq!(record.state.ticket, before);
        assert_eq!(durabilities(&record), [Durability::Written, Durability::Flushed]);
        assert!(judge_ticket(&mut record, 1001, &the_ticket()).is_ok(), "the enrollment uses it up");
    }

    #[test]
    fn keeps_wrong_tickets_charged_on_disk() {
        let mut record = with_ticket(9);
        for (left, typed, uid) in [(2, LongCode::new([9; 10]), 1001), (1, the_ticket(), 1002)] {
            record.saves.clear();
            let judged = judge_ticket(&mut record, uid, &typed);
            assert_eq!(judged, Err(Denial::WrongTicket(TicketFault::Wrong)));
            assert_eq!(tries(&record), left);
            assert_eq!(durabilities(&record), [Durability::Written, Durability::Flushed]);
        }
        assert!(judge_ticket(&mut record, 1001, &the_ticket()).is_ok());
        assert_eq!(tries(&record), 3);
    }

    #[test]
    fn compares_no_ticket_that_is_dead_expired_or_missing() {
        let at =
            |record: &mut Remembering, now| verify_ticket(record, 1001, &the_ticket(), UnixTime::new(now));
        let mut record = with_ticket(9);
        assert_eq!(at(&mut record, 1000), Err(Denial::WrongTicket(TicketFault::Expired)));
        record.state.ticket.as_mut().unwrap().tries = 0;
        assert_eq!(at(&mut record, 999), Err(Denial::WrongTicket(TicketFault::Dead)));
        record.state.ticket = None;
        assert_eq!(at(&mut record, 999), Err(Denial::WrongTicket(TicketFault::None)));
        assert!(record.saves.is_empty());
    }

    #[test]
    fn accepts_no_ticket_that_could_not_be_saved() {
        for fail_from in [0, 1] {
            let judged = judge_ticket(&mut with_ticket(fail_from), 1001, &the_ticket());
            assert_eq!(judged, Err(Denial::Unavailable("disk".to_owned())));
        }
    }

    #[test]
    fn a_phone_whose_clock_is_wrong_is_told_from_a_guess() {
        let mut record = record(9);
        let Err(Denial::WrongCode { clock_offset, .. }) = judge(&mut record, "520489", 5) else { panic!() };
        assert_eq!(clock_offset, Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120 }));
    }
}
