//! The lockout after failures, and how it ends.

use twostep_tests::interpose::{release_clock, set_clock};
use twostep_tests::pam::*;
use twostep_tests::{Answer, BLOCK, Format, Generator, NOW, Outcome, SECRET, Style, World, seal, slot_of};

const PROMPT: &str = "Verification code: ";

fn wrong() -> &'static str {
    // May by chance be the code of some step; each use checks the reason, so it would be noticed.
    "000000"
}

/// Types the code twice, because a user who is locked out is asked a second time.
fn judge(world: &World, now: i64, code: &str) -> Outcome {
    world.login("games").at(now).answers([code; 2]).run()
}

fn fail(world: &World, now: i64, failures: u16) {
    let outcome = judge(world, now, wrong());
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
    assert_eq!(outcome.field("failures"), failures.to_string());
    assert_eq!(world.state_of("games").root.codes, failures);
}

/// The state after this many wrong codes in a row, the last of them at NOW.
fn after_failures(failures: u16) -> World {
    let world = World::default().after_password();
    let mut state = world.state_of("games");
    state.root.codes = failures;
    state.root.last_failure = NOW as u64;
    world.state("games", &state);
    world
}

#[test]
fn doubles_wait_after_failures_and_disables_after_twenty() {
    let world = World::default().after_password();
    let mut now = NOW;
    for failures in 1..=3 {
        fail(&world, now, failures);
    }
    for (wait, failures) in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600].into_iter().zip(4..) {
        judge(&world, now + wait - 1, wrong()).assert_denied(PAM_MAXTRIES, "locked");
        assert_eq!(world.state_of("games").root.codes, failures - 1, "a refused try is not charged");
        now += wait;
        fail(&world, now, failures);
    }
    for failures in 14..=20 {
        now += 3600;
        fail(&world, now, failures);
    }
    for later in [0, 3600, 86_400, 365 * 86_400] {
        judge(&world, now + later, &Generator::default().at(now + later))
            .assert_denied(PAM_MAXTRIES, "disabled");
        assert_eq!(world.state_of("games").root.codes, 20);
    }
}

#[test]
fn takes_lockout_limit_from_policy() {
    for limit in [3, 5, 100] {
        let world = after_failures(limit - 1);
        world.policy(&format!(
            "version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = {limit}\n"
        ));
        let now = NOW + 3600;
        fail(&world, now, limit);
        judge(&world, now + 3600, wrong()).assert_denied(PAM_MAXTRIES, "disabled");
    }
}

#[test]
fn refuses_right_code_during_wait_and_keeps_it_unused() {
    let world = after_failures(3);
    let code = Generator::default().at(NOW + 30);
    judge(&world, NOW + 29, &code).assert_denied(PAM_MAXTRIES, "locked");
    judge(&world, NOW + 30, &code).assert_granted();
}

#[test]
fn tells_end_of_wait_and_prompts_once_more() {
    let world = after_failures(4);
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let now = NOW + 10;
    let outcome = world.login("games").at(now).answers([wrong(); 3]).run();
    outcome.assert_denied(PAM_MAXTRIES, "locked");
    let text = "Too many wrong codes. Try again after 08:01:00 UTC (in 50 s).\nVerification code: ";
    assert_eq!(outcome.prompts(), [PROMPT, text]);
    assert_eq!(outcome.log.len(), 2, "{outcome:#?}");
}

#[test]
fn accepts_code_at_second_prompt_after_wait() {
    let world = after_failures(3);
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let code = Generator::default().at(NOW + 30);
    let patient = Answer::after(|| set_clock(NOW + 30), &code);
    let outcome = world.login("games").at(NOW).answer(wrong()).answer(patient).run();
    outcome.assert_granted();
}

#[test]
fn tells_wait_in_next_prompt_of_same_conversation() {
    let world = after_failures(2);
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let outcome = world.login("games").at(NOW).answers([wrong(); 4]).run();
    outcome.assert_denied(PAM_MAXTRIES, "locked");
    assert_eq!(outcome.fields("reason")[0], "wrong-code");
    assert_eq!(world.state_of("games").root.codes, 3);
}

#[test]
fn tells_user_with_disabled_codes_what_to_do() {
    let world = after_failures(20);
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let outcome = world.login("games").at(NOW + 86_400).answers([wrong(); 3]).run();
    outcome.assert_denied(PAM_MAXTRIES, "disabled");
    let text = "Too many wrong codes: codes are disabled.\n\
                Ask your administrator to run\n'twostep unlock games'.\nVerification code: ";
    assert_eq!(outcome.prompts(), [PROMPT, text]);
}

