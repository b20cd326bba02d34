//! Long-lived and threaded hosts: nothing leaks, nothing crashes.

use std::fs;
use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;

use twostep_tests::interpose::virtual_user;
use twostep_tests::pam::*;
use twostep_tests::paper::dialogue;
use twostep_tests::{Answer, Generator, NOW, SECRET, World};

/// Tests that count the open descriptors of the whole process run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn right() -> String {
    Generator::default().at(NOW)
}

#[test]
fn holds_no_descriptor_open_at_prompt() {
    let _turn = alone();
    let world = World::default();
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    world.login("games").at(NOW).answer("123456").run();
    let before = open();
    let answer = Answer::after(move || assert_eq!(open(), before), &right());
    world.login("games").at(NOW).answer(answer).run().assert_granted();

    let world = World::newcomers("");
    let before = open();
    let answers = dialogue(NOW).map(|text| Answer::after(move || assert_eq!(open(), before), &text));
    let outcome = world.newcomer("games").answers(answers).run();
    assert_eq!((outcome.code, open()), (PAM_SUCCESS, before), "{outcome:#?}");
}

#[test]
fn stays_loaded_after_threads_that_used_it_end() {
    let _turn = alone();
    let world = World::default();
    for _ in 0..20 {
        thread::scope(|scope| {
            scope.spawn(|| world.login("games").at(NOW).answer("000000").run());
        });
    }
    assert!(fs::read_to_string("/proc/self/maps").unwrap().contains("libpam_twostep.so"));
}

#[test]
fn grants_sixteen_concurrent_threads() {
    let _turn = alone();
    let world = World::new();
    let users: Vec<_> = (0..16).map(virtual_user).collect();
    for user in &users {
        world.enroll(user, SECRET);
    }
    let codes: Vec<_> = (0..10).map(|step| Generator::default().at(NOW + 60 * step)).collect();
    let start = Barrier::new(users.len());
    thread::scope(|scope| {
        for user in &users {
            scope.spawn(|| {
                start.wait();
                for (now, code) in (NOW..).step_by(60).zip(&codes) {
                    world.login(user).at(now).answer(code).run().assert_granted();
                    world.login(user).at(now).answer(code).run().assert_denied(PAM_AUTH_ERR, "replayed");
                }
            });
        }
    });
}

#[test]
fn grants_one_of_sixteen_threads_with_same_code() {
    let _turn = alone();
    let world = World::default();
    let code = right();
    let start = Barrier::new(16);
    let login = || {
        start.wait();
        world.login("games").at(NOW).answer(&code).run().code
    };
    let codes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(login)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|&&code| code == PAM_SUCCESS).count(), 1, "{codes:?}");
}
