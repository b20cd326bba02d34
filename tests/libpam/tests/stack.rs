//! A login uses no more of the stack than the module wipes.

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::thread;

use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, long_code, recovery_code};
use twostep_tests::{Generator, Login, NOW, SECRET, World};

const PAINT: u8 = 0xa5;
/// Much more than the module wipes.
const PAINTED: usize = 512 * 1024;
/// Less than the module wipes.
const WIPED: usize = 4096;
/// The most bytes there that the wiping itself leaves: the addresses of its own calls, once in each phase.
const LEFT: usize = 64;

/// Paints the part of the stack below the caller.
#[inline(never)]
fn paint() -> Range<u64> {
    let mut frame = [PAINT; PAINTED];
    let Range { start, end } = black_box(&mut frame).as_ptr_range();
    start.addr() as u64..end.addr() as u64
}

/// The part from the lowest byte that `login` has written to.
fn touched_by(login: Login, code: i32) -> Vec<u8> {
    let painted = paint();
    let outcome = login.run();
    let mut stack = vec![0; PAINTED];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut stack, painted.start).unwrap();
    assert_eq!(outcome.code, code, "{outcome:#?}");
    let lowest = stack.iter().position(|&byte| byte != PAINT).expect("a login uses the stack");
    stack.split_off(lowest)
}

fn games(world: &World) -> Login {
    world.login("games").service("login").whole().at(NOW)
}

struct Case {
    name: &'static str,
    world: World,
    login: fn(&World) -> Login,
    code: i32,
}

/// Logins with all kinds of answers.
fn cases() -> [Case; 8] {
    let enrolled = || {
        let world = World::newcomers("");
        world.enroll("games", SECRET);
        world.state("games", &world.state_of("games").with_recovery_codes(8));
        world
    };
    let broken = World::default();
    broken.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = [1, { a = 2 }]\n");
    let case = |name, world, login: fn(&World) -> Login, code| Case { name, world, login, code };
    [
        case("right", enrolled(), |world| games(world).answer(Generator::default().at(NOW)), PAM_SUCCESS),
        case("wrong", enrolled(), |world| games(world).answer(Generator::default().wrong(NOW)), PAM_AUTH_ERR),
        case("recovery code", enrolled(), |world| games(world).answer(recovery_code(8)), PAM_SUCCESS),
        case(
            "wrong recovery code",
            enrolled(),
            |world| games(world).answer(long_code(&[7; 10])),
            PAM_AUTH_ERR,
        ),
        case(
            "unknown user",
            enrolled(),
            |world| world.login("nobody-here").at(NOW).answer("123456"),
            PAM_AUTH_ERR,
        ),
        case("policy with error", broken, |world| world.login("games").at(NOW), PAM_SERVICE_ERR),
        case(
            "enrollment",
            World::newcomers(""),
            |world| world.newcomer("games").answers(dialogue(NOW)),
            PAM_SUCCESS,
        ),
        case(
            "wrong ticket",
            World::newcomers("require-ticket = true\n"),
            |world| world.newcomer("games").answers(["x"; 3]),
            PAM_AUTH_ERR,
        ),
    ]
}

/// The lowest part that a login has written to is one that the module has wiped.
#[test]
fn uses_no_more_of_stack_than_it_wipes() {
    let work = || {
        for Case { name, world, login, code } in cases() {
            let touched = touched_by(login(&world), code);
            let left = touched[..WIPED].iter().filter(|&&byte| byte != 0).count();
            assert!(left <= LEFT, "{name}: {left} bytes in the lowest of {}", touched.len());
        }
    };
    thread::Builder::new().stack_size(4 * PAINTED).spawn(work).unwrap().join().unwrap();
}
