//! An administrator's commands change the files of one user, and never those of another.

use std::{fs, thread};

use twostep_tests::interpose::release_clock;
use twostep_tests::pam::*;
use twostep_tests::paper::dialogue;
use twostep_tests::{Format, Generator, NOW, SECRET, State, World, uid};

const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n[verification]\ntries = 1\n";
const TABLET: &str = "[[authenticator]]\nlabel = \"tablet\"\nsecret = \"TABLETTABLETTABLETTABLETTABLET22\"\n";

/// Runs the command. Returns standard output, or standard error and the exit status.
fn command(world: &World, words: &str) -> Result<String, (String, i32)> {
    let output = world.command(&words.split(' ').collect::<Vec<_>>());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.code().unwrap() {
        0 => Ok(text(output.stdout)),
        status => Err((text(output.stderr), status)),
    }
}

fn newcomers() -> World {
    let world = World::newcomers("");
    world.policy(OPT_IN);
    world
}

#[test]
fn enrolls_only_required_users_at_next_login() {
    let world = newcomers();
    assert!(command(&world, "require games").unwrap().starts_with("games now needs a second step"));
    assert!(world.state_of("games").requirement == 1);
    for user in ["mail", "root"] {
        let outcome = world.newcomer(user).run();
        assert_eq!((outcome.code, outcome.field("reason")), (IGNORED_ALONE, "not-enrolled"), "{outcome:#?}");
    }
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    assert_eq!(outcome.fields("result"), ["enrolling", "enrolled"], "{outcome:#?}");
    assert_eq!(outcome.fields("required-by")[0], "administrator");
    command(&world, "reset games").unwrap();
    assert_eq!(world.state_of("games").requirement, 1, "a reset keeps it");
    command(&world, "unrequire games").unwrap();
    let outcome = world.newcomer("games").run();
    assert_eq!((outcome.code, outcome.field("reason")), (IGNORED_ALONE, "not-enrolled"), "{outcome:#?}");
}

/// A record of format 1 has no room for it.
#[test]
fn keeps_when_second_step_was_required() {
    let since = if Format::of_run() == Format::Two { NOW as u64 } else { 0 };
    let world = newcomers();
    for now in [NOW, NOW + 60] {
        assert!(world.command_at(now, 0, &["require", "games"], &[]).status.success());
        assert_eq!(world.state_of("games").times.required, since);
    }
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    assert_eq!(outcome.fields("result"), ["enrolling", "enrolled"], "{outcome:#?}");
    assert_eq!(world.state_of("games").times.required, since, "an enrollment keeps it");
    command(&world, "unrequire games").unwrap();
    assert_eq!(world.state_of("games").times.required, 0);
}

#[test]
fn exempts_required_user_where_policy_exempts() {
    let world = newcomers();
    command(&world, "require games").unwrap();
    world.policy("version = 1\nmode = \"exempt\"\n");
    let outcome = world.newcomer("games").run();
    assert_eq!((outcome.code, outcome.field("reason")), (IGNORED_ALONE, "exempt"), "{outcome:#?}");
}

#[test]
fn refuses_user_whose_state_has_another_name() {
    let world = newcomers();
    command(&world, "require games").unwrap();
    let of_somebody_else = State { name: "gone".to_owned(), ..world.state_of("games") };
    world.state("games", &of_somebody_else);
    let outcome = world.newcomer("games").run();
    outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert!(
        outcome.field("cause").contains(
            "run 'twostep rebind games'; if another user has the uid now, run 'twostep reset games'"
        ),
        "{outcome:#?}"
    );
    world.service("sshd", "account required MODULE root=ROOT\naccount required pam_permit.so\n");
    let gate = world.login("games").service("sshd").tty("ssh").at(NOW).open().account();
    gate.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    command(&world, "reset games").unwrap();
    assert_eq!(world.newcomer("games").run().code, IGNORED_ALONE);
}

#[test]
fn refuses_opt_in_user_with_unreadable_state() {
    let world = newcomers();
    command(&world, "require games").unwrap();
    fs::write(world.state_path("games"), vec![0; 8192]).unwrap();
    world.newcomer("games").run().assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
}

#[test]
fn refuses_required_user_at_gate() {
    let world = newcomers();
    world.service("sshd", "account required MODULE root=ROOT\naccount required pam_permit.so\n");
    assert_eq!(world.login("games").service("sshd").tty("ssh").at(NOW).open().account().code, PAM_SUCCESS);
    command(&world, "require games").unwrap();
    let outcome = world.login("games").service("sshd").tty("ssh").at(NOW).open().account();
    outcome.assert_denied(PAM_PERM_DENIED, "second-step-skipped");
}

/// As after `usermod --login`: the files have a name that no account has any more.
fn renamed(old: &str) -> World {
    let world = World::default();
    let secret = fs::read_to_string(world.secret_path("games")).unwrap();
    fs::write(world.secret_path("games"), secret.replace("\"games\"", &format!("\"{old}\""))).unwrap();
    world.state("games", &State { name: old.to_owned(), mark: NOW as u64 - 300, ..world.state_of("games") });
    world
}

