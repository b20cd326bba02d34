//! Which codes are accepted, each of them once. The codes come from oathtool.

use twostep_tests::interpose::set_clock;
use twostep_tests::pam::*;
use twostep_tests::{AttemptCounter, Generator, NOW, OTHER_SECRET, Outcome, SECRET, State, World};

const LONG_SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DP";

/// Types the code twice, because a user who is locked out is asked a second time.
fn judge(world: &World, now: i64, code: &str) -> Outcome {
    world.login("games").at(now).answers([code; 2]).run()
}

fn with_skew(skew: i64) -> World {
    let world = World::default();
    world.policy(&format!(
        "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nskew-steps = {skew}\n"
    ));
    world
}

#[test]
fn accepts_code_once() {
    let world = World::default();
    let code = Generator::default().at(NOW);
    judge(&world, NOW, &code).assert_granted();
    for later in [0, 1, 29, 30, 59] {
        judge(&world, NOW + later, &code).assert_denied(PAM_AUTH_ERR, "replayed");
        let forgiven = State { root: AttemptCounter::default(), ..world.state_of("games") };
        world.state("games", &forgiven);
    }
}

#[test]
fn charges_replayed_code() {
    let world = World::default().after_password();
    let code = Generator::default().at(NOW);
    judge(&world, NOW, &code).assert_granted();
    for failures in ["1", "2", "3"] {
        assert_eq!(judge(&world, NOW, &code).field("failures"), failures);
    }
    judge(&world, NOW, &code).assert_denied(PAM_MAXTRIES, "locked");
}

#[test]
fn refuses_used_code_in_every_service() {
    let world = World::default();
    let line = "auth required MODULE root=ROOT first_factor=any\n";
    world.service("sshd", line).service("sudo", line).service("login", line);
    let code = Generator::default().at(NOW);
    let at = |service: &str| world.login("games").service(service).at(NOW).answer(&code).run();
    at("sshd").assert_granted();
    at("sudo").assert_denied(PAM_AUTH_ERR, "replayed");
    at("login").assert_denied(PAM_AUTH_ERR, "replayed");
}

#[test]
fn refuses_current_code_after_code_of_next_step() {
    let world = World::default();
    judge(&world, NOW, &Generator::default().at(NOW + 30)).assert_granted();
    judge(&world, NOW, &Generator::default().at(NOW)).assert_denied(PAM_AUTH_ERR, "replayed");
    judge(&world, NOW, &Generator::default().at(NOW - 30)).assert_denied(PAM_AUTH_ERR, "replayed");
    judge(&world, NOW + 30, &Generator::default().at(NOW + 60)).assert_granted();
}

#[test]
fn accepts_each_step_of_window_once_in_rising_order() {
    let world = with_skew(3);
    for step in -3..=3 {
        let code = Generator::default().at(NOW + 30 * step);
        judge(&world, NOW, &code).assert_granted();
        judge(&world, NOW, &code).assert_denied(PAM_AUTH_ERR, "replayed");
    }
}

#[test]
fn limits_window_to_policy_skew() {
    for skew in 0..=3 {
        let world = with_skew(skew);
        for second in [0, 29] {
            for step in -5..=5_i64 {
                world.enroll("games", SECRET);
                let now = NOW + second;
                let outcome = judge(&world, now, &Generator::default().at(NOW + 30 * step));
                let offset = format!("{:+}s", 30 * step);
                assert_eq!(outcome.field("offset"), offset, "skew {skew}, second {second}, step {step}");
                if step.abs() <= skew {
                    outcome.assert_granted();
                } else {
                    outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
                }
            }
        }
    }
}

#[test]
fn logs_clock_offset_up_to_ten_steps_outside_window() {
    for skew in [0, 1, 3] {
        let world = with_skew(skew);
        for beyond in [1, 2, 9, 10, 11, 12] {
            for sign in [-1, 1] {
                world.enroll("games", SECRET);
                let offset = sign * 30 * (skew + beyond);
                let outcome = judge(&world, NOW, &Generator::default().at(NOW + offset));
                outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
                let told = (outcome.field("authenticator").to_owned(), outcome.field("offset").to_owned());
                let expected =
                    if beyond <= 10 { ("phone".into(), format!("{offset:+}s")) } else { Default::default() };
                assert_eq!(told, expected, "skew {skew}, {offset} s");
            }
        }
    }
}