#[test]
fn tells_at_success_how_many_codes_were_refused_before() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n");
    let told = |answers: &[&str], now| {
        let outcome = world.login("games").at(now).answers(answers.to_vec()).run();
        let texts = outcome.transcript.into_iter().filter(|(style, _)| *style != Style::Prompt);
        (outcome.code, texts.map(|(_, text)| text).collect::<Vec<_>>().concat())
    };
    let code = |now| Generator::default().at(now);
    let none = String::new();
    assert_eq!(told(&["12", wrong()], NOW + 5), (PAM_CONV_ERR, none.clone()));
    let from = match Format::of_run() {
        Format::One => "",
        Format::Two => "The last one was typed at this machine (test).\n",
    };
    let text = format!(
        "1 code was refused since your last login, last at 2027-01-15 08:00:05 UTC.\n{from}\
         If that was not you, change your password and tell your administrator."
    );
    // The user knows of the one in the same conversation.
    assert_eq!(told(&[wrong(), &code(NOW + 60)], NOW + 60), (PAM_SUCCESS, text));
    assert_eq!(told(&[wrong(), &code(NOW + 90)], NOW + 90), (PAM_SUCCESS, none));
}

/// A record of format 1 keeps its format, and has no room for them.
#[test]
fn keeps_when_and_where_codes_were_typed() {
    let is_kept = Format::of_run() == Format::Two;
    let on = |now: i64, host: &str| {
        if is_kept { (now as u64, "test".to_owned(), host.to_owned()) } else { Default::default() }
    };
    let world = World::default();
    let login = |now, host, code: &str| world.login("games").at(now).rhost(host).answer(code).run();
    login(NOW, "203.0.113.5", wrong()).assert_denied(PAM_AUTH_ERR, "wrong-code");
    let refused = world.state_of("games").times;
    assert_eq!((refused.granted, refused.refused), (Default::default(), on(NOW, "203.0.113.5")));
    login(NOW + 60, "192.0.2.7", &Generator::default().at(NOW + 60)).assert_granted();
    let granted = world.state_of("games").times;
    assert_eq!((granted.granted, granted.refused), (on(NOW + 60, "192.0.2.7"), Default::default()));
    let hostile = format!("\x1b[2J{}", "x".repeat(99));
    login(NOW + 90, &hostile, wrong()).assert_denied(PAM_AUTH_ERR, "wrong-code");
    assert_eq!(world.state_of("games").times.refused, on(NOW + 90, &format!("?[2J{}", "x".repeat(60))));
}

#[test]
fn hides_lockout_in_first_prompt() {
    for failures in [0, 3, 20] {
        assert_eq!(judge(&after_failures(failures), NOW, wrong()).prompts()[0], PROMPT);
    }
}

#[test]
fn resets_count_on_success() {
    let world = after_failures(2);
    judge(&world, NOW, &Generator::default().at(NOW)).assert_granted();
    assert_eq!(world.state_of("games").root.codes, 0);
    for failures in 1..=3 {
        fail(&world, NOW, failures);
    }
}

#[test]
fn keeps_count_until_success() {
    let world = after_failures(2);
    let count = || world.state_of("games").root.codes;
    let stack = "auth required MODULE root=ROOT first_factor=publickey\nauth required pam_permit.so\n";
    world
        .service("key", stack)
        .service("sshd", "auth required MODULE root=ROOT\nauth required pam_permit.so\n");
    judge(&world, NOW, "not a code");
    judge(&world, NOW, "");
    world.login("games").service("key").at(NOW).run();
    world.login("games").service("sshd").at(NOW).run();
    world.login("games").at(NOW).run();
    let open = world.login("games").at(NOW).open();
    open.handle.setcred(2);
    open.handle.account(0);
    open.handle.open_session();
    world.policy("version = 1\nmode = \"exempt\"\n");
    world.login("games").at(NOW).run();
    world.policy("broken");
    judge(&world, NOW, wrong());
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n");
    world.enroll("mail", SECRET);
    world.login("mail").at(NOW).answer(Generator::default().at(NOW)).run().assert_granted();
    assert_eq!(count(), 2);
    fail(&world, NOW + 86_400, 3);
}

