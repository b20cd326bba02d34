//! `forward_pass`: one hidden answer has the password and the code, and the next line finds the password.

use std::fs;
use std::path::PathBuf;

use twostep_tests::pam::*;
use twostep_tests::paper::{hashes, recovery_code};
use twostep_tests::{Answer, Generator, NOW, Outcome, SECRET, Style, World};

/// The next line writes PAM_AUTHTOK to a file. If it is not set, that line asks for a password.
const STACK: &str = "auth required MODULE root=ROOT forward_pass\n\
                     auth required pam_exec.so quiet expose_authtok /usr/bin/tee ROOT/authtok\n\
                     account required MODULE root=ROOT\n";
const PROMPT: &str = "Password and verification code: ";
/// The prompt of pam_exec without a PAM_AUTHTOK.
const PASSWORD: &str = "Password: ";

fn right() -> String {
    Generator::default().at(NOW)
}

fn forwarding(world: World) -> World {
    world.service("test", STACK);
    world
}

fn authtok(world: &World) -> PathBuf {
    world.root().join("authtok")
}

/// All prompts. Asserts that none of them echoes.
fn questions(outcome: &Outcome) -> Vec<&str> {
    assert!(outcome.prompts().is_empty(), "{outcome:#?}");
    let hidden = outcome.transcript.iter().filter(|(style, _)| *style == Style::Hidden);
    hidden.map(|(_, text)| text.as_str()).collect()
}

fn log_in(world: &World, user: &str, answer: impl Into<Answer>) -> Outcome {
    // Answers a second question of the module, or a question of the next line.
    world.login(user).at(NOW).answer(answer).answers(["spare", "spare"]).run()
}

/// Asserts that the login is granted, and that the next line finds this password.
#[track_caller]
fn assert_forwarded(world: &World, answer: impl Into<Answer>, password: &[u8]) {
    let outcome = log_in(world, "games", answer);
    outcome.assert_granted();
    assert_eq!((questions(&outcome), outcome.unused_answers), (vec![PROMPT], 2));
    let seen = fs::read(authtok(world)).unwrap();
    assert_eq!(seen.strip_suffix(b"\0").unwrap_or(&seen), password, "{outcome:#?}");
}

/// Asserts that the answer is refused after one question, and that the next line finds no password and asks for one.
#[track_caller]
fn assert_kept(world: &World, user: &str, answer: impl Into<Answer>, code: i32, reason: &str) -> Outcome {
    let outcome = log_in(world, user, answer);
    outcome.assert_denied(code, reason);
    assert_eq!((questions(&outcome), outcome.log.len()), (vec![PROMPT, PASSWORD], 1), "{outcome:#?}");
    assert!(!format!("{:?}{:?}", outcome.log, outcome.transcript).contains("secret"), "{outcome:#?}");
    outcome
}

#[test]
fn forwards_any_password_to_next_line() {
    let longest = vec![b'x'; 506];
    let passwords: [&[u8]; 8] = [
        b"secret",
        b"",
        b"secret99",
        b"12345678",
        b"two words ",
        b"\xff\x01\n\x7f'\"\\",
        "pässwörd".as_bytes(),
        &longest,
    ];
    for password in passwords {
        let world = forwarding(World::default());
        assert_forwarded(&world, [password, right().as_bytes()].concat(), password);
        assert_eq!(world.state_of("games").root.codes, 0);
    }
}

#[test]
fn forwards_no_password_of_refused_answer() {
    let wrong = Generator::default().wrong(NOW);
    let world = forwarding(World::default());
    for failures in 1..=3 {
        let outcome = assert_kept(&world, "games", format!("secret{wrong}"), PAM_AUTH_ERR, "wrong-code");
        assert_eq!(outcome.field("failures"), failures.to_string(), "one answer, one charge");
        assert_eq!(outcome.delays, [2_000_000]);
    }
    let locked = assert_kept(&world, "games", format!("secret{}", right()), PAM_AUTH_ERR, "locked");
    assert!(
        locked.transcript.iter().all(|(style, _)| *style == Style::Hidden),
        "before the password: {locked:#?}"
    );
    assert!(!authtok(&world).exists() || fs::read(authtok(&world)).unwrap().starts_with(b"spare"));
}

#[test]
fn asks_once_even_with_three_tries() {
    let world = forwarding(World::default());
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 5\n");
    let wrong = Generator::default().wrong(NOW);
    assert_kept(&world, "games", format!("secret{wrong}"), PAM_AUTH_ERR, "wrong-code");
    assert_eq!(world.state_of("games").root.codes, 1);
}

#[test]
fn refuses_answer_without_code_uncharged() {
    let long = [vec![b'x'; 507], right().into()].concat();
    let code = right();
    let (head, tail) = code.split_at(3);
    let answers: [Vec<u8>; 8] = [
        "secret".into(),
        "".into(),
        "secret12345".into(),
        format!("{code}secret").into(),
        format!("secret{head} {tail}").into(),
        format!("secret {}", recovery_code(1).replace('-', "x")).into(),
        long,
        vec![b'1'; 513],
    ];
    let world = forwarding(World::default());
    let state = || fs::read(world.state_path("games")).unwrap();
    let before = state();
    for answer in answers {
        assert_kept(&world, "games", answer, PAM_AUTH_ERR, "not-a-code");
        assert!(state() == before, "charged");
    }
    assert_kept(&world, "games", Answer::NullText, PAM_AUTH_ERR, "not-a-code");
    assert!(state() == before, "charged");
    let gone = world.login("games").at(NOW).run();
    assert_eq!((gone.code, gone.log[0].field("reason")), (PAM_CONV_ERR, Some("conversation")), "{gone:#?}");
}

