//! An enrollment that is cancelled at any question, or killed or failed at any system call, stores all or nothing.

use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use twostep_tests::disk::Image;
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, long_code, recovery_code};
use twostep_tests::strace::{self, trace};
use twostep_tests::sweep::Sweep;
use twostep_tests::{Generator, Login, NOW, Outcome, SECRET, State, World, uid};

const TICKET: &[u8] = b"ticket 001";
/// One is enough in a test with many enrollments, because the hash of each takes time.
const ONE_RECOVERY_CODE: &str = "recovery-codes = 1\n";

fn newcomer(world: &World) -> Login {
    world.newcomer("games").answers(dialogue(NOW))
}

fn enter(world: &World, now: i64, answer: &str) -> Outcome {
    world.login("games").service("login").at(now).whole().answer(answer).run()
}

/// The system calls of one complete enrollment.
fn calls() -> Vec<(String, usize)> {
    let traced = trace(&newcomer(&World::newcomers("")), &[]);
    assert_eq!(traced.report.code, Some(PAM_SUCCESS), "{:?}", traced.report);
    strace::calls_of_the_module(&traced.calls)
}

/// The recovery codes in the state after an enrollment without a fault.
static WITHOUT_FAULT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let world = World::newcomers(ONE_RECOVERY_CODE);
    assert_eq!(trace(&newcomer(&world), &[]).report.code, Some(PAM_SUCCESS));
    assert_eq!(world.state_of("games").recovery_codes_left(), 1);
    world.state_of("games").reserved
});

/// Whether the user is enrolled. Asserts that the enrollment is then complete.
fn is_stored(world: &World, what: &str) -> bool {
    let Ok(secret) = fs::read_to_string(world.secret_path("games")) else { return false };
    assert!(secret.contains(&format!("secret = \"{SECRET}\"")), "{what}: {secret}");
    let state = world.state_of("games");
    assert_eq!((state.mark, &state.reserved), (NOW as u64 + 30, &*WITHOUT_FAULT), "{what}");
    true
}

/// Asserts that the store has all of the enrollment or nothing. Returns whether the user is enrolled.
fn assert_nothing_or_all(world: &World, what: &str) -> bool {
    let enrolled = world.secret_path("games").exists();
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
    assert!(is_stored(world, what));
    enter(world, NOW + 30, &dialogue(NOW)[1]).assert_denied(PAM_AUTH_ERR, "replayed");
    enter(world, later, &Generator::default().at(later)).assert_granted();
    enter(world, later, &recovery_code(1)).assert_granted();
    true
}

#[test]
fn leaves_nothing_when_user_hangs_up() {
    let answers = dialogue(NOW);
    for given in 0..answers.len() {
        let world = World::newcomers(ONE_RECOVERY_CODE);
        let before = world.snapshot();
        let outcome = world.newcomer("games").answers(&answers[..given]).run();
        outcome.assert_denied(PAM_CONV_ERR, "conversation");
        assert_eq!(outcome.prompts().len(), given + 1);
        assert!(world.snapshot() == before, "after {given} answers");
        assert!(!assert_nothing_or_all(&world, "the next login"));
    }
}

fn in_image(world: &World, image: &Image) -> Option<State> {
    let state = State::parse(image.get(&world.state_path("games"))?);
    state.filter(|_| image.contains_key(&world.secret_path("games")))
}

#[test]
fn stores_all_or_nothing_with_any_system_call_fault() {
    let whole = AtomicUsize::new(0);
    let tally = Sweep {
        name: "enrollment",
        without_fault: "enrolled",
        world: &|| World::newcomers(ONE_RECOVERY_CODE),
        login: &newcomer,
        is_recorded: &|world, image| {
            let burnt = |state: State| (state.mark, state.recovery_codes_left()) == (NOW as u64 + 30, 1);
            in_image(world, image).is_some_and(burnt)
        },
        check: &|world, granted, what| {
            // An error leaves the same as a kill at this call, or no more than an enrollment that is undone.
            let killed = what.contains("KILL");
            let enrolled = if killed { assert_nothing_or_all(world, what) } else { is_stored(world, what) };
            assert!(enrolled || !granted, "{what}: in, with nothing stored");
            whole.fetch_add(usize::from(enrolled), Ordering::Relaxed);
        },
    }
    .run();
    let [granted, whole] = [&tally.granted, &whole].map(|count| count.load(Ordering::Relaxed));
    assert!(
        0 < granted && granted < whole,
        "{granted} granted, {whole} enrolled: some fail after it is stored"
    );
}

