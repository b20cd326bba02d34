#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use super::*;
use crate::proof::recovery::hash;
use crate::proof::state::Count;
use crate::store::Store;
use crate::test_support::{Scratch, ada, another, phone};
use crate::time::Step;

/// A record that remembers each save. One save fails, counted from 0; those before and after it succeed.
struct Remembering {
    credential: Credential,
    state: State,
    saves: Vec<(u16, Durability)>,
    until_failure: Option<usize>,
    /// What another host saves between charge and acceptance.
    meanwhile: Option<fn(State) -> State>,
}

/// The error of the save that fails.
const LOST: StoreError = StoreError::StateRemoved { uid: 1001 };

impl Remembering {
    fn save(&mut self, next: State, how: Durability) -> Result<(), StoreError> {
        let left = self.until_failure.take();
        if left == Some(0) {
            return Err(LOST);
        }
        self.until_failure = left.map(|left| left - 1);
        self.saves.push((next.hosts.codes, how));
        self.state = next;
        Ok(())
    }
}

impl Record for Remembering {
    fn credential(&self) -> Option<&Credential> {
        Some(&self.credential)
    }
    fn state(&self) -> &State {
        &self.state
    }
    fn advance(&mut self, survives: Durability, next: impl Fn(&State) -> Result<State, Denial>) -> Advanced {
        let _ = next(&another(&self.state)); // as if another write had come first
        if let Some(saved) = self.meanwhile.filter(|_| survives == Durability::Flushed) {
            self.state = saved(self.state.clone());
        }
        match next(&self.state) {
            Ok(next) => self.save(next, survives).map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }
    fn settle(&mut self) -> Result<(), StoreError> {
        self.save(self.state.clone(), Durability::Flushed)
    }
}

fn record(fails_at: usize) -> Remembering {
    let credential = Credential {
        id: "an id".to_owned(),
        uid: 1001,
        name: "ada".to_owned(),
        authenticators: vec![phone("phone")],
    };
    Remembering {
        credential,
        state: State::new("ada", UnixTime::new(0)),
        saves: Vec::new(),
        until_failure: Some(fails_at),
        meanwhile: None,
    }
}

/// A login by sshd at this moment.
fn attempt(rules: &Verification, at: u64) -> Attempt<'_> {
    let on = Occasion { at: UnixTime::new(at), from: Origin::new("sshd", "192.0.2.7") };
    Attempt { by: AttemptCounter::Hosts, purpose: Purpose::Accept, rules, on }
}

fn judge(record: &mut Remembering, code: &str, step: u64) -> Result<Accepted, Denial> {
    judge_for(record, code, Purpose::Accept, step)
}

fn judge_for(record: &mut Remembering, code: &str, purpose: Purpose, step: u64) -> Result<Accepted, Denial> {
    let typed = Typed::parse(code.as_bytes()).unwrap();
    let rules = Verification::default();
    verify(record, &typed, &Attempt { purpose, ..attempt(&rules, step * 30) })
}

