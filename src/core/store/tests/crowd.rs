//! Eight programs at once.

use std::cell::Cell;
use std::fmt::Debug;
use std::thread;

use super::cluster::{Host, UNKNOWN};
use super::{Cluster, Site, credential, on_each};
use crate::policy::Verification;
use crate::proof::code::{LongCode, Typed};
use crate::proof::recovery::{RecoveryCodes, hash};
use crate::proof::state::{AttemptCounter, Count, State};
use crate::store::enroll::enroll;
use crate::store::files::credential::NewEnrollment;
use crate::store::{Change, CredentialChange, Durability, Record, Store};
use crate::test_support::{CODES, ada, change, phone};
use crate::time::UnixTime;
use crate::verdict::{Accepted, Denial, Occasion, Origin};
use crate::verify::{Attempt, Purpose, judge};

on_each!(
    accepts_a_step_once,
    accepts_a_recovery_code_once,
    counts_each_charge_once,
    enrolls_the_first_and_nobody_after,
);

const CROWD: u64 = 8;

/// The results of `act` on each of eight hosts at the same time. The number of the round determines what the network
/// does.
fn at_once<S: Site, T: Send>(site: &S, round: u64, act: impl Fn(u64, S::Store) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let act = &act;
        let host = |n| scope.spawn(move || act(n, site.store(round * CROWD + n)));
        let threads: Vec<_> = (0..CROWD).map(host).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn judged(store: &impl Store, typed: &Typed, purpose: Purpose, now: u64) -> Result<Accepted, Denial> {
    let (by, rules, now) = (AttemptCounter::Hosts, Verification::default(), UnixTime::new(now));
    let record = store.open(&ada(), |authenticators| rules.window_end(authenticators, now))?;
    let on = Occasion { at: now, from: Origin::new("sshd", "192.0.2.7") };
    judge(record, typed, &Attempt { by, purpose, rules: &rules, on }, &mut |_| ())
}

/// How many were accepted: one, or possibly none if the network loses answers.
#[track_caller]
fn accepted<S: Site, T, E: Debug>(results: &[Result<T, E>]) -> usize {
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    let errors: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(accepted == 1 || !S::IS_SURE && accepted == 0, "{accepted} were accepted: {errors:?}");
    accepted
}

fn accepts_a_step_once<S: Site>(site: &S) {
    site.plant(Some(credential("ada")), Some(State::new("ada", UnixTime::new(0))));
    let mut all = 0;
    for (step, code) in (0..).zip(CODES).skip(1) {
        let typed = || Typed::parse(code.as_bytes()).unwrap();
        let results = at_once(site, step, |_, store| judged(&store, &typed(), Purpose::Accept, step * 30));
        all += accepted::<S, _, _>(&results);
    }
    assert!(all > 5, "{all} of nine steps");
}

/// Three recovery codes.
fn recovery_codes() -> RecoveryCodes {
    let mut codes = RecoveryCodes { salt: [1; 16], ..RecoveryCodes::NONE };
    for (number, kept) in (0..3).zip(&mut codes.hashes) {
        *kept = hash(&LongCode::new([number; 10]), &[&[1; 16][..], b"an id"].concat());
    }
    codes
}

fn accepts_a_recovery_code_once<S: Site>(site: &S) {
    let state = State::new("ada", UnixTime::new(0)).with_recovery(recovery_codes());
    site.plant(Some(credential("ada")), Some(state));
    let mut all = 0;
    for number in 0..3 {
        let typed = || Typed::Recovery(LongCode::new([number; 10]));
        let results = at_once(site, number.into(), |_, store| judged(&store, &typed(), Purpose::Accept, 0));
        all += accepted::<S, _, _>(&results);
    }
    assert!(all > 0, "none of three codes");
}

/// How many charges certainly succeeded, and how many have an unknown outcome.
fn charge(store: &impl Store, times: u64) -> (u64, u64) {
    let mut record = store.open_or_create(&ada(), |_| UnixTime::new(0)).unwrap();
    let charge = |state: &State| {
        let codes = state.hosts.codes + 1;
        Ok(State { hosts: Count { codes, ..state.hosts }, ..state.clone() })
    };
    let charged = (0..times).map(|_| record.advance(Durability::Written, charge));
    charged.fold((0, 0), |(sure, unknown), result| match result {
        Ok(refused) => {
            assert_eq!(refused, Ok(()));
            (sure + 1, unknown)
        }
        Err(_) => (sure, unknown + 1),
    })
}

fn charges(store: &impl Store) -> u64 {
    store.snapshot(7).state.unwrap().unwrap().hosts.codes.into()
}

fn counts_each_charge_once<S: Site>(site: &S) {
    site.plant(None, Some(State::new("ada", UnixTime::new(0))));
    // A record stays locked, so each host opens it again for each charge.
    let each = at_once(site, 0, |_, store| {
        let all = (0..20).map(|_| charge(&store, 1));
        all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    let (sure, unknown) = each.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(!S::IS_SURE || unknown == 0);
    assert!((sure..=sure + unknown).contains(&charges(&site.store(0))), "{sure} and {unknown}");
    assert!(sure >= 150, "{sure} of 160 charges");
}

fn enrolls_the_first_and_nobody_after<S: Site>(site: &S) {
    let enrollment = |n: u64| {
        let recovery = Some(RecoveryCodes { salt: [n as u8 + 1; 16], ..RecoveryCodes::NONE });
        let (id, mark) = (n.to_string(), UnixTime::new(n));
        NewEnrollment { id, authenticator: phone("phone"), mark, recovery, ticket: None }
    };
    let results = at_once(site, 0, |n, store| enroll(&store, &ada(), enrollment(n)).map(|()| n));
    accepted::<S, _, _>(&results);
    let stored = site.store(0).snapshot(7);
    let (credential, state) = (stored.credential.unwrap().unwrap(), stored.state.unwrap().unwrap());
    let n: u8 = credential.id.parse().unwrap();
    assert_eq!(state.recovery.salt, [n + 1; 16], "the state that belongs to the credential");
    assert!(results.into_iter().flatten().all(|winner| winner == u64::from(n)));
}

/// A write arrives late, after it was repeated. The second write loses the race against the first.
#[test]
fn notices_host_that_forgets_its_write_after_a_lost_race() {
    let charged = |host: Host| {
        let (sure, unknown) = charge(&host, 500);
        (sure, unknown, charges(&host))
    };
    assert_eq!(charged(Cluster::default().host(1)), (500, 0, 500));
    let (sure, unknown, counted) = charged(Cluster::default().host(1).that_forgets());
    assert_eq!((sure, unknown), (500, 0));
    assert!(counted > 500, "some are counted twice");
}

/// Two hosts that have one record open, and whose networks lose nothing.
fn two_hosts(cluster: &Cluster) -> [Host; 2] {
    cluster.put(7, Some(credential("ada")), Some(State::new("ada", UnixTime::new(0))));
    [1, 2].map(|seed| cluster.host(seed).without_faults())
}

#[test]
fn next_runs_again_on_what_another_host_has_saved() {
    let cluster = Cluster::default();
    let [one, other] = two_hosts(&cluster);
    let mut record = one.open(&ada(), |_| UnixTime::new(0)).unwrap().unwrap();
    assert_eq!(charge(&other, 2), (2, 0));
    let seen = Cell::new(Vec::new());
    let next = |state: &State| {
        seen.set([seen.take(), vec![state.hosts.codes]].concat());
        Ok(state.burn(UnixTime::new(30)))
    };
    assert_eq!(record.advance(Durability::Flushed, next), Ok(Ok(())));
    assert_eq!(seen.take(), [0, 2]);
    assert_eq!((charges(&one), record.state().mark), (2, UnixTime::new(30)));
}

/// ST9
#[test]
fn advances_no_record_whose_credential_was_changed() {
    let cluster = Cluster::default();
    let [one, other] = two_hosts(&cluster);
    let mut record = one.open(&ada(), |_| UnixTime::new(0)).unwrap().unwrap();
    change(&other, |_, _| Change { state: None, credential: CredentialChange::Removed });
    assert_eq!(record.advance(Durability::Flushed, |state| Ok(state.clone())), Err(UNKNOWN));
}
