//! Recovery codes: each is accepted once, wherever a code is accepted, and they have their own limit.

use twostep_tests::pam::*;
use twostep_tests::paper::{SALT, hash, long_code, recovery_code};
use twostep_tests::strace::{self, NOT_OURS, trace};
use twostep_tests::{
    AttemptCounter, Format, Generator, Login, NOW, OTHER_SECRET, Outcome, State, Style, World,
};

const UNKNOWN: &str = "ABCD-EFGH-JKMN-PQRS";

/// A world in which `games` has this many recovery codes left.
fn world(left: usize) -> World {
    with(left, |state| state)
}

fn with(left: usize, change: impl FnOnce(State) -> State) -> World {
    let world = World::default().after_password();
    world.state("games", &change(world.state_of("games").with_recovery_codes(left)));
    world
}

fn login(world: &World, answer: &str) -> Outcome {
    world.login("games").at(NOW).answer(answer).run()
}

/// Types the answer twice, because a user who is locked out is asked a second time.
fn twice(world: &World, answer: &str) -> Outcome {
    world.login("games").at(NOW).answers([answer; 2]).run()
}

fn code() -> String {
    Generator::default().at(NOW)
}

#[test]
fn accepts_each_code_once() {
    let world = world(8);
    for (number, left) in (1..=8).zip((0..8).rev()) {
        let outcome = login(&world, &recovery_code(number));
        outcome.assert_granted();
        let fields = ["method", "left", "rule"].map(|key| outcome.field(key));
        assert_eq!(fields, ["recovery-code", &left.to_string(), "default"]);
        assert_eq!(outcome.log[0].priority, 5);
        assert_eq!(world.state_of("games").recovery_codes_left(), left);
        for used in 1..=number {
            login(&world, &recovery_code(used)).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
        }
        assert_eq!(world.state_of("games").recovery_codes_left(), left);
    }
}

#[test]
fn counts_used_code_and_changes_nothing_else() {
    let world = world(8);
    login(&world, &recovery_code(1)).assert_granted();
    let before = world.state_of("games");
    login(&world, &recovery_code(1)).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    let after = world.state_of("games");
    assert_eq!(after.root, AttemptCounter { recoveries: 1, ..AttemptCounter::default() });
    assert_eq!(State { generation: before.generation, root: before.root, ..after }, before);
}