#[test]
fn try_charges_wrong_code_and_keeps_right_one() {
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

/// Between charge and acceptance, another host charges a try too.
#[test]
fn try_gives_back_its_own_charge_alone() {
    let last = UnixTime::new(149);
    let mut record = with_recovery_code(9);
    record.state.hosts = Count { codes: 2, recovery: 5, last, ..Count::NONE };
    record.meanwhile = Some(|state| {
        let Count { codes, recovery, .. } = state.hosts;
        State {
            hosts: Count {
                codes: codes + 1,
                recovery: recovery + 1,
                last: UnixTime::new(150),
                ..Count::NONE
            },
            ..state
        }
    });
    assert!(judge_for(&mut record, "254676", Purpose::Try, 5).is_ok());
    assert_eq!(record.state.hosts, Count { codes: 3, recovery: 6, last: UnixTime::new(150), ..Count::NONE });
    assert!(judge_for(&mut record, "oooo-0000-0000-0000", Purpose::Try, 5).is_ok());
    assert_eq!(record.state.hosts, Count { codes: 4, recovery: 7, last: UnixTime::new(150), ..Count::NONE });
    assert_eq!(record.state.recovery.left(), Some(1));
}

#[test]
fn refuses_what_another_host_has_used_up_meanwhile() {
    let mut used = with_recovery_code(9);
    used.meanwhile =
        Some(|state| State { mark: UnixTime::new(150), ..state }.with_recovery(RecoveryCodes::NONE));
    for purpose in [Purpose::Accept, Purpose::Try] {
        used.state = with_recovery_code(9).state;
        let judged = judge_for(&mut used, "254676", purpose, 5);
        assert_eq!(judged, Err(Denial::Replayed { failures: 1 }));
        used.state = with_recovery_code(9).state;
        let judged = judge_for(&mut used, "oooo-0000-0000-0000", purpose, 5);
        assert_eq!(judged, Err(Denial::WrongRecoveryCode { failures: 0 }));
    }
    let charged = [(1, Durability::Written), (1, Durability::Flushed)];
    let free = [(0, Durability::Written), (0, Durability::Flushed)];
    assert_eq!(used.saves, [charged, free, charged, free].concat(), "the charge is settled");

    let mut withdrawn = with_ticket(9);
    withdrawn.meanwhile = Some(|state| state.with_ticket(None));
    let judged = judge_ticket(&mut withdrawn, 1001, &the_ticket());
    assert_eq!(judged, Err(Denial::WrongTicket(TicketFault::None)));
    assert_eq!(withdrawn.state.ticket, None);
    assert_eq!(durabilities(&withdrawn), [Durability::Written, Durability::Flushed]);
}

#[test]
fn refuses_and_charges_nothing_without_a_credential() {
    let scratch = Scratch::new("no-credential");
    let store = scratch.store();
    store.create_state(7, State::new("ada", UnixTime::new(0))).unwrap();
    for typed in ["254676", "oooo-0000-0000-0000"] {
        let record = store.open(&ada(), |_| UnixTime::new(0)).unwrap();
        let typed = Typed::parse(typed.as_bytes()).unwrap();
        let rules = Verification::default();
        let judged = super::judge(record, &typed, &attempt(&rules, 150), &mut |_| ());
        assert_eq!(judged, Err(NOT_ENROLLED));
    }
    assert_eq!(store.snapshot(7).state, Ok(Some(State::new("ada", UnixTime::new(0)))));
}

#[test]
fn charges_then_accepts_right_code_with_one_flush() {
    let mut record = record(9);
    let accepted = judge(&mut record, "254676", 5).unwrap();
    let proof = Proof::Code { authenticator: "phone".to_owned(), offset: 0 };
    assert_eq!(accepted, Accepted { proof, recovery_left: None, clock: None, earlier: None });
    assert_eq!(record.saves, [(1, Durability::Written), (0, Durability::Flushed)]);
    assert_eq!(record.state.mark, UnixTime::new(150));
}

#[test]
fn keeps_wrong_code_charged_with_one_flush() {
    let mut record = record(9);
    assert_eq!(judge(&mut record, "000000", 5), Err(Denial::WrongCode { failures: 1, clock_offset: None }));
    assert_eq!(record.saves, [(1, Durability::Written), (1, Durability::Flushed)]);
}

#[test]
fn accepts_code_once() {
    let mut record = record(9);
    judge(&mut record, "254676", 5).unwrap();
    assert_eq!(judge(&mut record, "254676", 5), Err(Denial::Replayed { failures: 1 }));
    assert!(matches!(judge(&mut record, "338314", 5), Err(Denial::Replayed { .. })), "an earlier step");
    assert!(judge(&mut record, "287922", 5).is_ok(), "the next step");
}

#[test]
fn grants_nothing_that_could_not_be_saved() {
    for fails_at in [0, 1] {
        let disk = Err(LOST.into());
        assert_eq!(judge(&mut record(fails_at), "254676", 5), disk);
        assert_eq!(judge(&mut with_recovery_code(fails_at), "oooo-0000-0000-0000", 5), disk);
        assert_eq!(judge(&mut record(fails_at), "000000", 5), disk, "nor told that it is wrong");
    }
}

#[test]
fn refuses_code_while_mark_is_in_the_future() {
    let mut record = record(9);
    record.state.mark = UnixTime::new(6 * 30 + 1);
    assert!(matches!(judge(&mut record, "254676", 5), Err(Denial::ClockAnomaly { .. })));
    assert!(record.saves.is_empty(), "it costs no try");
}

#[test]
fn compares_nothing_that_could_not_be_charged() {
    let mut record = record(9);
    record.state.hosts.codes = 20;
    assert!(matches!(judge(&mut record, "254676", 5), Err(Denial::Disabled { .. })));
    assert!(record.saves.is_empty());
}

/// A record with one recovery code of 80 zero bits.
fn with_recovery_code(fails_at: usize) -> Remembering {
    let mut record = record(fails_at);
    record.state.recovery = RecoveryCodes { salt: [1; 16], ..RecoveryCodes::NONE };
    record.state.recovery.hashes[0] = hash(&LongCode::new([0; 10]), &[&[1; 16][..], b"an id"].concat());
    record
}

#[test]
fn charges_then_accepts_recovery_code_with_one_flush() {
    let mut record = with_recovery_code(9);
    record.state.hosts.codes = 20;
    let accepted = judge(&mut record, "oooo-0000-0000-0000", 5).unwrap();
    assert_eq!(
        accepted,
        Accepted { proof: Proof::RecoveryCode, recovery_left: Some(0), clock: None, earlier: None }
    );
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
fn with_ticket(fails_at: usize) -> Remembering {
    let mut record = record(fails_at);
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
    let at = |record: &mut Remembering, now| verify_ticket(record, 1001, &the_ticket(), UnixTime::new(now));
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
    for fails_at in [0, 1] {
        let judged = judge_ticket(&mut with_ticket(fails_at), 1001, &the_ticket());
        assert_eq!(judged, Err(LOST.into()));
    }
}

#[test]
fn tells_phone_with_wrong_clock_from_a_guess() {
    let mut record = record(9);
    let Err(Denial::WrongCode { clock_offset, .. }) = judge(&mut record, "520489", 5) else { panic!() };
    let step = Step::at(UnixTime::new(9 * 30), Period::DEFAULT);
    assert_eq!(clock_offset, Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120, step }));
}