#[test]
fn keeps_second_step_of_renamed_account_after_rebind() {
    let world = renamed("formerly");
    let enter = || world.login("games").at(NOW).answer(Generator::default().at(NOW)).run();
    enter().assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert_eq!(command(&world, "rebind games").unwrap(), "Reassigned formerly's enrollment to games.\n");
    assert_eq!(world.state_of("games").mark, NOW as u64 - 300, "no code becomes usable again");
    enter().assert_granted();
    enter().assert_denied(PAM_AUTH_ERR, "replayed");
    let again = command(&world, "rebind games").unwrap();
    assert_eq!(again, "games's record already has that name. Nothing changed.\n");
}

#[test]
fn refuses_to_rebind_second_step_of_existing_user() {
    let world = renamed("mail");
    let before = world.snapshot();
    let (error, status) = command(&world, "rebind games").unwrap_err();
    assert!(error.contains("belongs to 'mail', and that account exists") && status == 1, "{error}");
    assert!(world.snapshot() == before);
    // Also refused if only one of the two files has that name.
    let world = renamed("formerly");
    world.state("games", &State { name: "mail".to_owned(), ..world.state_of("games") });
    let before = world.snapshot();
    let (error, status) = command(&world, "rebind games").unwrap_err();
    assert!(error.contains("belongs to 'mail', and that account exists") && status == 1, "{error}");
    assert!(world.snapshot() == before);
}

/// A restore may copy a secret file to the name of another user's file.
#[test]
fn leaves_foreign_secret_file_unchanged() {
    let world = World::default();
    let phone = format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n");
    world.enroll_with("mail", &format!("{phone}{TABLET}"));
    let swapped = fs::read_to_string(world.secret_path("mail")).unwrap();
    let swapped = swapped.replace(&format!("uid = {}", uid("mail")), &format!("uid = {}", uid("games")));
    fs::write(world.secret_path("mail"), swapped.replace("\"mail\"", "\"games\"")).unwrap();
    let before = world.snapshot();
    for words in ["remove --user mail tablet", "recovery --user mail", "enroll --user mail --label third"] {
        let (error, status) = command(&world, words).unwrap_err();
        assert!(error.contains("belongs to 'games'") && status != 0, "{words}: {error}");
    }
    assert!(world.snapshot() == before);
}

/// The failures, the requirement and the ticket in the state belong to an account that no longer exists.
#[test]
fn leaves_foreign_state_unchanged() {
    let world = World::default();
    let phone = format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n");
    world.enroll_with("games", &format!("{phone}{TABLET}"));
    let gone = |user: &str| State { name: "gone".to_owned(), ..State::new(uid(user), user) };
    world.state("games", &gone("games")).state("mail", &gone("mail"));
    let before = world.snapshot();
    let commands = [
        "remove --user games tablet",
        "enroll --user games --label third",
        "enroll --user mail",
        "require mail",
        "ticket mail",
    ];
    for words in commands {
        let (error, status) = command(&world, words).unwrap_err();
        assert!(error.contains("belongs to 'gone'") && status != 0, "{words}: {error}");
    }
    assert!(world.snapshot() == before);
}

/// Of two concurrent writers, one would overwrite the other.
#[test]
fn refuses_commands_while_login_holds_lock() {
    let commands = [
        "remove --user games tablet",
        "require games",
        "unrequire games",
        "unlock games",
        "reset games",
        "ticket mail",
    ];
    thread::scope(|scope| {
        for words in commands {
            scope.spawn(move || {
                let world = World::default();
                let phone = format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n");
                world.enroll_with("games", &format!("{phone}{TABLET}"));
                world.state("mail", &State::new(uid("mail"), "mail"));
                let held = ["games", "mail"].map(|user| fs::File::open(world.state_path(user)).unwrap());
                held.iter().for_each(|file| file.lock().unwrap());
                let before = world.snapshot();
                let (error, status) = command(&world, words).unwrap_err();
                assert!(error.contains("is locked by another process") && status != 0, "{words}: {error}");
                assert!(world.snapshot() == before, "{words}");
            });
        }
    });
}

/// The current codes may already be used, whatever the period of the authenticator.
#[test]
fn burns_codes_of_all_authenticators_in_new_state() {
    // With a period of 97 s, only one step in 30 begins together with a step of 30 s.
    let slow = format!("{TABLET}period = 97\n[[authenticator]]\nlabel = \"phone\"\nsecret = \"{SECRET}\"\n");
    let now = release_clock() as u64;
    for words in ["remove --user games phone", "require games"] {
        let world = World::new();
        world.secret("games", &slow);
        command(&world, words).unwrap();
        let mark = world.state_of("games").mark;
        // The later of the two ends: near the end of a long step, a short step may end after it.
        let mut ends = (now..now + 60).map(|now| (now / 97 * 97 + 97).max(now / 30 * 30 + 30));
        assert!(ends.any(|end| end == mark), "{words}: {mark} at {now}");
    }
}
