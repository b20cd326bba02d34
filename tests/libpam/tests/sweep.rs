//! Injects six faults into every system call of a login through all its phases. The login is denied, or granted with its
//! record in every image that the disk may hold then. For an enrollment see enrollment_faults.rs, for the helper
//! tests/e2e/test_helper_faults.py and test_helper_kills.py.

use std::fs;
use std::sync::atomic::Ordering;

use twostep_tests::disk::Image;
use twostep_tests::pam::*;
use twostep_tests::paper::recovery_code;
use twostep_tests::sweep::{Sweep, Tally};
use twostep_tests::{Generator, Login, NOW, State, World, uid};

fn right() -> String {
    Generator::default().at(NOW)
}

/// A world in which a user taken for not enrolled would get in. The account phase has the gate.
fn entering() -> World {
    let world = World::lenient();
    let phases = "auth required MODULE root=ROOT first_factor=any\nauth required pam_permit.so\n\
                  account required MODULE root=ROOT\naccount required pam_permit.so\n";
    world.service("sshd", phases);
    world
}

/// A login through all phases of `sshd`.
fn enter(world: &World, answer: &str) -> Login {
    world.login("games").service("sshd").tty("ssh").at(NOW).answer(answer).whole()
}

fn with_recovery_codes() -> World {
    let world = entering();
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    world
}

fn state_in(world: &World, image: &Image) -> Option<State> {
    image.get(&world.state_path("games")).and_then(|bytes| State::parse(bytes))
}

/// Asserts that `answer` is accepted at most once in all, and that the code of a later step is accepted.
fn assert_once(world: &World, granted: bool, answer: &str, what: &str) {
    let again = || world.followed("games").answer(answer).run().code == PAM_SUCCESS;
    let successes = usize::from(granted) + usize::from(again()) + usize::from(again());
    assert!(successes <= 1, "{what}: it got in {successes} times");
    let later = NOW + 120;
    let next = world.followed("games").at(later).answer(Generator::default().at(later)).run();
    assert_eq!((next.code, next.field("result")), (PAM_SUCCESS, "grant"), "{what}: {next:#?}");
}

fn assert_both_seen(tally: &Tally) {
    let [denied, granted] = [&tally.denied, &tally.granted].map(|count| count.load(Ordering::Relaxed));
    assert!(denied > 0 && granted > 0, "{denied} denied, {granted} granted");
}

#[test]
fn grants_code_only_when_stored_with_any_fault() {
    let tally = Sweep {
        name: "login",
        without_fault: "grant",
        world: &entering,
        login: &|world| enter(world, &right()),
        is_recorded: &|world, image| state_in(world, image).is_some_and(|state| state.mark >= NOW as u64),
        check: &|world, granted, what| assert_once(world, granted, &right(), what),
    }
    .run();
    assert_both_seen(&tally);
}

#[test]
fn grants_recovery_code_only_when_stored_with_any_fault() {
    let tally = Sweep {
        name: "login with a recovery code",
        without_fault: "grant",
        world: &with_recovery_codes,
        login: &|world| enter(world, &recovery_code(1)),
        is_recorded: &|world, image| {
            state_in(world, image).is_some_and(|state| state.recovery_codes_left() == 7)
        },
        check: &|world, granted, what| assert_once(world, granted, &recovery_code(1), what),
    }
    .run();
    assert_both_seen(&tally);
}

#[test]
fn denies_and_charges_wrong_code_with_any_fault() {
    let tally = Sweep {
        name: "wrong code",
        without_fault: "wrong-code",
        world: &entering,
        login: &|world| enter(world, "000000"),
        is_recorded: &|_, _| false,
        check: &|world, _, what| {
            assert!(world.state_of("games").root.codes <= 1, "{what}");
            assert_once(world, false, &right(), what);
        },
    }
    .run();
    assert_eq!(tally.granted.load(Ordering::Relaxed), 0);
}

/// Without a state the used codes are unknown, so no current code is accepted.
#[test]
fn denies_first_login_and_keeps_code_used_with_any_fault() {
    let world = || {
        let world = entering();
        fs::remove_file(world.state_path("games")).unwrap();
        world
    };
    let tally = Sweep {
        name: "first login",
        without_fault: "replayed",
        world: &world,
        login: &|world| enter(world, &right()),
        is_recorded: &|_, _| false,
        check: &|world, _, what| {
            assert_ne!(enter(world, &right()).run().code, PAM_SUCCESS, "{what}");
            assert_once(world, false, &right(), what);
        },
    }
    .run();
    assert_eq!(tally.granted.load(Ordering::Relaxed), 0);
}

#[test]
fn denies_login_by_key_alone_with_any_fault() {
    let world = || {
        let world = entering();
        world.policy("version = 1\nmode = \"mandatory\"\n");
        world
    };
    let tally = Sweep {
        name: "gate",
        without_fault: "second-step-skipped",
        world: &world,
        login: &|world| enter(world, &right()).by_key(),
        is_recorded: &|_, _| false,
        check: &|world, _, what| {
            assert_eq!(world.state_of("games"), State::new(uid("games"), "games"), "{what}");
        },
    }
    .run();
    assert_eq!(tally.granted.load(Ordering::Relaxed), 0);
}
