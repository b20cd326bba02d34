//! The answers of an application, and the texts that a user may type.

use std::time::Duration;

use twostep_tests::interpose::set_clock;
use twostep_tests::pam::*;
use twostep_tests::{Answer, Generator, NOW, World, processor_time};

fn right() -> String {
    Generator::default().at(NOW)
}

/// Asserts that the answer is refused and that no file changes: no failure is counted and no code is used.
fn assert_uncharged(answer: impl Into<Answer>, code: i32, reason: &str) {
    let world = World::default();
    let before = world.snapshot();
    let outcome = world.login("games").at(NOW).answer(answer).run();
    outcome.assert_denied(code, reason);
    assert!(world.snapshot() == before, "{outcome:#?}");
    world.login("games").at(NOW).answer(right()).run().assert_granted();
}

#[test]
fn denies_failed_conversation_uncharged() {
    for code in [PAM_CONV_ERR, PAM_BUF_ERR, PAM_ABORT, PAM_IGNORE, 99, -1] {
        assert_uncharged(Answer::Fails(code), PAM_CONV_ERR, "conversation");
    }
}

#[test]
fn ignores_response_of_failed_conversation() {
    assert_uncharged(Answer::FailsWithText(PAM_CONV_ERR, right().into()), PAM_CONV_ERR, "conversation");
}

#[test]
fn denies_missing_response() {
    assert_uncharged(Answer::NullResponse, PAM_CONV_ERR, "conversation");
}

#[test]
fn treats_null_text_as_empty_answer() {
    assert_uncharged(Answer::NullText, PAM_AUTH_ERR, "not-a-code");
}

#[test]
fn refuses_application_without_conversation() {
    let world = World::default();
    let before = world.snapshot();
    let code = world.login("games").at(NOW).without_conversation().run().code;
    assert!([PAM_CONV_ERR, PAM_SYSTEM_ERR].contains(&code), "{}", name_of(code));
    assert!(world.snapshot() == before);
}

#[test]
fn refuses_malformed_code_uncharged() {
    let code = right();
    let odd: Vec<Vec<u8>> = vec![
        "".into(),
        " ".into(),
        "   ".into(),
        "\n".into(),
        "-".into(),
        "------".into(),
        code[..5].into(),
        format!("{code}123").into(),
        format!("{code}x").into(),
        format!("x{code}").into(),
        format!("+{code}").into(),
        format!("0x{code}").into(),
        format!("{code}.0").into(),
        format!("{code}\u{a0}").into(),
        "\x08\n\r\x7fINCORRECt".into(),
        code.chars()
            .map(|digit| char::from_u32(digit as u32 - '0' as u32 + 0xff10).unwrap())
            .collect::<String>()
            .into(),
        code.chars()
            .map(|digit| char::from_u32(digit as u32 - '0' as u32 + 0x660).unwrap())
            .collect::<String>()
            .into(),
        [code.as_bytes(), b"\xff"].concat(),
        vec![0xff; 6],
        b"%n%n%n%n%s%s".to_vec(),
    ];
    for answer in odd {
        assert_uncharged(answer, PAM_AUTH_ERR, "not-a-code");
    }
}

/// sshd sends this instead of the password for a user whom it never lets in.
#[test]
fn refuses_sshd_placeholder_password_uncharged() {
    let world = World::default();
    let before = world.snapshot();
    let sshd = || world.login("games").at(NOW).tty("ssh").env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    sshd().answer("\x08\n\r\x7fINCORRECT").run().assert_denied(PAM_AUTH_ERR, "refused-by-sshd");
    assert!(world.snapshot() == before);
    assert_uncharged("\x08\n\r\x7fINCORRECT", PAM_AUTH_ERR, "not-a-code");
}

#[test]
fn refuses_answer_over_512_bytes_uncharged() {
    for length in [511, 512, 513, 65_536, 10 * 1024 * 1024] {
        let took = processor_time(|| assert_uncharged(vec![b'1'; length], PAM_AUTH_ERR, "not-a-code"));
        assert!(took < Duration::from_secs(1), "{length} bytes: {took:?}");
    }
}