#[test]
fn applies_wait_to_every_host_and_service() {
    let world = after_failures(3);
    world.service("sudo", "auth required MODULE root=ROOT\n");
    for host in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        world
            .login("games")
            .rhost(host)
            .at(NOW)
            .answers([wrong(); 2])
            .run()
            .assert_denied(PAM_MAXTRIES, "locked");
    }
    world
        .login("games")
        .service("sudo")
        .at(NOW)
        .answers([wrong(); 2])
        .run()
        .assert_denied(PAM_AUTH_ERR, "locked"); // no password before it
}

/// A stranger must not learn who is enrolled.
#[test]
fn shows_lockout_like_wrong_code_if_nothing_proves_a_password() {
    let policy = "version = 1\nmode = \"mandatory\"\n[verification]\nlockout-after = 20\n";
    let stacks = [
        "auth required MODULE root=ROOT\n",
        "auth required MODULE root=ROOT first_factor=any\n",
        "auth required pam_permit.so\nauth required MODULE root=ROOT\n",
        "auth optional pam_deny.so\nauth required MODULE root=ROOT\n",
    ];
    let code = Generator::default().at(NOW);
    for (stack, failures) in stacks.into_iter().zip([3, 20, 3, 20]) {
        let texts = |world: &World, user: &str, answer: &str, reason: &str| {
            world.policy(policy).service("bare", stack);
            let outcome = world.login(user).service("bare").at(NOW).answers([answer; 4]).run();
            assert_eq!(outcome.fields("reason"), [reason; 3]);
            (outcome.code, outcome.transcript, outcome.delays)
        };
        let locked = after_failures(failures);
        let state = locked.state_of("games");
        let reason = if failures == 3 { "locked" } else { "disabled" };
        let expected = texts(&World::default(), "games", wrong(), "wrong-code");
        for answer in [wrong(), &code] {
            assert_eq!(texts(&locked, "games", answer, reason), expected, "{stack} {answer}");
        }
        assert_eq!(texts(&locked, "nosuchuser", wrong(), "unknown-user"), expected, "{stack}");
        assert_eq!(texts(&locked, "mail", wrong(), "not-enrolled"), expected, "{stack}");
        assert_eq!(locked.state_of("games"), state, "no code was looked at");
    }
}

#[test]
fn tells_lockout_after_a_key() {
    let world = after_failures(3);
    world.service("key", "auth required MODULE root=ROOT\n");
    let login = world.login("games").service("key").at(NOW).env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    login.answers([wrong(); 2]).run().assert_denied(PAM_MAXTRIES, "locked");
}

#[test]
fn locks_out_only_one_user() {
    let world = after_failures(20);
    world.enroll("mail", SECRET);
    world.login("mail").at(NOW).answer(Generator::default().at(NOW)).run().assert_granted();
}

#[test]
fn ends_wait_and_keeps_count_after_clock_was_set_back() {
    let world = after_failures(10);
    let before = NOW - 86_400;
    fail(&world, before, 11);
    judge(&world, before + 3599, wrong()).assert_denied(PAM_MAXTRIES, "locked");
    fail(&world, before + 3600, 12);
}

#[test]
fn keeps_codes_disabled_after_clock_was_set_back() {
    let world = after_failures(20);
    judge(&world, NOW - 86_400, wrong()).assert_denied(PAM_MAXTRIES, "disabled");
}

#[test]
fn keeps_largest_count_from_wrapping() {
    for failures in [99, 100, 101, u16::MAX - 1, u16::MAX] {
        let world = after_failures(failures);
        world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\nlockout-after = 100\n");
        judge(&world, NOW + 3600, wrong());
        assert!(world.state_of("games").root.codes >= failures);
        judge(&world, NOW + 86_400, wrong()).assert_denied(PAM_MAXTRIES, "disabled");
    }
}

#[test]
fn counts_failures_of_helper_apart() {
    let world = World::default();
    let mut state = world.state_of("games");
    state.helper.codes = 20;
    state.helper.last_failure = NOW as u64;
    world.state("games", &state);
    judge(&world, NOW, &Generator::default().at(NOW)).assert_granted();
    assert_eq!(world.state_of("games").helper.codes, 20, "a success elsewhere does not reset them");
}

