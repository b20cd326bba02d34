//! Recovery codes: each is accepted once, wherever a code is, and they have a limit of their own.

use twostep_tests::pam::*;
use twostep_tests::paper::{SALT, hash, long_code, recovery_code};
use twostep_tests::{Budget, Generator, NOW, OTHER_SECRET, Outcome, State, Style, World};

const UNKNOWN: &str = "ABCD-EFGH-JKMN-PQRS";

/// Games has this many recovery codes left.
fn world(left: usize) -> World {
    with(left, |state| state)
}

fn with(left: usize, change: impl FnOnce(State) -> State) -> World {
    let world = World::default();
    world.state("games", &change(world.state_of("games").with_recovery_codes(left)));
    world
}

fn login(world: &World, answer: &str) -> Outcome {
    world.login("games").at(NOW).answer(answer).run()
}

/// Whoever is locked out is asked once more: the same is typed again.
fn twice(world: &World, answer: &str) -> Outcome {
    world.login("games").at(NOW).answers([answer; 2]).run()
}

fn code() -> String {
    Generator::default().at(NOW)
}

#[test]
fn each_lets_in_once() {
    let world = world(8);
    for (number, left) in (1..=8).zip((0..8).rev()) {
        let outcome = login(&world, &recovery_code(number));
        outcome.assert_granted();
        let fields = ["method", "left", "rule"].map(|key| outcome.field(key));
        assert_eq!(fields, ["recovery-code", &left.to_string(), "default"]);
        assert_eq!(world.state_of("games").recovery_codes_left(), left);
        for used in 1..=number {
            login(&world, &recovery_code(used)).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
        }
        assert_eq!(world.state_of("games").recovery_codes_left(), left);
    }
}

#[test]
fn what_is_used_up_is_that_code_alone() {
    let world = world(3);
    let before = world.state_of("games");
    login(&world, &recovery_code(2)).assert_granted();
    let after = world.state_of("games");
    assert_eq!((after.salt(), after.mark), (before.salt(), before.mark));
    assert_eq!((after.hashes()[0], after.hashes()[2]), (before.hashes()[0], before.hashes()[2]));
    assert_eq!(after.hashes()[1], [0; 16]);
    login(&world, &code()).assert_granted();
}

#[test]
fn however_it_is_spelled_it_is_the_same_code() {
    let bytes = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];
    let code = long_code(&bytes);
    assert_eq!(code, "0123-4567-89AB-CDEF");
    let kept = hash(&bytes, &SALT);
    let bare = code.replace('-', "");
    let misread = code.replace('0', "o").replace('1', "l");
    let spellings = [
        code.to_lowercase(),
        bare.clone(),
        bare.to_lowercase(),
        code.replace('-', " "),
        format!("  {code}\t"),
        misread.to_uppercase().replace('L', "I"),
        misread,
        bare.chars().map(|c| format!("{c}-")).collect(),
    ];
    for spelling in spellings {
        let world = with(8, |mut state| {
            state.reserved[48..64].copy_from_slice(&kept);
            state
        });
        login(&world, &spelling).assert_granted();
    }
}

#[test]
fn with_one_character_wrong_it_is_another_one() {
    let world = world(8);
    let code = recovery_code(1);
    let places: Vec<usize> = (0..code.len()).filter(|at| &code[*at..=*at] != "-").collect();
    for at in places {
        let other = if &code[at..=at] == "7" { "8" } else { "7" };
        let wrong = format!("{}{other}{}", &code[..at], &code[at + 1..]);
        login(&world, &wrong).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    }
    for (not_a_code, what) in
        [(&code[..18], "short"), (&format!("{code}7"), "long"), (&code.replace('1', "U"), "U")]
    {
        let outcome = login(&world, not_a_code);
        assert_eq!((outcome.field("reason"), outcome.code), ("not-a-code", PAM_AUTH_ERR), "{what}");
    }
    assert_eq!(
        (world.state_of("games").root.recoveries, world.state_of("games").recovery_codes_left()),
        (16, 8)
    );
    login(&world, &code).assert_granted();
    assert_eq!(world.state_of("games").root, Budget::default());
}

