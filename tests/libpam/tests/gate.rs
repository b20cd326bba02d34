//! The gate of the account phase refuses a user who must prove a second step and has skipped it.

use std::ffi::CString;
use std::fs;

use twostep_tests::interpose::UNREACHABLE;
use twostep_tests::pam::*;
use twostep_tests::paper::dialogue;
use twostep_tests::{Generator, Login, NOW, Open, Outcome, SECRET, World};

const STACK: &str =
    "auth required MODULE root=ROOT\naccount required MODULE root=ROOT\naccount required pam_permit.so\n";
const SERVICES: [&str; 6] = ["sshd", "ssh-guests", "login", "cron", "sudo", "systemd-user"];

/// `games` is enrolled, `mail` is not. `pam_permit` follows the gate.
fn world(policy: &str) -> World {
    let world = World::new();
    world.policy(&format!("version = 1\n{policy}")).enroll("games", SECRET);
    for service in SERVICES {
        world.service(service, STACK);
    }
    world
}

const MANDATORY: &str = "mode = \"mandatory\"\n";

/// Only the account phase, as after an SSH key.
fn account(login: Login) -> Outcome {
    login.at(NOW).open().account()
}

fn is_let_through(outcome: &Outcome) -> bool {
    (outcome.code, outcome.log.len(), outcome.transcript.len()) == (PAM_SUCCESS, 0, 0)
}

#[test]
fn refuses_login_by_key_alone_and_names_missing_setting() {
    for user in ["games", "mail"] {
        let outcome = account(world(MANDATORY).login(user).service("sshd").tty("ssh").rhost("192.0.2.7"));
        outcome.assert_denied(PAM_PERM_DENIED, "second-step-skipped");
        assert!(
            outcome.field("cause").contains("'AuthenticationMethods publickey,keyboard-interactive:pam'")
        );
        assert!(outcome.transcript[0].1.contains("AuthenticationMethods in sshd_config"), "{outcome:#?}");
        let seen = ["user", "service", "rhost", "tty", "rule"].map(|key| outcome.field(key));
        assert_eq!(seen, [user, "sshd", "192.0.2.7", "ssh", "default"]);
        assert_eq!((outcome.prompts().len(), outcome.log[0].priority), (0, 4));
    }
}

