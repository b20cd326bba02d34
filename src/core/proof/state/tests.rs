use super::*;
use crate::proof::recovery::hash;
use crate::test_support::REQUIRED;
use crate::time::Period;
use crate::verdict::Origin;

const NOW: UnixTime = UnixTime::new(1_000_000);
const FAR: UnixTime = UnixTime::new(u64::MAX);

fn failed(times: u16) -> State {
    let last = if times == 0 { UnixTime::new(0) } else { NOW };
    State {
        hosts: Count { codes: times, recovery: 0, last, ..Count::NONE },
        ..State::new("ada", UnixTime::new(0))
    }
}

fn charge(state: &State, now: UnixTime) -> Result<State, Denial> {
    state.charge(AttemptCounter::Hosts, 20, FAR, at(now))
}

/// A try at this moment, by sshd.
fn at(at: UnixTime) -> Occasion {
    Occasion { at, from: Origin::new("sshd", "192.0.2.7") }
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
fn refuses_try_during_wait_without_charging_it() {
    assert_eq!(
        charge(&failed(3), NOW.plus(29)),
        Err(Denial::Waiting { until: NOW.plus(30), now: NOW.plus(29), alternative: Alternative::None })
    );
    let charged = charge(&failed(3), NOW.plus(30)).unwrap();
    assert_eq!(
        charged.hosts,
        Count { codes: 4, recovery: 0, last: NOW.plus(30), tried: Some(at(NOW.plus(30))) }
    );
}

#[test]
fn ends_wait_and_keeps_count_when_clock_is_set_back() {
    let charged = charge(&failed(9), UnixTime::new(5)).unwrap();
    assert_eq!(charged.hosts.codes, 10);
}

#[test]
fn keeps_codes_disabled_after_every_wait() {
    let disabled = Err(Denial::Disabled { name: "ada".to_owned(), alternative: Alternative::None });
    assert_eq!(charge(&failed(20), FAR), disabled);
    assert_eq!(charge(&failed(20), UnixTime::new(0)), disabled);
    assert!(charge(&failed(19), FAR).is_ok());
}

#[test]
fn counts_failures_of_helper_and_hosts_separately() {
    let state = failed(20);
    let charged = state.charge(AttemptCounter::Helper, 20, FAR, at(NOW)).unwrap();
    assert_eq!((charged.hosts.codes, charged.helper.codes), (20, 1));
}

#[test]
fn reports_earlier_failures_with_time_only_of_codes() {
    let last = UnixTime::new(7);
    let earlier = |codes, recovery| {
        let failures = Count { codes, recovery, last, ..Count::NONE }.earlier(AttemptCounter::Helper);
        failures.map(|earlier| (earlier.refused, earlier.last))
    };
    assert_eq!(earlier(0, 0), None);
    assert_eq!(earlier(3, 0), Some((3, Some(last))));
    assert_eq!(earlier(3, 2), Some((5, None)));
    assert_eq!(earlier(u16::MAX, 2), Some((u16::MAX, None)));
}

#[test]
fn keeps_when_and_where_codes_were_typed() {
    let thief = Occasion { at: NOW, from: Origin::new("sshd", "203.0.113.5") };
    let charged = |state: &State, by| state.charge(by, 20, FAR, thief).unwrap();
    let refused = charged(&State::new("ada", NOW), AttemptCounter::Hosts);
    let earlier = refused.hosts.earlier(AttemptCounter::Hosts).unwrap();
    assert_eq!((earlier.last, earlier.from), (Some(NOW), Some(thief.from)));
    let recovery = refused.charge_recovery(AttemptCounter::Hosts, at(NOW.plus(9))).unwrap();
    let earlier = recovery.hosts.earlier(AttemptCounter::Hosts).unwrap();
    assert_eq!((earlier.last, earlier.from), (Some(NOW.plus(9)), Some(at(NOW).from)));

    let step = Step::at(NOW.plus(30), Period::DEFAULT);
    let accepted = recovery.accept(AttemptCounter::Hosts, step, at(NOW.plus(30))).unwrap();
    assert_eq!((accepted.hosts, accepted.granted), (Count::NONE, Some(at(NOW.plus(30)))));
    let at_helper = charged(&accepted, AttemptCounter::Helper);
    assert_eq!((at_helper.helper.tried, at_helper.granted), (None, accepted.granted));
    assert_eq!(accepted.unlock().granted, accepted.granted);
    assert_eq!(accepted.forget("ada").granted, None);
}

#[test]
fn restores_origin_of_last_failure_at_refund() {
    let (by, step) = (AttemptCounter::Hosts, Step::at(NOW.plus(30), Period::DEFAULT));
    let before = charge(&failed(0), NOW).unwrap();
    let later = Occasion { at: NOW.plus(1), from: Origin::new("login", "") };
    let charged = before.charge(by, 20, FAR, later).unwrap();
    assert_eq!(charged.refund(by, step, before.hosts), Ok(before.clone()));
    let twice = charged.charge(by, 20, FAR, later).unwrap();
    assert_eq!(twice.refund(by, step, before.hosts).unwrap().hosts.tried, Some(later));
}

#[test]
fn accepts_step_once_and_never_after_a_later_one() {
    let step = Step::at(NOW, Period::DEFAULT);
    let state = failed(2).accept(AttemptCounter::Hosts, step, at(NOW)).unwrap();
    assert_eq!(state.hosts, Count::NONE);
    assert_eq!(state.accept(AttemptCounter::Hosts, step, at(NOW)), Err(Denial::Replayed { failures: 0 }));
    let next = state.accept(AttemptCounter::Hosts, step.later(1), at(NOW)).unwrap();
    assert!(next.accept(AttemptCounter::Hosts, step, at(NOW)).is_err());
}

#[test]
fn refuses_codes_without_charge_if_mark_is_in_future() {
    let state = State::new("ada", NOW.plus(61));
    let anomaly = Denial::ClockAnomaly {
        name: "ada".to_owned(),
        mark: NOW.plus(61),
        now: NOW,
        alternative: Alternative::None,
    };
    assert_eq!(state.charge(AttemptCounter::Hosts, 20, NOW.plus(60), at(NOW)), Err(anomaly.clone()));
    assert_eq!(state.check_clock(NOW.plus(60), NOW), Err(anomaly), "nor is anything enrolled");
    let mended = state.reset_clock(NOW.plus(60));
    assert!(mended.charge(AttemptCounter::Hosts, 20, NOW.plus(60), at(NOW)).is_ok());
    assert_eq!(mended.check_clock(NOW.plus(60), NOW), Ok(()));
}

#[test]
fn keeps_mark_and_requirement_on_reset() {
    assert_eq!(State::new("bob", NOW).forget("ada"), State::new("ada", NOW));
    let required = State { requirement: REQUIRED, ..with_codes() };
    assert_eq!(required.forget("ada"), State { requirement: REQUIRED, ..State::new("ada", NOW) });
    assert_eq!(required.forget("bob"), State::new("bob", NOW), "somebody else");
}

/// One recovery code, [7; 10], and a ticket, [8; 10], that expires at 1,000,100.
fn with_codes() -> State {
    let mut recovery = RecoveryCodes { salt: [1; 16], ..RecoveryCodes::NONE };
    recovery.hashes[3] = hash(&LongCode::new([7; 10]), &[1; 16]);
    let ticket = Ticket::issue(&LongCode::new([8; 10]), 1001, NOW.plus(100));
    State::new("ada", NOW).with_recovery(recovery).with_ticket(Some(ticket))
}

#[test]
fn accepts_recovery_code_once_and_ends_lockout() {
    let by = AttemptCounter::Hosts;
    let locked = State { hosts: Count { codes: 20, recovery: 99, last: NOW, ..Count::NONE }, ..with_codes() };
    let refused = charge(&locked, FAR);
    assert_eq!(
        refused,
        Err(Denial::Disabled { name: "ada".to_owned(), alternative: Alternative::RecoveryCode })
    );
    let charged = locked.charge_recovery(by, at(NOW)).unwrap();
    assert_eq!(charged.hosts, Count { codes: 20, recovery: 100, last: NOW, tried: Some(at(NOW)) });
    let wrong = Denial::WrongRecoveryCode { failures: 100 };
    assert_eq!(charged.find_recovery(by, &LongCode::new([9; 10]), ""), Err(wrong.clone()));
    assert_eq!(charged.accept_recovery(by, &[9; 16], at(NOW)), Err(wrong));
    let hash = charged.find_recovery(by, &LongCode::new([7; 10]), "").unwrap();
    let accepted = charged.accept_recovery(by, &hash, at(NOW)).unwrap();
    assert_eq!((accepted.hosts, accepted.mark, accepted.recovery.left()), (Count::NONE, NOW, Some(0)));
    assert!(accepted.find_recovery(by, &LongCode::new([7; 10]), "").is_err());
    assert!(accepted.accept_recovery(by, &hash, at(NOW)).is_err());
    let used_up = State { hosts: Count { codes: 20, ..Count::NONE }, ..accepted };
    let refused = charge(&used_up, FAR);
    assert_eq!(refused, Err(Denial::Disabled { name: "ada".to_owned(), alternative: Alternative::None }));
}

#[test]
fn administrator_ends_lockouts_and_requires_second_step() {
    let locked = Count { codes: 20, recovery: 100, last: NOW, ..Count::NONE };
    let state = State { hosts: locked, helper: locked, ..with_codes() };
    assert_eq!(state.unlock(), with_codes());
    let required = with_codes().with_requirement(REQUIRED);
    assert_eq!(required, State { requirement: REQUIRED, ..with_codes() });
    assert_eq!(required.with_requirement(None), with_codes());
}

#[test]
fn limits_recovery_codes_separately() {
    let locked = Count { codes: 20, recovery: 100, last: NOW, ..Count::NONE };
    let exhausted = State { hosts: locked, ..with_codes() };
    let disabled = Err(Denial::RecoveryDisabled { name: "ada".to_owned() });
    assert_eq!(exhausted.charge_recovery(AttemptCounter::Hosts, at(NOW)), disabled);
    assert!(exhausted.charge_recovery(AttemptCounter::Helper, at(NOW)).is_ok());
    let refused = charge(&exhausted, FAR);
    assert_eq!(refused, Err(Denial::Disabled { name: "ada".to_owned(), alternative: Alternative::None }));
    let renewed = State { helper: locked, ..exhausted }.with_recovery(RecoveryCodes::NONE);
    assert!(renewed.charge_recovery(AttemptCounter::Hosts, at(NOW)).is_ok());
    let goes_on = Count { codes: 20, recovery: 0, last: NOW, ..Count::NONE };
    assert_eq!((renewed.hosts, renewed.helper), (goes_on, goes_on), "a lockout goes on");
}

#[test]
fn refunds_one_charge_and_no_other() {
    let (by, step) = (AttemptCounter::Helper, Step::at(NOW.plus(30), Period::DEFAULT));
    let before = Count { codes: 4, recovery: 1, last: UnixTime::new(5), ..Count::NONE };
    let charged =
        |codes| State { helper: Count { codes, recovery: 1, last: NOW, ..Count::NONE }, ..with_codes() };
    let refunded = |codes| charged(codes).refund(by, step, before).unwrap();
    assert_eq!(refunded(5), State { helper: before, ..with_codes() });
    assert_eq!(refunded(6), charged(5), "another try was charged since");
    assert_eq!(refunded(0), charged(0), "a success has ended all failures");
    let used = Step::at(NOW, Period::DEFAULT);
    assert_eq!(charged(5).refund(by, used, before), Err(Denial::Replayed { failures: 5 }));

    assert_eq!(
        charged(5).refund_recovery(by, &[9; 16], before),
        Err(Denial::WrongRecoveryCode { failures: 1 })
    );
    let hash = charged(5).find_recovery(by, &LongCode::new([7; 10]), "").unwrap();
    let expected = State { helper: Count { recovery: 0, ..charged(5).helper }, ..with_codes() };
    assert_eq!(charged(5).refund_recovery(by, &hash, before), Ok(expected));
}

#[test]
fn holds_back_tries_and_ticket_until_credential_exists() {
    let locked = Count { codes: 20, recovery: 7, last: NOW, ..Count::NONE };
    let before = State { hosts: locked, helper: locked, requirement: REQUIRED, ..with_codes() };
    let next = before.burn(NOW.plus(30)).with_recovery(RecoveryCodes::NONE).with_ticket(None).unlock();
    let fresh = Count { recovery: 0, ..locked };
    let held = State {
        mark: NOW.plus(30),
        recovery: RecoveryCodes::NONE,
        hosts: fresh,
        helper: fresh,
        ..before.clone()
    };
    assert_eq!(next.held_back(&before), held);
    assert_eq!(before.unlock().held_back(&before), before, "the tries for recovery codes, too");
}

#[test]
fn restores_ticket_only_while_state_holds_it() {
    let charged = with_codes().charge_ticket(NOW).unwrap();
    let ticket = charged.ticket.unwrap();
    assert_eq!(charged.restore_ticket(ticket), Ok(with_codes()));
    let another = Ticket::issue(&LongCode::new([9; 10]), 1001, NOW.plus(100));
    for other in [None, Some(another)] {
        let refused = charged.with_ticket(other).restore_ticket(ticket);
        assert_eq!(refused, Err(Denial::WrongTicket(TicketFault::None)));
    }
}

#[test]
fn refuses_ticket_after_three_tries_or_expiry() {
    let refused = |state: &State, now| match state.charge_ticket(now) {
        Err(Denial::WrongTicket(fault)) => Some(fault),
        _ => None,
    };
    let mut state = with_codes();
    assert_eq!(refused(&state, NOW.plus(100)), Some(TicketFault::Expired));
    assert_eq!(refused(&State::new("ada", NOW), NOW), Some(TicketFault::None));
    for _ in 0..3 {
        state = state.charge_ticket(NOW).unwrap();
    }
    assert_eq!(refused(&state, NOW), Some(TicketFault::Dead));
}

#[test]
fn never_lowers_mark_when_steps_are_burnt() {
    assert_eq!(State::new("ada", NOW).burn(UnixTime::new(5)).mark, NOW);
    assert_eq!(State::new("ada", NOW).burn(NOW.plus(5)).mark, NOW.plus(5));
}