#[test]
fn keeps_used_recovery_code_used() {
    let world = world(8);
    login(&world, &recovery_code(1)).assert_granted();
    let refused = || login(&world, &recovery_code(1)).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    let status = world.command(&["status", "--user", "games"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("recovery codes left: 7"), "{status:?}");
    refused();
    assert!(world.command(&["unlock", "games"]).status.success());
    refused();
    login(&world, &code()).assert_granted();
    refused();
    login(&world, &recovery_code(2)).assert_granted();
    refused();
    assert_eq!(world.state_of("games").recovery_codes_left(), 6);
}

#[test]
fn uses_up_only_accepted_code() {
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
fn accepts_every_spelling_of_code() {
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
fn refuses_code_with_one_wrong_character() {
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
    assert_eq!(world.state_of("games").root, AttemptCounter::default());
}

#[test]
fn refuses_recovery_code_of_another_user() {
    let world = world(8);
    world.enroll("mail", OTHER_SECRET);
    let outcome = world.login("mail").at(NOW).answer(recovery_code(1)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    world.state("mail", &State { reserved: other_salt(), ..world.state_of("mail") });
    let outcome = world.login("mail").at(NOW).answer(recovery_code(1)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
}

/// Hashes of the same codes with another salt.
fn other_salt() -> Vec<u8> {
    let mut reserved = State::new(0, "").with_recovery_codes(8).reserved;
    reserved[32] ^= 1;
    reserved
}

#[test]
fn accepts_code_during_lockout_and_ends_it() {
    let wrong = |codes| AttemptCounter { codes, recoveries: 99, last_failure: NOW as u64 };
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
        assert!(refused.prompts()[1].contains("\nA recovery code works now.\n"), "{refused:#?}");
        let mark = world.state_of("games").mark;
        login(&world, &recovery_code(1)).assert_granted();
        assert_eq!(
            (world.state_of("games").root, world.state_of("games").mark),
            (AttemptCounter::default(), mark)
        );
    }
    for (left, recoveries) in [(0, 0), (8, 100)] {
        let counter = AttemptCounter { codes: 20, recoveries, last_failure: NOW as u64 };
        let refused = twice(&with(left, |state| State { root: counter, ..state }), &code());
        assert!(!refused.prompts()[1].contains("recovery code"), "no recovery code works: {refused:#?}");
    }
}

#[test]
fn accepts_code_at_prompt_that_offers_it() {
    for codes in [3, 20] {
        let world = with(8, |state| State {
            root: AttemptCounter { codes, last_failure: NOW as u64, ..state.root },
            ..state
        });
        let outcome = world.login("games").at(NOW).answers([code(), recovery_code(1)]).run();
        outcome.assert_granted();
        assert!(
            outcome.prompts()[1].ends_with("\nA recovery code works now.\nVerification code: "),
            "{outcome:#?}"
        );
    }
}

#[test]
fn resets_only_counter_of_own_kind_of_host() {
    let failed = AttemptCounter { codes: 7, recoveries: 7, last_failure: 7 };
    let world = with(8, |state| State { root: failed, helper: failed, ..state });
    login(&world, &recovery_code(1)).assert_granted();
    let state = world.state_of("games");
    assert_eq!((state.root, state.helper), (AttemptCounter::default(), failed));
}

#[test]
fn imposes_no_wait_for_wrong_codes() {
    let waiting = AttemptCounter { codes: 3, recoveries: 0, last_failure: NOW as u64 - 30 };
    for root in [AttemptCounter::default(), waiting] {
        let world = with(8, |state| State { root, ..state });
        for _ in 0..30 {
            login(&world, UNKNOWN).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
        }
        assert_eq!(world.state_of("games").root, AttemptCounter { recoveries: 30, ..root });
        login(&world, &code()).assert_granted();
    }
}

#[test]
fn disables_only_recovery_codes_after_100_failures() {
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

    let unlocked = with(8, |state| State { root: AttemptCounter { recoveries: 100, ..state.root }, ..state });
    twice(&unlocked, &recovery_code(1)).assert_denied(PAM_MAXTRIES, "recovery-disabled");
    assert!(unlocked.command(&["unlock", "games"]).status.success());
    login(&unlocked, &recovery_code(1)).assert_granted();
}

#[test]
fn counts_wrong_codes_of_each_kind_apart() {
    let world = world(8);
    login(&world, UNKNOWN).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    login(&world, &Generator::default().wrong(NOW)).assert_denied(PAM_AUTH_ERR, "wrong-code");
    login(&world, UNKNOWN).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    let expected = AttemptCounter { codes: 1, recoveries: 2, last_failure: NOW as u64 };
    assert_eq!(world.state_of("games").root, expected);
}

fn told(outcome: &Outcome) -> Vec<&str> {
    let texts = outcome.transcript.iter().filter(|(style, _)| *style != Style::Prompt);
    texts.map(|(_, text)| text.as_str()).collect()
}

#[test]
fn tells_recovery_codes_left_and_how_to_renew_few() {
    let how = "For new ones, run 'twostep recovery'.";
    for left in (0..8).rev() {
        let world = world(left + 1);
        let mut text = format!("Recovery code accepted. Unused codes left: {left}.");
        let mut reminder = Vec::new();
        if left <= 2 {
            text.extend(["\n", how]);
            reminder.push(format!("Recovery codes left: {left}. {how}"));
        }
        text.push_str("\nLost your phone? Run 'twostep replace'.");
        assert_eq!(told(&login(&world, &recovery_code(1))), [text]);
        for now in [NOW, NOW + 60] {
            assert_eq!(
                told(&world.login("games").at(now).answer(Generator::default().at(now)).run()),
                reminder
            );
        }
    }
    assert!(
        told(&login(&World::default(), &code())).is_empty(),
        "a user without recovery codes is not reminded"
    );
}

#[test]
fn shows_wrong_code_text_to_user_without_recovery_codes() {
    let outcome = World::default().login("games").at(NOW).answer(UNKNOWN).run();
    let wrong = World::default().login("games").at(NOW).answer(Generator::default().wrong(NOW)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
    let unknown = World::default().login("nobody-here").at(NOW).answer(UNKNOWN).run();
    unknown.assert_denied(PAM_AUTH_ERR, "unknown-user");
    for other in [unknown, wrong] {
        assert_eq!((&outcome.transcript, &outcome.delays), (&other.transcript, &other.delays));
    }
    login(&World::default(), &long_code(&[0; 10])).assert_denied(PAM_AUTH_ERR, "wrong-recovery-code");
}

#[test]
fn keeps_recovery_codes_out_of_log() {
    let world = world(8);
    for answer in [recovery_code(1), recovery_code(1), recovery_code(2).to_lowercase()] {
        for line in login(&world, &answer).log {
            let condensed = line.text.to_uppercase().replace(['-', ' '], "");
            assert!(!condensed.contains(&answer.to_uppercase().replace('-', "")), "{}", line.text);
        }
    }
}

/// A state with two recovery codes left, and with failures that a success resets.
fn state() -> State {
    let failed = AttemptCounter { codes: 2, recoveries: 2, last_failure: NOW as u64 };
    State { root: failed, ..World::lenient().state_of("games").with_recovery_codes(2) }
}

fn followed(world: &World, answer: &str) -> Login {
    world.followed("games").answer(answer)
}

fn lenient(state: &State) -> World {
    let world = World::lenient();
    world.state("games", state);
    world
}

fn calls(state: &State, answer: &str) -> Vec<(String, usize)> {
    let traced = trace(&followed(&lenient(state), answer), &[]);
    assert!(traced.report.code.is_some(), "{:?}", traced.report);
    strace::calls_of_the_module(&traced.calls)
}

/// Asserts, after a login with the first of two codes, that it does not work again, and that the other one and the app do.
#[track_caller]
fn assert_consistent(world: &World, got_in: bool, what: &str) {
    let again = [(); 2].map(|()| followed(world, &recovery_code(1)).run().code);
    let successes = again.iter().filter(|&&code| code == PAM_SUCCESS).count();
    assert!(successes + usize::from(got_in) <= 1, "{what}: one code, {successes} + {got_in} logins");
    for right in [recovery_code(2), code()] {
        let next = followed(world, &right).run();
        assert_eq!((next.code, next.field("result")), (PAM_SUCCESS, "grant"), "{what}: {next:#?}");
    }
}

/// A right code is also charged before it is compared.
#[test]
fn charges_or_uses_up_code_of_killed_login() {
    let (state, right) = (state(), recovery_code(1));
    let mut seen = Vec::new();
    for (name, count) in calls(&state, &right) {
        let world = lenient(&state);
        let inject = format!("inject={name}:signal=KILL:when={count}");
        let report = trace(&followed(&world, &right), &["-e", &inject]).report;
        assert_eq!(report.code, None, "{inject}: the kill came too late");
        let state = world.state_of("games");
        seen.push((state.root.recoveries, state.root.codes, state.recovery_codes_left()));
        assert_consistent(&world, false, &inject);
    }
    seen.dedup();
    assert_eq!(seen, [(2, 2, 2), (3, 2, 2), (0, 0, 1)]);
}

/// Otherwise guesses would be free.
#[test]
fn charges_killed_guess_once() {
    let state = state();
    let mut seen = Vec::new();
    for (name, count) in calls(&state, UNKNOWN) {
        let world = lenient(&state);
        let inject = format!("inject={name}:signal=KILL:when={count}");
        trace(&followed(&world, UNKNOWN), &["-e", &inject]);
        let state = world.state_of("games");
        seen.push((state.root.recoveries, state.root.codes, state.recovery_codes_left()));
    }
    seen.dedup();
    assert_eq!(seen, [(2, 2, 2), (3, 2, 2)]);
}

#[test]
fn grants_only_after_code_is_used_up_on_disk() {
    let (state, right) = (state(), recovery_code(1));
    let calls = calls(&state, &right);
    for (name, count) in calls.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str())) {
        for error in ["EIO", "ENOSPC"] {
            let world = lenient(&state);
            let inject = format!("inject={name}:error={error}:when={count}");
            let traced = trace(&followed(&world, &right), &["-e", &inject]);
            let code = traced.report.code.unwrap_or_else(|| panic!("{inject}: the host died"));
            let got_in = code == PAM_SUCCESS;
            if got_in {
                assert_eq!(traced.report.field("method"), "recovery-code", "{inject}: {:?}", traced.report);
                assert_eq!(world.state_of("games").recovery_codes_left(), 1, "{inject}");
                assert!(is_flushed(&traced.calls), "{inject}: {:#?}", traced.calls);
            }
            assert_consistent(&world, got_in, &inject);
        }
    }
}

/// Whether the last complete slot was flushed after it was written.
fn is_flushed(calls: &[String]) -> bool {
    let end = format!("= {}", Format::of_run().slot().end);
    let slot = |call: &&String| call.starts_with("pwrite64(") && call.ends_with(&end);
    let written = calls.iter().rposition(|call| slot(&call)).unwrap();
    calls[written..].iter().any(|call| call.starts_with("fdatasync(") && call.ends_with("= 0"))
}
