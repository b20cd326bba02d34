//! The contents of log lines, and what they must never contain.

use twostep_tests::pam::*;
use twostep_tests::{Generator, NOW, SECRET, World};

fn right() -> String {
    Generator::default().at(NOW)
}

fn wrong() -> String {
    Generator::default().wrong(NOW)
}

#[test]
fn omits_name_of_unknown_user() {
    let outcome = World::default().login("hunter2-password").at(NOW).answer("123456").run();
    outcome.assert_denied(PAM_AUTH_ERR, "unknown-user");
    assert_eq!(outcome.field("user"), "?");
    assert!(!format!("{:?}", outcome.log).contains("hunter2"), "{outcome:#?}");
}

#[test]
fn escapes_values_that_forge_lines_or_fields() {
    let world = World::default();
    let nasty = "evil\nresult=grant user=root \x1b[2J \"x\" \\ %n%s é";
    let outcome = world.login("games").rhost(nasty).tty("pts/1 result=grant").at(NOW).answer(wrong()).run();
    let line = &outcome.log[0].text;
    assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
    let rhost = r#"rhost="evil\x0aresult=grant user=root \x1b[2J \x22x\x22 \x5c %n%s \xc3\xa9""#;
    assert!(line.contains(rhost), "{line}");
    assert!(line.contains(r#"tty="pts/1 result=grant""#), "{line}");
    assert_eq!(outcome.field("result"), "deny");
}

#[test]
fn truncates_long_values() {
    let outcome = World::default().login("games").rhost(&"x".repeat(5000)).at(NOW).answer(wrong()).run();
    assert!(outcome.field("rhost").len() <= 256 + "...".len(), "{outcome:#?}");
    assert!(outcome.log[0].text.len() < 1000);
}

#[test]
fn omits_typed_answers() {
    let world = World::default();
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 10\n");
    let typed = [wrong(), "hunter2 password".into(), "98765432".into(), right()];
    let outcome = world.login("games").at(NOW).answers(&typed).run();
    let log = format!("{:?}", outcome.log);
    assert!(typed.iter().all(|answer| !log.contains(answer.as_str())), "{log}");
    assert!(!log.contains(SECRET));
}

#[test]
fn keeps_secrets_out_of_log_and_texts() {
    const CANARY: &str = "CANARYCANARYCANARYCANARYCANARYCA";
    let broken = [
        format!("secret = \"{CANARY}\n"),
        format!("secret = {CANARY}\n"),
        format!("secret = [\"{CANARY}\"]\n"),
        format!("secret = \"{CANARY}1\"\n"),
        format!("secret = \"{CANARY}\" \"{CANARY}\"\n"),
        format!("secret = \"{CANARY}\"\nsecret = \"{CANARY}\"\n"),
        format!("secret = \"{CANARY}\"\n{CANARY} = 1\n"),
        format!("secret = \"{CANARY}\"\nalgorithm = \"{CANARY}\"\n"),
        format!("secret = \"{CANARY}\"\ndigits = \"{CANARY}\"\n"),
        format!("secrets = \"{CANARY}\"\n"),
        format!("secret = \"{}\"\n", &CANARY[..10]),
    ];
    for lines in broken {
        let world = World::default();
        world.enroll_with("games", &format!("[[authenticator]]\nlabel = \"phone\"\n{lines}"));
        let outcome = world.login("games").at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
        let said = format!("{:?} {:?}", outcome.log, outcome.transcript);
        assert!(!said.contains(&CANARY[..8]), "{lines}: {said}");
    }
}