#[test]
fn applies_gate_to_sshd_and_services_of_policy() {
    type Change = fn(Login) -> Login;
    let plain: Change = |login| login;
    let table: [(&str, &str, Change, bool); 15] = [
        ("", "sshd", plain, true),
        ("", "ssh-guests", plain, false),
        ("", "ssh-guests", |login| login.tty("ssh"), true),
        ("", "ssh-guests", |login| login.env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA"), true),
        ("", "ssh-guests", |login| login.env("SSH_CONNECTION=192.0.2.7 1 192.0.2.1 22"), true),
        ("", "login", |login| login.tty("tty1"), false),
        ("", "cron", |login| login.tty("cron"), false),
        ("", "sudo", |login| login.tty("/dev/pts/1"), false),
        ("", "systemd-user", plain, false),
        ("[gate]\nservices = []\n", "sshd", |login| login.tty("ssh"), false),
        ("[gate]\nservices = [\"login\"]\n", "login", plain, true),
        ("[gate]\nservices = [\"login\"]\n", "sshd", |login| login.tty("ssh"), false),
        ("[gate]\nservices = [\"sshd\", \"cron\"]\n", "cron", plain, true),
        ("[gate]\nservices = [\"sshd\", \"cron\"]\n", "ssh-guests", |login| login.tty("ssh"), true),
        ("[gate]\nservices = [\"sshd\", \"cron\"]\n", "sudo", plain, false),
    ];
    for (gate, service, change, is_shut) in table {
        let world = world(&format!("{MANDATORY}{gate}"));
        let outcome = account(change(world.login("games").service(service)));
        if is_shut {
            outcome.assert_denied(PAM_PERM_DENIED, "second-step-skipped");
        } else {
            assert!(is_let_through(&outcome), "{gate} {service}: {outcome:#?}");
        }
    }
}

#[test]
fn passes_user_who_needs_no_second_step() {
    let policies = [
        "mode = \"opt-in\"\n",
        "mode = \"mandatory\"\n[[rule]]\nname = \"keys\"\nusers = [\"games\"]\nmode = \"exempt\"\n",
        "mode = \"mandatory\"\n[[rule]]\nname = \"keys\"\nservices = [\"sshd\"]\nmode = \"opt-in\"\n",
    ];
    for policy in policies {
        let outcome = account(world(policy).login("mail").service("sshd"));
        let exempt = account(world(policy).login("games").service("sshd"));
        assert_eq!(is_let_through(&outcome), !policy.contains("games"), "{policy}: {outcome:#?}");
        assert_eq!(is_let_through(&exempt), policy.contains("games"), "{policy}: {exempt:#?}");
        assert_eq!(exempt.code, PAM_SUCCESS);
    }
}

/// Only the log shows that this login asks for no code: one line in each login, and no change of the result.
#[test]
fn logs_enrolled_user_let_in_without_code_once() {
    let world = world("mode = \"opt-in\"\n");
    let before = world.snapshot();
    let mut open = world.login("games").service("sshd").tty("ssh").rhost("192.0.2.7").at(NOW).open();
    let outcome = open.account();
    assert_eq!(
        (outcome.code, outcome.transcript.len(), outcome.log.len()),
        (PAM_SUCCESS, 0, 1),
        "{outcome:#?}"
    );
    let seen = ["result", "user", "service", "rhost", "tty", "rule"].map(|key| outcome.field(key));
    assert_eq!(seen, ["unasked", "games", "sshd", "192.0.2.7", "ssh", "default"]);
    assert!(outcome.field("cause").contains("'AuthenticationMethods publickey,keyboard-interactive:pam'"));
    assert_eq!(outcome.log[0].priority, 4);
    for _ in 0..2 {
        assert!(is_let_through(&open.account()));
    }
    assert!(world.snapshot() == before);
    assert!(is_let_through(&account(world.login("mail").service("sshd"))));
    assert!(is_let_through(&account(world.login("games").service("cron"))));
}

#[test]
fn logs_nothing_about_user_who_gave_code() {
    let world = world("mode = \"opt-in\"\n");
    let (mut open, outcome) = authenticated(&world, &Generator::default().at(NOW));
    outcome.assert_granted();
    assert!(is_let_through(&open.account()));
}

#[test]
fn looks_up_nobody_outside_gate() {
    let world = world(MANDATORY);
    assert!(is_let_through(&account(world.login(UNREACHABLE).service("cron"))));
    fs::rename(world.root().join("var/lib/twostep"), world.root().join("gone")).unwrap();
    assert!(is_let_through(&account(world.login("games").service("cron"))));
    account(world.login(UNREACHABLE).service("sshd")).assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    account(world.login("nosuchuser").service("sshd")).assert_denied(PAM_AUTH_ERR, "unknown-user");
}

fn authenticated(world: &World, answer: &str) -> (Open, Outcome) {
    let login = world.login("games").service("sshd").env("SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA");
    login.at(NOW).answers([answer; 3]).begin()
}

#[test]
fn passes_granted_user_and_refuses_denied_one() {
    let world = world("mode = \"mandatory\"\n[verification]\ntries = 1\n");
    let (mut open, outcome) = authenticated(&world, "000000");
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-code");
    open.account().assert_denied(PAM_PERM_DENIED, "second-step-skipped");
    let (mut open, outcome) = authenticated(&world, &Generator::default().at(NOW));
    outcome.assert_granted();
    for _ in 0..3 {
        assert!(is_let_through(&open.account()), "applications may ask again");
    }
}

#[test]
fn passes_user_who_enrolled_in_this_login() {
    let world = World::newcomers("[gate]\nservices = [\"login\"]\n");
    let (mut open, _) = world.newcomer("games").answers(dialogue(NOW)).begin();
    assert_eq!(open.account().field("result"), "enrolled");
    assert!(is_let_through(&open.account()));
    world.newcomer("games").open().account().assert_denied(PAM_PERM_DENIED, "second-step-skipped");
}

#[test]
fn limits_grant_to_its_user_and_service() {
    for (item, value) in [(PAM_USER, "mail"), (PAM_SERVICE, "ssh-guests")] {
        let world = world(MANDATORY);
        let (mut open, outcome) = authenticated(&world, &Generator::default().at(NOW));
        outcome.assert_granted();
        open.handle.set_item(item, &CString::new(value).unwrap());
        open.account().assert_denied(PAM_PERM_DENIED, "second-step-skipped");
    }
}

#[test]
fn forgets_grant_on_next_try() {
    let world = world("mode = \"mandatory\"\n[verification]\ntries = 1\n");
    let (mut open, outcome) = authenticated(&world, &Generator::default().at(NOW));
    outcome.assert_granted();
    assert_eq!(open.authenticate(0).code, PAM_AUTH_ERR, "the same code once more");
    open.account().assert_denied(PAM_PERM_DENIED, "second-step-skipped");
}

#[test]
fn passes_user_who_was_exempt_in_auth_phase() {
    let exempt = "mode = \"mandatory\"\n[[rule]]\nname = \"games\"\nusers = [\"games\"]\nmode = \"exempt\"\n";
    let world = world(exempt);
    let (mut open, outcome) = authenticated(&world, "");
    assert_eq!(outcome.field("result"), "exempt");
    world.policy("version = 1\nmode = \"mandatory\"\n");
    assert!(is_let_through(&open.account()));
}

#[test]
fn refuses_everywhere_on_broken_policy_or_argument() {
    for service in SERVICES {
        let world = world(MANDATORY);
        world.policy("version = 1\nmode = \"mandatroy\"\n");
        account(world.login("games").service(service)).assert_denied(PAM_SERVICE_ERR, "misconfigured");
        world.policy("version = 1\nmode = \"opt-in\"\n");
        world.service(service, "account required MODULE root=ROOT nullok\naccount required pam_permit.so\n");
        account(world.login("games").service(service)).assert_denied(PAM_SERVICE_ERR, "misconfigured");
    }
}