#[test]
fn the_code_of_somebody_else_does_not_work() {
    let world = world(8);
    world.enroll("mail", OTHER_SECRET);
    let outcome = world.login("mail").at(NOW).answer(recovery_code(1)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    world.state("mail", &State { reserved: other_salt(), ..world.state_of("mail") });
    let outcome = world.login("mail").at(NOW).answer(recovery_code(1)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
}

/// Hashes of the same codes under another salt than theirs.
fn other_salt() -> Vec<u8> {
    let mut reserved = State::new(0, "").with_recovery_codes(8).reserved;
    reserved[32] ^= 1;
    reserved
}

#[test]
fn it_works_while_codes_do_not_and_ends_that() {
    let wrong = |codes| Budget { codes, recoveries: 99, last_failure: NOW as u64 };
    let locked = |codes| move |state| State { root: wrong(codes), ..state };
    let ahead = |state| State { mark: NOW as u64 + 86_400, ..state };
    let table = [
        (with(8, locked(3)), PAM_MAXTRIES, "locked"),
        (with(8, locked(19)), PAM_MAXTRIES, "locked"),
        (with(8, locked(20)), PAM_MAXTRIES, "disabled"),
        (with(8, ahead), PAM_AUTHINFO_UNAVAIL, "clock-anomaly"),
    ];
    for (world, pam_code, reason) in table {
        let refused = twice(&world, &code());
        refused.assert_denied(pam_code, reason);
        assert!(refused.prompts()[1].contains(" A recovery code works now.\n"), "{refused:#?}");
        let mark = world.state_of("games").mark;
        login(&world, &recovery_code(1)).assert_granted();
        assert_eq!((world.state_of("games").root, world.state_of("games").mark), (Budget::default(), mark));
    }
    for (left, recoveries) in [(0, 0), (8, 100)] {
        let budget = Budget { codes: 20, recoveries, last_failure: NOW as u64 };
        let refused = twice(&with(left, |state| State { root: budget, ..state }), &code());
        assert!(!refused.prompts()[1].contains("recovery code"), "there is none that works: {refused:#?}");
    }
}

#[test]
fn a_hundred_wrong_ones_in_a_row_disable_recovery_codes_and_nothing_else() {
    let world = world(8);
    for failures in 1..=100 {
        let outcome = login(&world, UNKNOWN);
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
        assert_eq!(outcome.field("failures"), failures.to_string());
    }
    let disabled = twice(&world, &recovery_code(1));
    disabled.assert_denied(PAM_MAXTRIES, "recovery-disabled");
    assert!(disabled.prompts()[1].contains("'twostep unlock games'"), "{disabled:#?}");
    let state = world.state_of("games");
    assert_eq!((state.root.recoveries, state.root.codes, state.recovery_codes_left()), (100, 0, 8));
    login(&world, &code()).assert_granted();
    login(&world, &recovery_code(1)).assert_granted();

    let unlocked = with(8, |state| State { root: Budget { recoveries: 100, ..state.root }, ..state });
    twice(&unlocked, &recovery_code(1)).assert_denied(PAM_MAXTRIES, "recovery-disabled");
    assert!(unlocked.command(&["unlock", "games"]).status.success());
    login(&unlocked, &recovery_code(1)).assert_granted();
}

#[test]
fn wrong_ones_of_the_two_kinds_are_counted_apart() {
    let world = world(8);
    login(&world, UNKNOWN).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    login(&world, &Generator::default().wrong(NOW)).assert_denied(PAM_AUTH_ERR, "wrong-code");
    login(&world, UNKNOWN).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    let expected = Budget { codes: 1, recoveries: 2, last_failure: NOW as u64 };
    assert_eq!(world.state_of("games").root, expected);
}

fn told(outcome: &Outcome) -> Vec<&str> {
    let texts = outcome.transcript.iter().filter(|(style, _)| *style != Style::Prompt);
    texts.map(|(_, text)| text.as_str()).collect()
}

#[test]
fn the_person_is_told_how_many_are_left_and_from_two_on_each_time_how_to_get_new_ones() {
    let how = "For new ones, ask your administrator to run 'twostep recovery --user games'.";
    let after = [
        (8, "Recovery code accepted: 7 are left.".to_owned(), None),
        (4, "Recovery code accepted: 3 are left.".to_owned(), None),
        (3, format!("Recovery code accepted: 2 are left. {how}"), Some("2 are left")),
        (2, format!("Recovery code accepted: 1 is left. {how}"), Some("1 is left")),
        (1, format!("Recovery code accepted: none is left. {how}"), Some("none is left")),
    ];
    for (before, text, reminder) in after {
        let world = world(before);
        assert_eq!(told(&login(&world, &recovery_code(1))), [text]);
        let reminded = told(&login(&world, &code())).concat();
        let expected = reminder.map(|left| format!("Of your recovery codes, {left}. {how}"));
        assert_eq!(reminded, expected.unwrap_or_default());
    }
    assert!(told(&login(&World::default(), &code())).is_empty(), "who never had any is not reminded");
}

#[test]
fn who_never_had_any_sees_what_a_wrong_code_shows() {
    let outcome = World::default().login("games").at(NOW).answer(UNKNOWN).run();
    let wrong = World::default().login("games").at(NOW).answer(Generator::default().wrong(NOW)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    assert_eq!((outcome.transcript, outcome.delays), (wrong.transcript, wrong.delays));
    login(&World::default(), &long_code(&[0; 10])).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
}

#[test]
fn no_line_of_the_log_holds_one() {
    let world = world(8);
    for answer in [recovery_code(1), recovery_code(1), recovery_code(2).to_lowercase()] {
        for line in login(&world, &answer).log {
            let condensed = line.text.to_uppercase().replace(['-', ' '], "");
            assert!(!condensed.contains(&answer.to_uppercase().replace('-', "")), "{}", line.text);
        }
    }
}
