//! Recovery codes in many concurrent processes: each is accepted once, and hashing does not slow down other logins.

use std::time::Duration;
use std::{fs, iter, thread};

use twostep_tests::drive::{Report, release_together, release_together_after};
use twostep_tests::pam::*;
use twostep_tests::paper::{long_code, recovery_code};
use twostep_tests::{AttemptCounter, Generator, Login, NOW, OTHER_SECRET, World, processor_time};

const CROWD: usize = 200;
const MOST_MEMORY: u64 = 300 * 1024;

fn world(left: usize) -> World {
    let world = World::default();
    world.state("games", &world.state_of("games").with_recovery_codes(left));
    world
}

fn login(world: &World, answer: &str) -> Login {
    world.login("games").at(NOW).answers([answer; 2])
}

fn count(reports: &[Report], key: &str, value: &str) -> usize {
    reports.iter().filter(|report| report.field(key) == value).count()
}

fn successes(reports: &[Report]) -> usize {
    reports.iter().filter(|report| report.code == Some(PAM_SUCCESS)).count()
}

#[test]
fn grants_one_of_50_concurrent_logins_with_same_code() {
    for number in 1..=8 {
        let world = world(8);
        let code = recovery_code(number);
        let reports = release_together((0..50).map(|_| world.login("games").at(NOW).answer(&code)));
        assert_eq!(successes(&reports), 1, "code {number}: {reports:#?}");
        assert_eq!(count(&reports, "reason", "wrong-recovery-code"), 49, "code {number}: {reports:#?}");
        assert_eq!(world.state_of("games").recovery_codes_left(), 7);
    }
}

#[test]
fn grants_each_of_eight_codes_once_in_48_concurrent_logins() {
    let world = world(8);
    let reports = release_together((0..48).map(|n| login(&world, &recovery_code(n % 8 + 1))));
    assert_eq!(successes(&reports), 8, "{reports:#?}");
    let mut left: Vec<&str> = reports.iter().map(|report| report.field("left")).collect();
    left.sort();
    assert_eq!(left[40..], ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(world.state_of("games").recovery_codes_left(), 0);
}

#[test]
fn grants_concurrent_code_and_recovery_code_once_each() {
    for number in 1..=8 {
        let world = world(8);
        let both = [recovery_code(number), Generator::default().at(NOW)];
        let reports = release_together((0..10).map(|n| world.login("games").at(NOW).answer(&both[n % 2])));
        let by_recovery_code = count(&reports, "method", "recovery-code");
        let by_code = count(&reports, "authenticator", "phone");
        assert_eq!((by_recovery_code, by_code, successes(&reports)), (1, 1, 2), "{reports:#?}");
        let state = world.state_of("games");
        assert_eq!((state.mark, state.recovery_codes_left()), (NOW as u64, 7));
    }
}

/// The proportional set size of these processes together, in KiB.
fn kilobytes(processes: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0");
        pss.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    processes.iter().map(of).sum()
}

/// Sequential logins of another user, a minute apart on their clock. Returns the processor time of each.
fn other_logins(world: &World, begin: i64) -> impl Iterator<Item = Duration> {
    (begin..).step_by(60).map(|now| {
        let code = Generator::new(OTHER_SECRET).at(now);
        processor_time(|| world.login("mail").at(now).answer(&code).run().assert_granted())
    })
}

/// The measurements of a crowd of logins.
struct Crowd {
    reports: Vec<Report>,
    /// The memory in KiB while all were at the prompt.
    before: u64,
    /// From then until all have ended: the memory in KiB, and the processor time of a login of another user.
    during: Vec<(u64, Duration)>,
}

/// [`CROWD`] logins of one user with different wrong recovery codes, released together.
fn try_at_once(world: &World) -> Crowd {
    let codes = (0..CROWD).map(|n| long_code(&[&[n as u8][..], &[7; 9]].concat()));
    let logins = codes.map(|code| login(world, &code));
    thread::scope(|scope| {
        let (mut before, mut observer) = (0, None);
        let reports = release_together_after(logins, |held| {
            let pids: Vec<u32> = held.iter().map(|one| one.child.id()).collect();
            before = kilobytes(&pids);
            let memory = iter::repeat_with(move || kilobytes(&pids)).take_while(|now| *now > 0);
            observer = Some(scope.spawn(|| memory.zip(other_logins(world, NOW + 86_400)).collect()));
        });
        Crowd { reports, before, during: observer.unwrap().join().unwrap() }
    })
}

fn median<T: Ord + Copy>(all: impl Iterator<Item = T>) -> T {
    let mut all: Vec<T> = all.collect();
    all.sort();
    all[all.len() / 2]
}

#[test]
fn compares_100_of_200_concurrent_wrong_recovery_codes() {
    let world = world(8);
    world.enroll("mail", OTHER_SECRET);
    let usual: Vec<Duration> = other_logins(&world, NOW).take(50).collect();
    let crowd = try_at_once(&world);

    let reasons = ["wrong-recovery-code", "recovery-disabled"];
    let [compared, disabled] = reasons.map(|reason| count(&crowd.reports, "reason", reason));
    assert_eq!((compared, disabled), (100, CROWD - 100), "{:#?}", crowd.reports);
    assert_eq!(world.state_of("games").root, AttemptCounter { recoveries: 100, ..AttemptCounter::default() });

    assert!((CROWD as u64..MOST_MEMORY).contains(&crowd.before), "{} KiB", crowd.before);
    assert!(!crowd.during.is_empty(), "measured while they ran");
    assert!(crowd.during.iter().all(|(memory, _)| *memory < MOST_MEMORY), "{:?}", crowd.during);
    let meanwhile: Vec<Duration> = crowd.during.iter().map(|(_, time)| *time).collect();
    let usual = median(usual.into_iter());
    assert!(median(meanwhile.iter().copied()) < 5 * usual, "usually {usual:?}: {meanwhile:?}");
}
