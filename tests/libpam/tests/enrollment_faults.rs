//! An enrollment that is broken off at any question, killed at any system call, or with any system call failing: nothing
//! is stored that counts, or all of it.

use std::fs;
use std::sync::LazyLock;

use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, recovery_code};
use twostep_tests::strace::{self, NOT_OURS, trace};
use twostep_tests::{Generator, Login, NOW, Outcome, SECRET, World};

fn newcomer(world: &World) -> Login {
    world.newcomer("games").answers(dialogue(NOW))
}

fn enter(world: &World, now: i64, answer: &str) -> Outcome {
    world.login("games").service("login").at(now).whole().answer(answer).run()
}

/// The system calls of one whole enrollment.
fn calls() -> Vec<(String, usize)> {
    let traced = trace(&newcomer(&World::newcomers("")), &[]);
    assert_eq!(traced.report.code, Some(PAM_SUCCESS), "{:?}", traced.report);
    strace::calls_of_the_module(&traced.calls)
}

/// The recovery codes as an enrollment stores them that nothing disturbs.
static UNDISTURBED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let world = World::newcomers("");
    assert_eq!(trace(&newcomer(&world), &[]).report.code, Some(PAM_SUCCESS));
    assert_eq!(world.state_of("games").recovery_codes_left(), 8);
    world.state_of("games").reserved
});

fn files(world: &World, folder: &str) -> usize {
    fs::read_dir(world.root().join("var/lib/twostep").join(folder)).unwrap().count()
}

/// Nothing that counts is stored, or all. Returns whether the person is enrolled.
fn assert_nothing_or_all(world: &World, what: &str) -> bool {
    let enrolled = world.secret_path("games").exists();
    assert_eq!(files(world, "users"), usize::from(enrolled), "{what}: litter");
    assert!(files(world, "state") <= 1, "{what}: litter");
    let later = NOW + 600;
    if !enrolled {
        let outcome = world.newcomer("games").at(later).answers(dialogue(later)).run();
        assert_eq!(
            (outcome.code, outcome.field("result")),
            (PAM_SUCCESS, "enrolled"),
            "{what}: {outcome:#?}"
        );
        return false;
    }
    let secret = fs::read_to_string(world.secret_path("games")).unwrap();
    assert!(secret.contains(&format!("secret = \"{SECRET}\"")), "{what}: {secret}");
    let state = world.state_of("games");
    assert_eq!((state.mark, &state.reserved), (NOW as u64 + 30, &*UNDISTURBED), "{what}");
    enter(world, NOW + 30, &dialogue(NOW)[1]).assert_denied(PAM_AUTH_ERR, "replayed");
    enter(world, later, &Generator::default().at(later)).assert_granted();
    enter(world, later, &recovery_code(8)).assert_granted();
    true
}

#[test]
fn who_hangs_up_at_any_question_leaves_nothing() {
    let answers = dialogue(NOW);
    for given in 0..answers.len() {
        let world = World::newcomers("");
        let before = world.snapshot();
        let outcome = world.newcomer("games").answers(&answers[..given]).run();
        outcome.assert_denied(PAM_CONV_ERR, "conversation");
        assert_eq!(outcome.prompts().len(), given + 1);
        assert!(world.snapshot() == before, "after {given} answers");
        assert!(!assert_nothing_or_all(&world, "the next login"));
    }
}

#[test]
fn killed_at_any_system_call_it_leaves_nothing_or_all() {
    let (mut nothing, mut all) = (0, 0);
    for (name, count) in calls() {
        let world = World::newcomers("");
        let inject = format!("inject={name}:signal=KILL:when={count}");
        let killed = trace(&newcomer(&world), &["-e", &inject]);
        assert_eq!(killed.report.code, None, "{inject}: the kill came too late");
        if assert_nothing_or_all(&world, &inject) { all += 1 } else { nothing += 1 }
    }
    assert!(nothing > 0 && all > 0, "{nothing} before, {all} after");
}

#[test]
fn with_any_system_call_failing_who_gets_in_is_enrolled() {
    for (name, count) in calls().iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str())) {
        for error in ["EIO", "ENOSPC", "EACCES", "EINTR"] {
            let world = World::newcomers("");
            let inject = format!("inject={name}:error={error}:when={count}");
            let report = trace(&newcomer(&world), &["-e", &inject]).report;
            let code = report.code.unwrap_or_else(|| panic!("{inject}: the host died"));
            let stored = world.secret_path("games").exists();
            assert!(code != PAM_SUCCESS || stored, "{inject}: in, with nothing stored: {report:?}");
            assert!(!report.log.iter().any(|line| line.field("result") == Some("exempt")), "{inject}");
            assert_nothing_or_all(&world, &inject);
        }
    }
}

/// As if somebody had put a secret there who takes no lock. The recovery codes on the loser's paper must open nothing.
#[test]
fn who_finds_a_secret_at_the_last_moment_leaves_no_recovery_codes() {
    let world = World::newcomers("");
    let links = calls().iter().filter(|(name, _)| name == "linkat").count();
    assert_eq!(links, 2, "the state, then the secret");
    let report = trace(&newcomer(&world), &["-e", "inject=linkat:error=EEXIST:when=2"]).report;
    assert_eq!((report.code, report.field("reason")), (Some(PAM_PERM_DENIED), "enrolled-meanwhile"));
    assert_eq!(world.state_of("games").recovery_codes_left(), 0);
    world.secret("games", &format!("[[authenticator]]\nlabel = \"other\"\nsecret = \"{SECRET}\"\n"));
    for number in 1..=8 {
        let outcome = enter(&world, NOW + 600, &recovery_code(number));
        assert_eq!(outcome.field("result"), "deny", "{outcome:#?}");
    }
}

/// The secret cannot be written, and later configuration management brings one of the right person's.
#[test]
fn recovery_codes_of_an_enrollment_that_failed_open_no_other_credential() {
    let world = World::newcomers("");
    let report = trace(&newcomer(&world), &["-e", "inject=linkat:error=ENOSPC:when=2"]).report;
    assert_eq!((report.code, report.field("reason")), (Some(PAM_AUTHINFO_UNAVAIL), "unavailable"));
    assert_eq!(world.state_of("games").recovery_codes_left(), 8, "on disk before the secret");
    for id in ["", "id = \"ANOTHER\"\n"] {
        let phone = format!("{id}[[authenticator]]\nlabel = \"other\"\nsecret = \"{SECRET}\"\n");
        world.secret("games", &phone);
        let outcome = enter(&world, NOW + 600, &recovery_code(1));
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    }
}

/// Flushed in an order that a loss of power cannot turn round: first the state with what is used up, then the secret.
#[test]
fn what_is_used_up_is_on_disk_before_the_secret_is_there() {
    let world = World::newcomers("");
    let traced = trace(&newcomer(&world), &[]);
    let positions = |what: &str| -> Vec<usize> {
        let found = traced.calls.iter().enumerate().filter(|(_, call)| call.starts_with(what));
        found.map(|(at, _)| at).collect()
    };
    let (links, flushes) = (positions("linkat("), positions("fdatasync("));
    let folders: Vec<_> = positions("fsync(")
        .into_iter()
        .filter(|at| traced.calls[*at].contains("/state>") || traced.calls[*at].contains("/users>"))
        .collect();
    let secret = *links.last().unwrap();
    let burnt = flushes.iter().filter(|at| **at < secret).count();
    assert_eq!((burnt, flushes.len()), (1, 2), "one flush of the state before the secret, one after");
    assert!(folders.last().unwrap() > &secret, "the folder is flushed after the link");
}
