//! The module accepts no second factor without a first. PAM does not say, so the traces of sshd and of the stack must.

use twostep_tests::pam::*;
use twostep_tests::paper::dialogue;
use twostep_tests::{Generator, NOW, World};

const THREE_TRIES: &str = "version = 1\nmode = \"mandatory\"\n";
const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n";
const EXEMPT: &str = "version = 1\nmode = \"exempt\"\n";
const SSHD: &str = "auth required MODULE root=ROOT\nauth required pam_permit.so\n";

fn right() -> String {
    Generator::default().at(NOW)
}

#[test]
fn refuses_sshd_login_without_first_factor_unasked() {
    let world = World::default();
    world.service("sshd", SSHD).service("ssh2", SSHD);
    let before = world.snapshot();
    let tries = [
        world.login("games").service("sshd"),
        world.login("games").service("ssh2").tty("ssh"),
        world.login("games").service("ssh2").env("SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22"),
        world.login("games").service("ssh2").env("SSH_AUTH_INFO_0="),
        world.login("mail").service("sshd"),
    ];
    for policy in [THREE_TRIES, OPT_IN, EXEMPT] {
        world.policy(policy);
        let outcome = world.login("games").service("sshd").at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_AUTH_ERR, "no-first-factor");
        assert_eq!(outcome.prompts().len(), 0);
    }
    world.policy(EXEMPT);
    for login in tries {
        let outcome = login.at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_AUTH_ERR, "no-first-factor");
        assert_eq!((outcome.prompts().len(), &outcome.delays[..]), (0, &[2_000_000][..]));
    }
    world.policy("version = 1\nmode = \"mandatory\"\n[verification]\ntries = 1\n");
    assert!(world.snapshot() == before);
}

/// Otherwise anyone could choose the second factor of any user.
#[test]
fn enrolls_nobody_in_sshd_without_first_factor() {
    for (line, service) in [("first_factor=any", "sshd"), ("", "login")] {
        let world = World::newcomers("");
        let stack = format!("auth required MODULE root=ROOT {line}\naccount required MODULE root=ROOT\n");
        world.service(service, &stack);
        let outcome = world.newcomer("games").service(service).answers(dialogue(NOW)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
        assert!(
            outcome.field("cause").contains("nothing shows that a first factor was proved"),
            "{outcome:#?}"
        );
        assert_eq!(outcome.prompts(), ["Verification code: "]);
    }
}

#[test]
fn asks_sshd_user_with_first_factor() {
    let world = World::default();
    world.service("sshd", SSHD);
    world.service("any", "auth required MODULE root=ROOT first_factor=any\n");
    world.service(
        "password",
        "auth optional pam_exec.so quiet expose_authtok /bin/true\nauth required MODULE root=ROOT\n",
    );
    let later = |steps: i64| NOW + 30 * steps;
    let code = |steps| Generator::default().at(later(steps));
    let key = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\n";
    world.login("games").service("sshd").env(key).at(later(0)).answer(code(0)).run().assert_granted();
    world.login("games").service("any").tty("ssh").at(later(2)).answer(code(2)).run().assert_granted();
    let typed = ["a password".to_owned(), code(4)];
    world.login("games").service("password").tty("ssh").at(later(4)).answers(typed).run().assert_granted();
}

#[test]
fn refuses_key_line_without_key() {
    let world = World::default();
    world.service(
        "key",
        "auth required MODULE root=ROOT first_factor=publickey\nauth required pam_permit.so\n",
    );
    let before = world.snapshot();
    let with = |methods: &str| world.login("games").service("key").env(&format!("SSH_AUTH_INFO_0={methods}"));
    let refused = [
        world.login("games").service("key"),
        with(""),
        with("password\n"),
        with("keyboard-interactive/pam\n"),
        with("hostbased ssh-ed25519 AAAA\n"),
        with("password publickey \n"),
        with("publickeys ssh-ed25519 AAAA\n"),
        with(" publickey ssh-ed25519 AAAA\n"),
    ];
    for login in refused {
        let outcome = login.at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_AUTH_ERR, "no-first-factor");
        assert_eq!(outcome.prompts().len(), 0);
    }
    assert!(world.snapshot() == before);
    let second = "hostbased ssh-ed25519 AAAA\npublickey ssh-ed25519 AAAA\n";
    with(second).at(NOW).answer(right()).run().assert_granted();
    let later = NOW + 60;
    let code = Generator::default().at(later);
    with("publickey ssh-ed25519 AAAA").at(later).answer(code).run().assert_granted();
}

