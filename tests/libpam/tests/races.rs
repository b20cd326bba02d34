//! Many logins at once, each in a process of its own, released together at the prompt.

use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, iter, thread};

use twostep_tests::drive::{Held, Report, release_together, release_together_after};
use twostep_tests::interpose::virtual_user;
use twostep_tests::pam::*;
use twostep_tests::paper::{long_code, recovery_code};
use twostep_tests::{Generator, NOW, OTHER_SECRET, SECRET, World};

const PROCESSES: usize = 200;
const ROUNDS: i64 = 20;

fn count(reports: &[Report], key: &str, value: &str) -> usize {
    reports.iter().filter(|report| report.field(key) == value).count()
}

fn with_code(reports: &[Report], code: i32) -> usize {
    reports.iter().filter(|report| report.code == Some(code)).count()
}

#[test]
fn of_200_logins_with_one_code_exactly_one_gets_in_each_time() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = 100\n");
    for round in 0..ROUNDS {
        let now = NOW + 86_400 * round;
        let code = Generator::default().at(now);
        world.enroll("games", SECRET);
        let reports =
            release_together((0..PROCESSES).map(|_| world.login("games").at(now).answers([&code; 2])));
        assert_eq!(with_code(&reports, PAM_SUCCESS), 1, "round {round}");
        let refused = count(&reports, "reason", "replayed") + count(&reports, "reason", "locked");
        assert_eq!(refused, PROCESSES - 1, "round {round}: {reports:#?}");
    }
}

#[test]
fn of_200_different_users_at_once_every_one_gets_in() {
    let world = World::new();
    let users: Vec<_> = (0..PROCESSES as u32).map(virtual_user).collect();
    for user in &users {
        world.enroll(user, SECRET);
    }
    let code = Generator::default().at(NOW);
    let reports = release_together(users.iter().map(|user| world.login(user).at(NOW).answer(&code)));
    assert_eq!(with_code(&reports, PAM_SUCCESS), PROCESSES, "{reports:#?}");
}

/// Each process has a clock of its own, far from all others, so that no waiting time hides the limit.
#[test]
fn of_200_wrong_codes_at_once_exactly_as_many_are_compared_as_the_policy_allows() {
    let world = World::default();
    let logins =
        (0..PROCESSES as i64).map(|n| world.login("games").at(NOW + 7200 * n).answers(["000000"; 2]));
    let reports = release_together(logins);
    let compared = count(&reports, "reason", "wrong-code");
    assert_eq!((compared, count(&reports, "reason", "disabled")), (20, PROCESSES - 20), "{reports:#?}");
    assert_eq!(world.state_of("games").root.codes, 20);
    let mut failures: Vec<u16> =
        reports.iter().filter_map(|report| report.field("failures").parse().ok()).collect();
    failures.sort();
    assert_eq!(failures, (1..=20).collect::<Vec<_>>(), "each saw a count of its own");
}

#[test]
fn of_right_and_wrong_codes_at_once_one_right_code_gets_in() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = 100\n");
    let right = Generator::default().at(NOW);
    let logins = (0..60)
        .map(|n| world.login("games").at(NOW).answer(if n % 10 < 9 { right.as_str() } else { "000000" }));
    let reports = release_together(logins);
    assert!(with_code(&reports, PAM_SUCCESS) <= 1, "{reports:#?}");
}

#[test]
fn of_50_first_logins_at_once_none_finds_half_a_state() {
    let world = World::default();
    for _ in 0..5 {
        std::fs::remove_file(world.state_path("games")).unwrap();
        let code = Generator::default().at(NOW);
        let reports = release_together((0..50).map(|_| world.login("games").at(NOW).answers([&code; 2])));
        let (replayed, locked) = (count(&reports, "reason", "replayed"), count(&reports, "reason", "locked"));
        assert_eq!((replayed, locked), (3, 47), "{reports:#?}");
    }
}

#[test]
fn of_50_logins_with_one_recovery_code_exactly_one_gets_in_each_time() {
    let world = World::default();
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    for number in 1..=8 {
        let code = recovery_code(number);
        let reports = release_together((0..50).map(|_| world.login("games").at(NOW).answer(&code)));
        assert_eq!(with_code(&reports, PAM_SUCCESS), 1, "code {number}: {reports:#?}");
        assert_eq!(count(&reports, "reason", "wrong-recovery-code"), 49, "code {number}");
        assert_eq!(world.state_of("games").recovery_codes_left(), 8 - number);
        assert!(world.command(&["unlock", "games"]).status.success());
    }
}

/// The most kilobytes that these processes have at once, until all have ended.
fn most_kilobytes(processes: &[u32]) -> u64 {
    let measured = iter::repeat_with(|| kilobytes(processes));
    measured.take_while(|now| *now > 0).max().unwrap()
}

/// Kilobytes that these processes have for themselves, and their shares of what they have in common.
fn kilobytes(processes: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0");
        pss.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    processes.iter().map(of).sum()
}

#[test]
fn two_hundred_recovery_codes_at_once_take_little_memory_and_hold_up_nobody_else() {
    let world = World::default();
    world.enroll("mail", OTHER_SECRET);
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    let attempts = || {
        let codes = (0..PROCESSES).map(|n| long_code(&[&[n as u8][..], &[7; 9]].concat()));
        let logins = codes.map(|code| world.login("games").at(NOW).answers([&code; 2]));
        let (told, pids) = mpsc::channel::<Vec<u32>>();
        thread::scope(|scope| {
            let most = scope.spawn(move || most_kilobytes(&pids.recv().unwrap()));
            let tell = |held: &[Held]| told.send(held.iter().map(|one| one.child.id()).collect()).unwrap();
            (release_together_after(logins, tell), most.join().unwrap())
        })
    };
    let mut slowest = Duration::ZERO;
    let (reports, most) = thread::scope(|scope| {
        let attempts = scope.spawn(attempts);
        for now in (NOW..).step_by(60).take_while(|_| !attempts.is_finished()) {
            let code = Generator::new(OTHER_SECRET).at(now);
            let start = Instant::now();
            world.login("mail").at(now).answer(&code).run().assert_granted();
            slowest = start.elapsed().max(slowest);
        }
        attempts.join().unwrap()
    });
    let (wrong, disabled) =
        (count(&reports, "reason", "wrong-recovery-code"), count(&reports, "reason", "recovery-disabled"));
    assert_eq!((wrong, disabled), (100, PROCESSES - 100), "{reports:#?}");
    assert!((1..300 * 1024).contains(&most), "{most} KiB");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