#[test]
fn uses_ticket_up_on_grant_with_any_system_call_fault() {
    let with_ticket = State::new(uid("games"), "games").with_ticket(TICKET, NOW + 3600);
    let world = || {
        let world = World::newcomers(&format!("{ONE_RECOVERY_CODE}require-ticket = true\n"));
        world.state("games", &with_ticket);
        world
    };
    let shown = |world: &World| world.newcomer("games").answer(long_code(TICKET)).answers(dialogue(NOW));
    let tally = Sweep {
        name: "enrollment with a ticket",
        without_fault: "enrolled",
        world: &world,
        login: &shown,
        is_recorded: &|world, image| in_image(world, image).is_some_and(|state| state.ticket().2 == 0),
        check: &|world, granted, what| {
            let enrolled = world.secret_path("games").exists();
            assert!(enrolled || !granted, "{what}: in, with nothing stored");
            let tries = world.state_of("games").ticket().2;
            let usable = tries >= 2; // a try is charged before the ticket is compared
            assert!(usable || enrolled && tries == 0, "{what}: {tries} tries left, enrolled: {enrolled}");
        },
    }
    .run();
    assert!(tally.granted.load(Ordering::Relaxed) > 0);
}

/// A key and recovery codes that can be guessed would be worse than none. Codes of enrolled users are still judged.
#[test]
fn enrolls_nobody_without_random_numbers() {
    for error in ["EIO", "EAGAIN", "EINTR:when=1..9"] {
        let inject = format!("inject=getrandom:error={error}");
        let world = World::newcomers("");
        let before = world.snapshot();
        let login = |answer: &str| world.login("games").service("login").at(NOW).whole().answer(answer);
        let report = trace(&login("123456"), &["-e", &inject]).report;
        let reason = if error.starts_with("EINTR") { "conversation" } else { "unavailable" };
        assert_ne!(report.code, Some(PAM_SUCCESS), "{inject}: {report:?}");
        assert_eq!(report.field("reason"), reason, "{inject}: {report:?}");
        assert!(world.snapshot() == before, "{inject}");
        world.enroll("games", SECRET);
        let report = trace(&login(&Generator::default().at(NOW)), &["-e", &inject]).report;
        assert_eq!(report.code, Some(PAM_SUCCESS), "{inject}: {report:?}");
    }
}

/// As if a program without the lock had written the secret. The recovery codes that the dialogue showed must not work.
#[test]
fn leaves_no_recovery_codes_when_secret_appears_meanwhile() {
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

/// The secret cannot be written, and later configuration management writes another one for the same user.
#[test]
fn rejects_recovery_codes_of_failed_enrollment() {
    let world = World::newcomers("");
    let report = trace(&newcomer(&world), &["-e", "inject=linkat:error=ENOSPC:when=2"]).report;
    assert_eq!((report.code, report.field("reason")), (Some(PAM_AUTHINFO_UNAVAIL), "unavailable"));
    assert_eq!(world.state_of("games").recovery_codes_left(), 8, "the state is on disk before the secret");
    for id in ["", "id = \"ANOTHER\"\n"] {
        let phone = format!("{id}[[authenticator]]\nlabel = \"other\"\nsecret = \"{SECRET}\"\n");
        world.secret("games", &phone);
        let outcome = enter(&world, NOW + 600, &recovery_code(1));
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    }
}

/// A power loss must not reverse the order: first the state with the used codes is flushed, then the secret.
#[test]
fn stores_used_up_state_before_secret() {
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
    assert_eq!(
        (burnt, flushes.len()),
        (1, 1),
        "one flush of the state before the secret; nothing is given back after it"
    );
    assert!(folders.last().unwrap() > &secret, "the folder is flushed after the link");
}