/// As on a machine that takes local time for UTC.
#[test]
fn logs_clock_that_is_hours_off() {
    let world = World::default();
    for (offset, is_told) in [
        (3600, true),
        (3630, true),
        (-3600, true),
        (-19_800, false), // 5.5 hours
        (50_400, true),
        (3660, false),
        (52_200, false),
    ] {
        world.enroll("games", SECRET);
        let outcome = judge(&world, NOW, &Generator::default().at(NOW + offset));
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
        assert_eq!(outcome.field("failures"), "1", "it is charged like any other wrong code");
        let expected = if is_told { format!("{offset:+}s") } else { String::new() };
        assert_eq!(outcome.field("offset"), expected, "{offset}");
        assert!(
            !format!("{:?}", outcome.transcript).contains(&offset.abs().to_string()),
            "the user sees no number"
        );
        assert_eq!(world.state_of("games").mark, 0);
    }
}

#[test]
fn keeps_mark_after_codes_outside_window() {
    let world = World::default();
    for failure in 0..3 {
        judge(&world, NOW + 30 * failure, &Generator::default().at(NOW + 300 + 30 * failure))
            .assert_denied(PAM_AUTH_ERR, "wrong-code");
    }
    assert_eq!(world.state_of("games").mark, 0);
    judge(&world, NOW + 120, &Generator::default().at(NOW + 420)).assert_denied(PAM_AUTH_ERR, "wrong-code");
}

#[test]
fn agrees_with_oathtool_for_all_algorithms_and_periods() {
    for algorithm in ["SHA1", "SHA256", "SHA512"] {
        for digits in [6, 7, 8] {
            for period in [15, 30, 60, 120] {
                let generator = Generator { secret: LONG_SECRET.into(), algorithm, digits, period };
                let world = World::new();
                world.enroll_with("games", &table("phone", &generator));
                for now in [NOW, NOW + 12_345] {
                    let code = generator.at(now);
                    assert_eq!(code.len(), digits as usize);
                    judge(&world, now, &code).assert_granted();
                    judge(&world, now, &code).assert_denied(PAM_AUTH_ERR, "replayed");
                }
                let now = NOW + 99_999;
                judge(&world, now, &generator.wrong(now)).assert_denied(PAM_AUTH_ERR, "wrong-code");
            }
        }
    }
}

fn table(label: &str, generator: &Generator) -> String {
    let Generator { secret, algorithm, digits, period } = generator;
    format!(
        "[[authenticator]]\nlabel = \"{label}\"\nsecret = \"{secret}\"\nalgorithm = \"{algorithm}\"\n\
         digits = {digits}\nperiod = {period}\nenrolled = 1763785000\n"
    )
}

#[test]
fn refuses_code_of_other_length_with_same_digits() {
    let world = World::new();
    let eight = Generator { digits: 8, ..Generator::default() };
    world.enroll_with("games", &table("phone", &eight));
    let code = eight.at(NOW);
    judge(&world, NOW, &code[2..]).assert_denied(PAM_AUTH_ERR, "wrong-code");
    judge(&world, NOW, &code).assert_granted();
}

#[test]
fn requires_leading_zeros() {
    let generator = Generator::default();
    let now = (0..).map(|step| NOW + 30 * step).find(|&now| generator.at(now).starts_with('0')).unwrap();
    let world = World::default();
    let code = generator.at(now);
    assert_eq!(judge(&world, now, &code[1..]).field("reason"), "not-a-code");
    judge(&world, now, &code).assert_granted();
}

#[test]
fn accepts_each_of_eight_authenticators_and_logs_it() {
    let world = World::new();
    let letters = "ABCDEFGH";
    let generators: Vec<_> = letters
        .chars()
        .map(|letter| Generator::new(&SECRET.replacen("JBSWY3DP", &letter.to_string().repeat(8), 1)))
        .collect();
    let tables: String = letters
        .chars()
        .zip(&generators)
        .map(|(letter, generator)| table(&format!("phone {letter}"), generator))
        .collect();
    world.enroll_with("games", &tables);
    for (index, generator) in generators.iter().enumerate() {
        let now = NOW + 60 * index as i64;
        let outcome = judge(&world, now, &generator.at(now));
        outcome.assert_granted();
        assert_eq!(outcome.field("authenticator"), format!("phone {}", &letters[index..=index]));
    }
}

#[test]
fn shares_mark_between_authenticators() {
    let world = World::new();
    let (phone, tablet) = (Generator::new(SECRET), Generator { period: 60, ..Generator::new(OTHER_SECRET) });
    world.enroll_with("games", &format!("{}{}", table("phone", &phone), table("tablet", &tablet)));
    judge(&world, NOW, &phone.at(NOW)).assert_granted();
    judge(&world, NOW, &tablet.at(NOW)).assert_denied(PAM_AUTH_ERR, "replayed");
    judge(&world, NOW + 30, &tablet.at(NOW)).assert_denied(PAM_AUTH_ERR, "replayed");
    judge(&world, NOW + 60, &tablet.at(NOW + 60)).assert_granted();
    judge(&world, NOW + 60, &phone.at(NOW + 60)).assert_denied(PAM_AUTH_ERR, "replayed");
    judge(&world, NOW + 60, &phone.at(NOW + 90)).assert_granted();
}

