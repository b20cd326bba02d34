//! Each of six faults at every system call of a login that is granted, and of an enrollment: denied, or granted with all that
//! makes it count in every image that the disk may hold then.

use std::sync::atomic::Ordering;

use twostep_tests::disk::Image;
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, recovery_code};
use twostep_tests::sweep::{Sweep, Tally};
use twostep_tests::{Generator, Login, NOW, State, World};

fn right() -> String {
    Generator::default().at(NOW)
}

fn with_recovery_codes() -> World {
    let world = World::lenient();
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    world
}

fn state_in(world: &World, image: &Image) -> Option<State> {
    image.get(&world.state_path("games")).and_then(|bytes| State::parse(bytes))
}

/// How often `answer` gets in now; then, that the code of a later moment does.
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
fn a_login_with_a_code_is_denied_or_granted_and_on_disk() {
    let tally = Sweep {
        name: "login",
        world: &World::lenient,
        login: &|world: &World| -> Login { world.followed("games").answer(right()) },
        kept: &|world, image| state_in(world, image).is_some_and(|state| state.mark >= NOW as u64),
        sound: &|world, granted, what| assert_once(world, granted, &right(), what),
    }
    .run();
    assert_both_seen(&tally);
}

#[test]
fn a_login_with_a_recovery_code_is_denied_or_granted_and_on_disk() {
    let tally = Sweep {
        name: "login with a recovery code",
        world: &with_recovery_codes,
        login: &|world: &World| -> Login { world.followed("games").answer(recovery_code(1)) },
        kept: &|world, image| state_in(world, image).is_some_and(|state| state.recovery_codes_left() == 7),
        sound: &|world, granted, what| assert_once(world, granted, &recovery_code(1), what),
    }
    .run();
    assert_both_seen(&tally);
}

#[test]
fn an_enrollment_is_denied_or_granted_and_on_disk() {
    let tally = Sweep {
        name: "enrollment",
        world: &|| World::newcomers(""),
        login: &|world: &World| -> Login { world.newcomer("games").answers(dialogue(NOW)) },
        kept: &|world, image| {
            let burnt = state_in(world, image)
                .is_some_and(|state| state.mark == NOW as u64 + 30 && state.recovery_codes_left() == 8);
            burnt && image.contains_key(&world.secret_path("games"))
        },
        sound: &|world, granted, what| {
            assert!(!granted || world.secret_path("games").exists(), "{what}: in, with nothing stored");
        },
    }
    .run();
    assert_both_seen(&tally);
}