#[test]
fn accepts_code_in_512_bytes_but_not_in_513() {
    let padded = |length: usize| format!("{}{}", " ".repeat(length - 6), right());
    let world = World::default();
    world.login("games").at(NOW).answer(padded(512)).run().assert_granted();
    assert_uncharged(padded(513), PAM_AUTH_ERR, "not-a-code");
}

#[test]
fn ignores_blanks_dashes_and_line_ends_in_code() {
    let code = right();
    let (head, tail) = code.split_at(3);
    let spaced = code.chars().map(|digit| format!("{digit} ")).collect::<String>();
    let forms = [
        format!("{head} {tail}"),
        format!("{head}-{tail}"),
        format!("{code}\r"),
        format!("{code}\n"),
        format!("{code}\r\n"),
        format!(" \t{code} "),
        spaced,
        format!("{code}\0whatever follows the end of a C string"),
    ];
    for form in forms {
        World::default().login("games").at(NOW).answer(&form).run().assert_granted();
    }
}

#[test]
fn charges_wrong_codes_of_seven_and_eight_digits() {
    for answer in ["1234567", "12345678"] {
        let world = World::default();
        let outcome = world.login("games").at(NOW).answer(answer).run();
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
        assert_eq!(outcome.field("failures"), "1");
        assert_eq!(world.state_of("games").root.codes, 1);
    }
}

#[test]
fn judges_code_at_time_of_answer() {
    let world = World::default();
    let late = NOW + 300;
    let answer = Answer::after(move || set_clock(late), &right());
    world.login("games").at(NOW).answer(answer).run().assert_denied(PAM_AUTH_ERR, "wrong-code");
    let code = Generator::default().at(late);
    let answer = Answer::after(move || set_clock(late), &code);
    world.login("games").at(NOW).answer(answer).run().assert_granted();
    let early = NOW - 300;
    let answer = Answer::after(move || set_clock(early), &code);
    let outcome = world.login("games").at(late).answer(answer).run();
    assert_ne!(outcome.code, PAM_SUCCESS, "used up, and the clock was set back");
}

#[test]
fn judges_by_credential_at_time_of_answer() {
    let world = World::default();
    let path = world.secret_path("games");
    let removed = Answer::after(move || std::fs::remove_file(path).unwrap(), &right());
    let outcome = world.login("games").at(NOW).answer(removed).run();
    assert_ne!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
    assert_ne!(outcome.code, IGNORED_ALONE, "a user who was asked is not exempt afterwards: {outcome:#?}");
}

#[test]
fn judges_by_lockout_at_time_of_answer() {
    let world = World::default().after_password();
    let path = world.state_path("games");
    let mut disabled = world.state_of("games");
    disabled.root.codes = 20;
    let file = disabled.file();
    let locked = Answer::after(move || std::fs::write(path, file).unwrap(), &right());
    let outcome = world.login("games").at(NOW).answer(locked).answer(right()).run();
    outcome.assert_denied(PAM_MAXTRIES, "disabled");
}

#[test]
fn holds_no_lock_during_prompt() {
    let world = World::default();
    let mut first = world.login("games").at(NOW).open();
    let (second, code) = (world.login("games").at(NOW).answer(right()), right());
    let meanwhile = move || {
        let outcome = std::thread::scope(|scope| {
            let login = Sendable(second);
            scope.spawn(move || login.run().code).join().unwrap()
        });
        assert_eq!(outcome, PAM_SUCCESS, "the lock is not held during the prompt");
    };
    first.answer(Answer::after(meanwhile, &code));
    first.authenticate(0).assert_denied(PAM_AUTH_ERR, "replayed");
}

struct Sendable(twostep_tests::Login);
// SAFETY: the login has only typed answers and no closure.
unsafe impl Send for Sendable {}
impl Sendable {
    fn run(self) -> twostep_tests::Outcome {
        self.0.run()
    }
}