#[test]
fn refuses_exempt_user_on_key_line_without_key() {
    let world = World::default();
    world.policy(EXEMPT);
    world.service(
        "key",
        "auth required MODULE root=ROOT first_factor=publickey\nauth required pam_permit.so\n",
    );
    let outcome = world.login("games").service("key").at(NOW).run();
    outcome.assert_denied(PAM_AUTH_ERR, "no-first-factor");
    let key =
        world.login("games").service("key").env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\n").at(NOW).run();
    assert_eq!((key.code, key.field("result")), (PAM_SUCCESS, "exempt"));
}

#[test]
fn refuses_password_typed_as_code() {
    let world = World::default();
    world.service(
        "both",
        "auth optional pam_exec.so quiet expose_authtok /bin/true\nauth required MODULE root=ROOT\n",
    );
    let before = world.snapshot();
    let typed = [right(), right()];
    let outcome = world.login("games").service("both").at(NOW).answers(typed).run();
    outcome.assert_denied(PAM_AUTH_ERR, "not-a-code");
    assert!(world.snapshot() == before, "a password that looks like a code is not charged");
    assert!(!format!("{:?}", outcome.log).contains(&right()));
}

/// The line of twostep that asks whether sshd has accepted a key, then a password, then the code.
const KEY_OR_PASSWORD: &str = "auth [cred_unavail=2 default=ignore] MODULE sshd_accepted=publickey\n\
    auth [success=1 default=ignore] pam_permit.so\n\
    auth requisite pam_deny.so\n\
    auth required pam_permit.so\n\
    auth required MODULE root=ROOT\n\
    account required MODULE root=ROOT\n";

#[test]
fn passes_over_password_only_after_accepted_key() {
    let world = World::default();
    let denied = KEY_OR_PASSWORD
        .replace("[success=1 default=ignore] pam_permit.so", "optional pam_debug.so auth=auth_err");
    world.service("sshd", &denied);
    let key = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\n";
    let login = || world.login("games").service("sshd").tty("ssh").at(NOW);
    login().env(key).answer(right()).run().assert_granted();
    for other in ["", "password", "hostbased x", "publickeys x", "keyboard-interactive/pam publickey"] {
        let outcome = login().env(&format!("SSH_AUTH_INFO_0={other}")).answer(right()).run();
        assert_eq!((outcome.code, outcome.prompts().len()), (PAM_AUTH_ERR, 0), "{other}");
    }
    let outcome = world.login("games").service("sshd").at(NOW).answer(right()).run();
    assert_eq!((outcome.code, outcome.prompts().len()), (PAM_AUTH_ERR, 0));
}

/// A mistake in the line must ask for the password.
#[test]
fn never_answers_yes_for_wrong_question_to_sshd() {
    for arguments in [
        "sshd_accepted=",
        "sshd_accepted=key",
        "sshd_accepted=any",
        "sshd_accepted=publickey root=ROOT",
        "first_factor=publickey sshd_accepted=publickey",
        "sshd_accepted=publickey sshd_accepted=publickey",
        "sshd_accepted=publickey forward_pass",
        "nonsense",
    ] {
        let world = World::default();
        let stack = format!(
            "auth [success=1 ignore=1 cred_unavail=1 default=ignore] MODULE {arguments}\n\
             auth requisite pam_deny.so\nauth required pam_permit.so\naccount required pam_permit.so\n"
        );
        world.service("sshd", &stack);
        let login = world.login("games").service("sshd").env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
        let outcome = login.at(NOW).run();
        assert_eq!(outcome.code, PAM_AUTH_ERR, "{arguments}: {outcome:#?}");
    }
}