#[test]
fn keeps_ticket_and_recovery_codes_across_login() {
    let world = World::default();
    let mut file = world.state_of("games").file();
    let slot = slot_of(&mut file, 0);
    slot[17] = 1;
    (64..89).chain(96..368).for_each(|at| slot[at] = at as u8); // the last seven bytes of the ticket are zero
    seal(slot);
    std::fs::write(world.state_path("games"), &file).unwrap();
    fail(&world, NOW, 1);
    judge(&world, NOW, &Generator::default().at(NOW)).assert_granted();
    let mut after = std::fs::read(world.state_path("games")).unwrap();
    for block in [0, BLOCK] {
        assert_eq!(slot_of(&mut after, block)[64..368], slot_of(&mut file, 0)[64..368]);
        assert_eq!(slot_of(&mut after, block)[17], 1);
    }
}

#[test]
fn denies_future_mark_uncharged() {
    let world = World::default();
    let mut state = world.state_of("games");
    state.mark = NOW as u64 + 86_400;
    world.state("games", &state);
    let outcome = judge(&world, NOW, &Generator::default().at(NOW));
    assert_eq!((outcome.field("result"), outcome.field("reason")), ("deny", "clock-anomaly"));
    assert!(![PAM_SUCCESS, IGNORED_ALONE].contains(&outcome.code), "{outcome:#?}");
    assert_eq!(outcome.log[0].priority, 4);
    assert_eq!(world.state_of("games"), state);
}

#[test]
fn ends_every_lockout_on_unlock() {
    for failures in [3, 20] {
        let world = after_failures(failures);
        let output = world.command(&["unlock", "games"]);
        assert!(output.status.success(), "{output:?}");
        judge(&world, NOW, &Generator::default().at(NOW)).assert_granted();
    }
}

#[test]
fn keeps_used_codes_used_on_unlock() {
    let world = World::default();
    let now = release_clock() / 30 * 30;
    let code = Generator::default().at(now);
    judge(&world, now, &code).assert_granted();
    world.command(&["unlock", "games"]);
    judge(&world, now, &code).assert_denied(PAM_AUTH_ERR, "replayed");
    world.command(&["unlock", "games", "--reset-clock"]);
    judge(&world, now, &code).assert_denied(PAM_AUTH_ERR, "replayed");
}

/// The test uses the real time, because the command reads the machine's clock.
#[test]
fn fixes_future_mark_on_unlock_with_reset_clock() {
    let world = World::default();
    let now = release_clock();
    let mut state = world.state_of("games");
    state.mark = now as u64 + 86_400;
    world.state("games", &state);
    let soon = now + 300;
    let code = Generator::default().at(soon);
    assert_eq!(judge(&world, soon, &code).field("reason"), "clock-anomaly");
    assert_eq!(
        world.command(&["unlock", "games"]).status.code(),
        Some(1),
        "says that codes are still refused"
    );
    assert_eq!(judge(&world, soon, &code).field("reason"), "clock-anomaly", "only on demand");
    let output = world.command(&["unlock", "games", "--reset-clock"]);
    assert!(output.status.success(), "{output:?}");
    judge(&world, soon, &code).assert_granted();
}

/// The code of the mark may have been used a moment ago, by a phone with a fast clock or before the clock was corrected.
#[test]
fn refuses_to_reset_mark_that_is_reached_soon() {
    let world = World::default();
    let now = release_clock();
    let mut state = world.state_of("games");
    state.mark = now as u64 + 300;
    world.state("games", &state);
    let outcome = judge(&world, now, &Generator::default().at(now));
    assert_eq!(outcome.field("reason"), "clock-anomaly");
    assert!(
        outcome.field("cause").ends_with("last accepted code is 300 s ahead of the clock: retry in 300 s"),
        "{outcome:#?}"
    );
    let output = world.command(&["unlock", "games", "--reset-clock"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("would make a used code valid again"),
        "{output:?}"
    );
    assert_eq!(world.state_of("games").mark, state.mark);
    let status = world.command(&["status", "--user", "games"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("no code is accepted before"), "the advice works: {status}");
    assert!(world.command(&["unlock", "games"]).status.success(), "unlock works meanwhile");
}

#[test]
fn keeps_mark_on_reset() {
    let world = World::default();
    let now = release_clock() / 30 * 30;
    let code = Generator::default().at(now);
    judge(&world, now, &code).assert_granted();
    let mark = world.state_of("games").mark;
    let output = world.command(&["reset", "games"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!world.secret_path("games").exists());
    assert!(world.state_of("games").mark >= mark);
    world.secret("games", &format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n"));
    judge(&world, now, &code).assert_denied(PAM_AUTH_ERR, "replayed");
}
