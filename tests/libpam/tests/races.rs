//! Many concurrent logins, each in a separate process, released together at the prompt.

use twostep_tests::drive::{Report, release_together};
use twostep_tests::interpose::virtual_user;
use twostep_tests::pam::*;
use twostep_tests::{Generator, NOW, SECRET, World};

const PROCESSES: usize = 200;
const ROUNDS: i64 = 20;

fn count(reports: &[Report], key: &str, value: &str) -> usize {
    reports.iter().filter(|report| report.field(key) == value).count()
}

fn with_code(reports: &[Report], code: i32) -> usize {
    reports.iter().filter(|report| report.code == Some(code)).count()
}

#[test]
fn grants_one_of_200_concurrent_logins_with_same_code() {
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
fn grants_200_concurrent_users() {
    let world = World::new();
    let users: Vec<_> = (0..PROCESSES as u32).map(virtual_user).collect();
    for user in &users {
        world.enroll(user, SECRET);
    }
    let code = Generator::default().at(NOW);
    let reports = release_together(users.iter().map(|user| world.login(user).at(NOW).answer(&code)));
    assert_eq!(with_code(&reports, PAM_SUCCESS), PROCESSES, "{reports:#?}");
}

/// Each process has its own clock, far from all others, so that no wait hides the limit.
#[test]
fn compares_only_allowed_tries_of_200_concurrent_wrong_codes() {
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
    assert_eq!(failures, (1..=20).collect::<Vec<_>>(), "each saw another count");
}

#[test]
fn grants_one_right_code_among_concurrent_wrong_ones() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = 100\n");
    let right = Generator::default().at(NOW);
    let logins = (0..60)
        .map(|n| world.login("games").at(NOW).answer(if n % 10 < 9 { right.as_str() } else { "000000" }));
    let reports = release_together(logins);
    assert!(with_code(&reports, PAM_SUCCESS) <= 1, "{reports:#?}");
}

#[test]
fn finds_whole_state_in_50_concurrent_first_logins() {
    let world = World::default();
    for _ in 0..5 {
        std::fs::remove_file(world.state_path("games")).unwrap();
        let code = Generator::default().at(NOW);
        let reports = release_together((0..50).map(|_| world.login("games").at(NOW).answers([&code; 2])));
        let (replayed, locked) = (count(&reports, "reason", "replayed"), count(&reports, "reason", "locked"));
        assert_eq!((replayed, locked), (3, 47), "{reports:#?}");
    }
}