#[test]
fn refuses_code_of_another_user() {
    let world = World::default();
    world.enroll("mail", OTHER_SECRET);
    let code = Generator::new(OTHER_SECRET).at(NOW);
    judge(&world, NOW, &code).assert_denied(PAM_AUTH_ERR, "wrong-code");
    assert_eq!((world.state_of("games").root.codes, world.state_of("mail").root.codes), (1, 0));
    world.login("mail").at(NOW).answer(&code).run().assert_granted();
    world.login("nosuchuser").at(NOW).answer(&code).run().assert_denied(PAM_AUTH_ERR, "unknown-user");
}

#[test]
fn creates_missing_state_with_current_window_used() {
    let world = World::default();
    std::fs::remove_file(world.state_path("games")).unwrap();
    for step in [-1, 0, 1] {
        judge(&world, NOW, &Generator::default().at(NOW + 30 * step)).assert_denied(PAM_AUTH_ERR, "replayed");
    }
    let state = world.state_of("games");
    assert_eq!((state.uid, state.name.as_str(), state.root.codes), (twostep_tests::uid("games"), "games", 3));
    let later = NOW + 90;
    judge(&world, later, &Generator::default().at(later)).assert_granted();
}

#[test]
fn logs_created_state_and_makes_it_private() {
    use std::os::unix::fs::MetadataExt;
    let world = World::default();
    std::fs::remove_file(world.state_path("games")).unwrap();
    let outcome = judge(&world, NOW, &Generator::default().wrong(NOW));
    assert!(outcome.log.len() > 1, "a line of its own: {outcome:#?}");
    let meta = std::fs::metadata(world.state_path("games")).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.len(), meta.nlink()), (0o600, 8192, 1));
    assert!(meta.blocks() * 512 >= 8192, "really written: a full disk must not stop the next login");
}

#[test]
fn refuses_used_code_after_clock_was_set_back() {
    let world = World::default();
    let generator = Generator::default();
    for step in [0, 2, 4, 6] {
        let now = NOW + 30 * step;
        judge(&world, now, &generator.at(now)).assert_granted();
    }
    for step in [0, 1, 2, 3, 4, 5, 6] {
        let now = NOW + 30 * step;
        let outcome = judge(&world, now, &generator.at(now));
        assert!(["replayed", "clock-anomaly", "locked"].contains(&outcome.field("reason")), "{outcome:#?}");
        assert_ne!(outcome.code, PAM_SUCCESS);
    }
}

#[test]
fn accepts_codes_at_distant_times() {
    let generator = Generator::default();
    for now in [1 << 31, (1_i64 << 31) - 1, 1 << 32, (1 << 32) + 77, 253_402_300_799] {
        let world = World::default();
        judge(&world, now, &generator.wrong(now)).assert_denied(PAM_AUTH_ERR, "wrong-code");
        judge(&world, now, &generator.at(now)).assert_granted();
        judge(&world, now, &generator.at(now)).assert_denied(PAM_AUTH_ERR, "replayed");
    }
}

#[test]
fn denies_at_impossible_times() {
    for now in [0, 1, 29, 30, -1, -30, -10_000_000_000, 253_402_300_800, i64::MIN, i64::MAX] {
        let world = World::default();
        let outcome = judge(&world, now, "123456");
        let denied = [PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL].contains(&outcome.code);
        assert!(denied, "{now}: {outcome:#?}");
        if !(0..=253_402_300_799).contains(&now) {
            outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
        }
    }
}

#[test]
fn accepts_code_once_when_clock_jumps_between_prompts() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let generator = Generator::default();
    judge(&world, NOW, &generator.at(NOW)).assert_granted();
    let replay = generator.at(NOW);
    let leap = |now: i64, code: &str| twostep_tests::Answer::after(move || set_clock(now), code);
    let answers = [leap(NOW - 60, &replay), leap(NOW + 30, &replay), leap(NOW, &replay)];
    let outcome = world.login("games").at(NOW).answers(answers).run();
    assert_ne!(outcome.code, PAM_SUCCESS);
    assert!(outcome.fields("result").iter().all(|&result| result == "deny"), "{outcome:#?}");
}