#[test]
fn reports_clock_of_right_code_more_than_one_period_off() {
    let rules = Verification { skew_steps: 2, ..Verification::default() };
    for (code, clock) in [("969429", Some(-60)), ("338314", None), ("254676", None), ("162583", Some(60))] {
        let typed = Typed::parse(code.as_bytes()).unwrap();
        let accepted = verify(&mut record(9), &typed, &attempt(&rules, 5 * 30)).unwrap();
        assert_eq!(accepted.clock, clock, "{code}");
    }
}

/// By chance, or because two devices have one secret, a code can belong to two steps.
#[test]
fn takes_code_for_its_step_that_is_not_used_up() {
    let slow = |label: &str| {
        let secret = phone(label).expose_secret().to_vec();
        Authenticator::new(label.to_owned(), &secret, Algorithm::SHA1, 6, Period::new(60).unwrap(), None)
    };
    let mut record = record(9);
    record.credential.authenticators.push(slow("tablet").unwrap());
    record.state.mark = UnixTime::new(150);
    let rules = Verification { skew_steps: 3, ..Verification::default() };
    let typed = Typed::parse(b"969429").unwrap(); // of step 3: at 90 on the phone, at 180 on the tablet
    let accepted = verify(&mut record, &typed, &attempt(&rules, 180)).unwrap();
    assert_eq!(accepted.proof, Proof::Code { authenticator: "tablet".to_owned(), offset: 0 });
    assert_eq!(record.state.mark, UnixTime::new(180));
}

/// The log may be slow, and other logins wait for the lock.
#[test]
fn remarks_only_after_record_is_unlocked() {
    let scratch = Scratch::new("remark");
    let store = scratch.store();
    let authenticators = vec![phone("phone")];
    let credential = Credential { uid: 7, name: "ada".to_owned(), id: String::new(), authenticators };
    store.create_credential(&credential).unwrap();
    let now = UnixTime::new(60);
    let record = store.open(&ada(), |authenticators| totp::window_end(authenticators, now, 1)).unwrap();
    let mut remarks = 0;
    let mut remark = |_: &str| {
        assert!(store.open(&ada(), |_| now).unwrap().is_some());
        remarks += 1;
    };
    let typed = Typed::parse(b"000000").unwrap();
    let rules = Verification::default();
    assert!(super::judge(record, &typed, &attempt(&rules, 60), &mut remark).is_err());
    assert_eq!(remarks, 1, "that a state was created");
}