#[test]
fn accepts_code_once_with_or_without_password() {
    let world = forwarding(World::default());
    world.service("plain", "auth required MODULE root=ROOT\n");
    assert_forwarded(&world, format!("secret{}", right()), b"secret");
    assert_kept(&world, "games", format!("secret{}", right()), PAM_AUTH_ERR, "replayed");
    world
        .login("games")
        .service("plain")
        .at(NOW)
        .answer(right())
        .run()
        .assert_denied(PAM_AUTH_ERR, "replayed");
}

#[test]
fn accepts_recovery_code_after_blank() {
    let world = forwarding(World::default());
    world.state("games", &world.state_of("games").with_recovery_codes(8));
    assert_eq!(hashes().len(), 8);
    assert_forwarded(&world, format!("my secret {}", recovery_code(1)), b"my secret");
    assert_kept(
        &world,
        "games",
        format!("my secret {}", recovery_code(1)),
        PAM_AUTH_ERR,
        "wrong-recovery-code",
    );
    assert_forwarded(&world, format!(" {}", recovery_code(2).to_lowercase()), b"");
}

#[test]
fn cuts_longest_code_of_different_authenticators() {
    const LONG: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let tables = format!(
        "[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n\
         [[authenticator]]\nlabel = \"tablet\"\nsecret = \"{LONG}\"\ndigits = 8\n"
    );
    let long = Generator { digits: 8, ..Generator::new(LONG) }.at(NOW);
    for code in [long, right()] {
        let world = World::new();
        world.enroll_with("games", &tables);
        assert_forwarded(&forwarding(world), format!("secret{code}"), b"secret");
    }
}

#[test]
fn answers_unknown_and_unenrolled_users_like_enrolled_ones() {
    let world = forwarding(World::default());
    let wrong = format!("secret{}", Generator::default().wrong(NOW));
    let known = assert_kept(&world, "games", wrong.as_str(), PAM_AUTH_ERR, "wrong-code");
    let nobody = assert_kept(&world, "no such user", wrong.as_str(), PAM_AUTH_ERR, "unknown-user");
    let without = assert_kept(&world, "mail", wrong.as_str(), PAM_AUTH_ERR, "not-enrolled");
    assert_eq!((&known.transcript, &known.transcript), (&nobody.transcript, &without.transcript));
    assert_eq!((&known.delays, &known.delays), (&nobody.delays, &without.delays));
}

#[test]
fn enrolls_nobody_by_one_question_and_logs_why() {
    let world = World::newcomers("");
    world.service(
        "login",
        &format!(
            "{}account required pam_permit.so\n",
            STACK.replace("forward_pass", "forward_pass first_factor=any")
        ),
    );
    let outcome = world.newcomer("games").answers(["secret123456", "spare", "spare"]).run();
    outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
    assert!(outcome.field("cause").contains("forward_pass allows one question"), "{outcome:#?}");
    assert_eq!(outcome.transcript[0], (Style::Hidden, PROMPT.to_owned()));
    assert!(!world.secret_path("games").exists());
}

#[test]
fn asks_exempt_user_nothing() {
    for policy in ["version = 1\nmode = \"exempt\"\n", "version = 1\nmode = \"opt-in\"\n"] {
        let world = forwarding(World::new());
        world.policy(policy);
        let outcome = world.login("games").at(NOW).answer("secret").run();
        assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "exempt"), "{outcome:#?}");
        assert_eq!(outcome.transcript, [(Style::Hidden, PASSWORD.to_owned())]);
    }
}

/// In sshd nothing has proved a first factor yet.
#[test]
fn requires_first_factor_in_sshd() {
    let world = forwarding(World::default());
    let typed = || format!("secret{}", right());
    let refused = world.login("games").tty("ssh").at(NOW).answer(typed()).run();
    assert_eq!((refused.code, refused.field("reason")), (PAM_AUTH_ERR, "no-first-factor"), "{refused:#?}");
    assert!(refused.transcript.iter().all(|(_, text)| text != PROMPT), "{refused:#?}");
    let key = world.login("games").tty("ssh").env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA").at(NOW);
    key.answer(typed()).run().assert_granted();
}

#[test]
fn rejects_repeated_or_valued_argument() {
    for arguments in [
        "forward_pass forward_pass",
        "forward_pass=yes",
        "forward_pass=",
        "Forward_pass",
        "root first_factor",
    ] {
        let world = World::default();
        world.service("test", &format!("auth required MODULE root=ROOT {arguments}\n"));
        let outcome = world.login("games").at(NOW).answer(format!("secret{}", right())).run();
        assert_eq!(
            (outcome.code, outcome.field("reason")),
            (PAM_SERVICE_ERR, "misconfigured"),
            "{arguments}"
        );
        assert!(
            !outcome.transcript.iter().any(|(style, _)| [Style::Hidden, Style::Prompt].contains(style)),
            "{arguments}"
        );
    }
}
