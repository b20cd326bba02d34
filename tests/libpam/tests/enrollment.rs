//! Enrollment during login: the dialogue, what is stored and when, and for which users.

use std::ffi::CString;
use std::fs;
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use twostep_tests::drive::Report;
use twostep_tests::interpose::{PAM_PUTENV, PAM_SET_DATA, refuse};
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, hash, recovery_bytes, recovery_code};
use twostep_tests::refusal::is_root;
use twostep_tests::{AttemptCounter, Generator, Login, NOW, Open, Outcome, SECRET, State, Style, World, uid};

fn nothing_is_stored(world: &World, user: &str) -> bool {
    !world.secret_path(user).exists()
}

/// How the prompts of an enrollment end.
const QUESTIONS: [&str; 3] = [
    "First code: ",
    "Next code (wait until it changes): ",
    "To confirm that you have them, type the last 4 characters of\nrecovery code 1: ",
];

fn check_questions(outcome: &Outcome, expected: &[&str]) {
    let prompts = outcome.prompts();
    assert_eq!(prompts.len(), expected.len(), "{outcome:#?}");
    assert!(prompts.iter().zip(expected).all(|(prompt, end)| prompt.ends_with(end)), "{outcome:#?}");
}

#[test]
fn stores_enrollment_as_file_format_specifies() {
    let world = World::newcomers("");
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    assert_eq!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
    check_questions(&outcome, &QUESTIONS);
    let done = (Style::Error, "Your second step is set up. From now on, logins here ask for a code.".into());
    assert_eq!(outcome.transcript.last(), Some(&done));
    assert_eq!(outcome.fields("result"), ["enrolling", "enrolled"]);
    assert_eq!((outcome.field("authenticator"), outcome.field("recovery-codes")), ("phone", "8"));

    let secret = fs::read_to_string(world.secret_path("games")).unwrap();
    for line in ["name = \"games\"", "label = \"phone\"", &format!("secret = \"{SECRET}\""), "digits = 6"] {
        assert!(secret.contains(line), "{secret}");
    }
    let state = world.state_of("games");
    assert_eq!((state.mark, state.uid, state.recovery_codes_left()), (NOW as u64 + 30, uid("games"), 8));
    assert_eq!(state.ticket(), (&[0; 16][..], 0, 0));
    let id = secret.lines().find_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"')).unwrap();
    assert_eq!(id.len(), 16);
    let salt = [state.salt(), id.as_bytes()].concat();
    for number in 1..=8 {
        assert_eq!(state.hashes()[number - 1], hash(&recovery_bytes(number), &salt), "code {number}");
    }

    let login =
        |now: i64, answer: &str| world.login("games").service("login").at(now).whole().answer(answer).run();
    for burnt in &dialogue(NOW)[..2] {
        login(NOW + 30, burnt).assert_denied(PAM_AUTH_ERR, "replayed");
    }
    login(NOW + 60, &Generator::default().at(NOW + 60)).assert_granted();
}

#[test]
fn starts_enrolled_user_with_all_tries() {
    let world = World::newcomers("");
    let mut locked = State::new(uid("games"), "games");
    locked.root.codes = 20;
    world.state("games", &locked);
    assert_eq!(world.newcomer("games").answers(dialogue(NOW)).run().field("result"), "enrolled");
    assert_eq!(world.state_of("games").root.codes, 0);
}

#[test]
fn stores_nothing_without_account_phase() {
    let world = World::newcomers("");
    let before = world.snapshot();
    let (mut open, outcome) = world.newcomer("games").answers(dialogue(NOW)).begin();
    assert_eq!(outcome.code, PAM_SUCCESS);
    assert_eq!(world.snapshot(), before);
    let refused = open.setcred();
    refused.assert_denied(PAM_CRED_ERR, "not-stored");
    assert_eq!(refused.log[0].priority, 3);
    assert!(
        refused.field("cause").contains("'account required pam_twostep.so' before all other account lines")
    );
    assert!(open.handle.has_env(c"TWOSTEP_PENDING"));
    assert_eq!(open.account().code, PAM_SUCCESS);
    assert!(!open.handle.has_env(c"TWOSTEP_PENDING"));
    assert_eq!(open.setcred().code, PAM_SUCCESS);
    assert!(world.secret_path("games").exists());
}

/// Account lines that never or not always reach the module's own line.
const SKIPPING: [&str; 3] = [
    "account required pam_permit.so",
    "account sufficient pam_permit.so\naccount required MODULE root=ROOT",
    "account [default=done] pam_permit.so\naccount required MODULE root=ROOT",
];

fn skipping(account: &str) -> World {
    let world = World::newcomers("");
    world.service("login", &format!("auth required MODULE root=ROOT first_factor=any\n{account}\n"));
    world
}

#[test]
fn shows_no_key_where_account_line_can_be_skipped() {
    for account in SKIPPING {
        let world = skipping(account);
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
        assert_eq!(outcome.prompts(), ["Verification code: "]);
        let cause = outcome.field("cause");
        assert!(cause.contains("/etc/pam.d/login") || cause.contains("(/etc/pam.d/login, line"), "{cause}");
        assert!(
            cause.contains("put 'account required pam_twostep.so' before all other account lines"),
            "{cause}"
        );
        assert!(nothing_is_stored(&world, "games"));
    }
}

/// A refusal of a `required` line ends the login only after the module's line has stored the enrollment.
#[test]
fn shows_no_key_where_required_line_precedes_account_line() {
    for line in ["account required pam_deny.so", "account required pam_succeed_if.so uid < 0 quiet"] {
        let world =
            skipping(&format!("{line}\naccount required MODULE root=ROOT\naccount required pam_permit.so"));
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
        assert_eq!(outcome.prompts(), ["Verification code: "]);
        let cause = outcome.field("cause");
        assert!(cause.contains(line) && cause.contains("(/etc/pam.d/login, line 2)"), "{cause}");
        assert!(cause.ends_with("change 'required' to 'requisite' there"), "{cause}");
        assert!(nothing_is_stored(&world, "games"));

        let world = skipping(&format!(
            "{}\naccount required MODULE root=ROOT",
            line.replace("required", "requisite")
        ));
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        assert_eq!((outcome.code == PAM_SUCCESS, outcome.prompts().len()), (false, 3), "{outcome:#?}");
        assert!(nothing_is_stored(&world, "games"));
    }
}

#[test]
fn logs_modules_before_which_enrollment_is_stored() {
    let after = "account required pam_succeed_if.so uid >= 0 quiet\naccount sufficient pam_localuser.so\naccount required pam_permit.so";
    let world = skipping(&format!("account required MODULE root=ROOT\n{after}"));
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "enrolled"), "{outcome:#?}");
    assert_eq!(outcome.field("before"), "pam_succeed_if.so");
}

#[test]
fn shows_no_key_while_nologin_exists() {
    for file in ["etc/nologin", "var/run/nologin"] {
        let world = World::newcomers("");
        let file = world.root().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "moving\n").unwrap();
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
        assert!(outcome.field("cause").contains("/nologin exists, so only root may log in"), "{outcome:#?}");
        assert_eq!(outcome.prompts(), ["Verification code: "]);
        assert!(nothing_is_stored(&world, "games"));
        let outcome = world.newcomer("root").answers(dialogue(NOW)).run();
        assert_eq!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
    }
}

/// As if libpam ran other lines than the module has read.
#[test]
fn refuses_in_setcred_when_account_line_was_skipped() {
    for account in SKIPPING {
        let world = skipping(account);
        let read = world.root().join("etc/pam.d");
        fs::remove_file(&read).unwrap();
        fs::create_dir(&read).unwrap();
        fs::write(read.join("login"), "account required pam_twostep.so\n").unwrap();
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        outcome.assert_denied(PAM_CRED_ERR, "not-stored");
        assert!(outcome.field("cause").ends_with("/etc/pam.d/login"), "{outcome:#?}");
        assert!(nothing_is_stored(&world, "games"));
    }
}

#[test]
fn stores_nothing_when_earlier_auth_line_failed() {
    let world = World::newcomers("");
    world.service(
        "login",
        "auth required pam_deny.so\nauth required MODULE root=ROOT first_factor=any\naccount required MODULE root=ROOT\n",
    );
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    assert_eq!(outcome.prompts().len(), 3, "the whole dialogue");
    assert_ne!(outcome.code, PAM_SUCCESS);
    assert!(nothing_is_stored(&world, "games"));
}

#[test]
fn asks_on_after_wrong_answers_and_explains_each() {
    let [first, next, last] = dialogue(NOW);
    let wrong = Generator::default().wrong(NOW);
    let fast = Generator::default().at(NOW + 240);
    let world = World::newcomers("");
    let mut answers = vec![wrong; 10];
    answers.extend([fast, String::new(), first.clone(), first, next, String::new(), "abcd".into()]);
    answers.extend([recovery_code(2), last.to_lowercase()]);
    let outcome = world.newcomer("games").answers(answers).run();
    assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "enrolled"), "{outcome:#?}");
    let prompts = outcome.prompts();
    assert!(prompts[1..11].iter().all(|prompt| prompt.starts_with("That code does not match this key.")));
    assert!(prompts[11].starts_with("The code is right. Your phone's clock is 4 minutes fast:"));
    assert!(prompts[12].starts_with("Type the 6 digits that your app shows now."));
    assert!(prompts[14].starts_with("That is the same code. Wait until the app shows a new one."));
    assert_eq!(prompts[16], prompts[15], "the recovery codes again");
    assert!(prompts[17..].iter().all(|prompt| prompt.starts_with("That is not the end of recovery code 1.")));
}

#[test]
fn ends_dialogue_of_login_after_50_answers() {
    let [first, next, _] = dialogue(NOW);
    let wrong = Generator::default().wrong(NOW);
    let nothing = String::new();
    let refused: [(&[&String], &String); 4] =
        [(&[], &wrong), (&[], &nothing), (&[&first], &first), (&[&first, &next], &wrong)];
    for (before, then) in refused {
        let world = World::newcomers("");
        let answers = before.iter().copied().chain([then; 60]).take(51);
        let outcome = world.newcomer("games").answers(answers).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-confirmed");
        assert!(outcome.prompts().last().unwrap().ends_with("\nPress Enter to disconnect: "), "{outcome:#?}");
        assert_eq!((outcome.unused_answers, outcome.delays.as_slice()), (0, &[2_000_000][..]));
        assert!(nothing_is_stored(&world, "games"));
    }
}

#[test]
fn redraws_qr_code_on_request() {
    let world = World::newcomers("");
    let mut answers = vec!["t".to_owned(), "i".to_owned(), "i".to_owned()];
    answers.extend(dialogue(NOW));
    let outcome = world.newcomer("games").answers(answers).run();
    assert_eq!(outcome.code, PAM_SUCCESS);
    let [_, text, normal, inverted, ..] = outcome.prompts()[..] else { panic!("{outcome:#?}") };
    assert!(normal.contains('█') && inverted.contains('█') && normal != inverted);
    assert!(text.is_ascii() && text.contains("\nKey: JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP\n"), "{text}");
    assert!(!outcome.prompts().iter().any(|prompt| prompt.contains('\x1b')));
}

#[test]
fn takes_key_and_recovery_code_settings_from_policy() {
    let app = Generator { algorithm: "SHA256", digits: 8, ..Generator::default() };
    let world =
        World::newcomers("algorithm = \"SHA256\"\ndigits = 8\nissuer = \"Example\"\nrecovery-codes = 0\n");
    let outcome = world.newcomer("games").answers([app.at(NOW), app.at(NOW + 30)]).run();
    assert_eq!((outcome.code, outcome.field("recovery-codes")), (PAM_SUCCESS, "0"), "{outcome:#?}");
    let secret = fs::read_to_string(world.secret_path("games")).unwrap();
    assert!(secret.contains("algorithm = \"SHA256\"\ndigits = 8\n"), "{secret}");
    assert_eq!(
        (world.state_of("games").recovery_codes_left(), world.state_of("games").salt()),
        (0, &[0; 16][..])
    );

    let world = World::newcomers("recovery-codes = 0\n");
    world.state("games", &State::new(uid("games"), "games").with_recovery_codes(8));
    let [first, next, _] = dialogue(NOW);
    assert_eq!(world.newcomer("games").answers([first, next]).run().code, PAM_SUCCESS);
    assert_eq!(world.state_of("games").recovery_codes_left(), 0, "none of an earlier enrollment");

    let world = World::newcomers("recovery-codes = 16\n");
    let [first, next, _] = dialogue(NOW);
    let ninth = recovery_code(9); // the fixed randomness selects 0x48 % 16 = 8, counted from 0
    let outcome = world.newcomer("games").answers([&first, &next, &ninth]).run();
    assert_eq!(outcome.code, PAM_SUCCESS, "the whole code works like its last group: {outcome:#?}");
    assert_eq!(world.state_of("games").recovery_codes_left(), 16);
    assert!((1..=16).all(|number| outcome.prompts()[2].contains(&recovery_code(number))));
}

#[test]
fn shows_wrong_code_text_where_enrolling_is_impossible() {
    let login = |world: &World| world.newcomer("games").answers(dialogue(NOW));
    type Change = fn(Login) -> Login;
    let refused: [(&str, Change, &str); 4] = [
        ("services = []\n", |login| login, ""),
        ("services = [\"sshd\"]\n", |login| login, ""),
        ("", |login| login.flags(PAM_SILENT), "PAM_SILENT"),
        ("period = 60\n", |login| login, "a period of 60 s"),
    ];
    for (enrollment, change, cause) in refused {
        let world = World::newcomers(enrollment);
        let outcome = change(login(&world)).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
        assert_eq!(outcome.prompts(), ["Verification code: "]);
        assert!(outcome.field("cause").contains(cause), "{outcome:#?}");
        assert!(nothing_is_stored(&world, "games"));
    }
    let world = World::newcomers("");
    world.policy("version = 1\nmode = \"opt-in\"\n");
    assert_eq!(login(&world).run().fields("result"), ["exempt"]);
}

/// Such a program may skip the account phase, and may name any terminal as a console.
#[test]
fn refuses_enrollment_in_setuid_program() {
    if !is_root() {
        return;
    }
    for caller in [0, uid("games")] {
        let world = World::newcomers("");
        let mut command = world.newcomer("games").answers(dialogue(NOW)).command();
        let become_setuid = move || {
            // SAFETY: the call takes no pointer.
            match unsafe { libc::setresuid(caller, 0, 0) } {
                0 => Ok(()),
                _ => Err(Error::last_os_error()),
            }
        };
        // SAFETY: between fork and exec it makes one system call.
        let output = unsafe { command.pre_exec(become_setuid) }.stdin(Stdio::null()).output().unwrap();
        let report = Report::parse(&String::from_utf8_lossy(&output.stdout));
        assert_eq!(report.code == Some(PAM_SUCCESS), caller == 0, "{report:?}");
        assert_eq!(nothing_is_stored(&world, "games"), caller != 0, "{report:?}");
        assert_eq!(
            report.field("cause").contains("a program that the user started"),
            caller != 0,
            "{report:?}"
        );
    }
}

/// A file that exists and cannot be read is not skipped in favor of the one in the next folder.
#[test]
fn shows_no_key_when_service_file_is_unreadable() {
    let world = World::newcomers("");
    let read = world.root().join("etc/pam.d");
    fs::remove_file(&read).unwrap();
    fs::create_dir_all(read.join("login")).unwrap();
    fs::create_dir_all(world.root().join("usr/lib/pam.d")).unwrap();
    fs::write(world.root().join("usr/lib/pam.d/login"), "account required pam_twostep.so\n").unwrap();
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    outcome.assert_denied(PAM_AUTH_ERR, "not-enrolled");
    assert!(outcome.field("cause").contains("cannot read the PAM file 'login'"), "{outcome:#?}");
    assert_eq!(outcome.prompts(), ["Verification code: "]);
}

/// The refusal comes before the dialogue, not after it.
#[test]
fn shows_no_key_when_state_would_refuse_new_codes() {
    let mine = State::new(uid("games"), "games");
    let table = [
        (State { name: "gone".to_owned(), ..mine.clone() }, "unavailable", "run 'twostep rebind games'"),
        (State { mark: NOW as u64 + 3600, ..mine }, "clock-anomaly", "--reset-clock"),
    ];
    for (state, reason, cause) in table {
        let world = World::newcomers("");
        world.state("games", &state);
        let before = world.snapshot();
        let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
        assert_eq!(
            (outcome.fields("result"), outcome.field("reason")),
            (vec!["deny"], reason),
            "{outcome:#?}"
        );
        assert!(outcome.field("cause").contains(cause), "{outcome:#?}");
        assert!(!outcome.prompts().iter().any(|prompt| prompt.contains("First code")), "{outcome:#?}");
        assert!(world.snapshot() == before);
    }
}

#[test]
fn ends_lockout_on_enrollment() {
    let world = World::newcomers("");
    let failed = AttemptCounter { codes: 20, recoveries: 100, last_failure: NOW as u64 };
    world.state("games", &State { root: failed, helper: failed, ..State::new(uid("games"), "games") });
    assert_eq!(world.newcomer("games").answers(dialogue(NOW)).run().field("result"), "enrolled");
    let state = world.state_of("games");
    assert_eq!((state.root, state.helper), (AttemptCounter::default(), AttemptCounter::default()));
    let code = Generator::default().at(NOW + 60);
    world.login("games").service("login").at(NOW + 60).whole().answer(code).run().assert_granted();
}

/// As when memory runs out: the login is refused, and no later phase stores the enrollment.
#[test]
fn stores_nothing_when_libpam_cannot_keep_handoff() {
    for (function, pending) in [(PAM_PUTENV, false), (PAM_SET_DATA, true)] {
        let world = World::newcomers("");
        let login = world.newcomer("games").answers(dialogue(NOW));
        refuse(Some(function));
        let (mut open, outcome) = login.begin();
        refuse(None);
        outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
        assert!(outcome.field("cause").contains("libpam did not keep"), "{outcome:#?}");
        assert_eq!(open.handle.has_env(c"TWOSTEP_PENDING"), pending);
        assert_eq!(open.account().fields("result"), Vec::<&str>::new());
        assert!(nothing_is_stored(&world, "games"));
        if pending {
            open.setcred().assert_denied(PAM_CRED_ERR, "not-stored");
        }
    }
}

#[test]
fn keeps_key_and_codes_out_of_log() {
    let world = World::newcomers("");
    let outcome = world.newcomer("games").answers(dialogue(NOW)).run();
    let words: Vec<String> = dialogue(NOW).into_iter().chain([SECRET.into(), recovery_code(1)]).collect();
    for line in &outcome.log {
        assert!(words.iter().all(|word| !line.text.contains(word)), "{}", line.text);
    }
}

fn set(open: &Open, item: i32, value: &str) {
    open.handle.set_item(item, &CString::new(value).unwrap());
}

/// A login after the dialogue and before the account phase, which stores the enrollment.
fn pending(world: &World) -> Open {
    let (open, outcome) = world.newcomer("games").answers(dialogue(NOW)).begin();
    assert_eq!(outcome.code, PAM_SUCCESS);
    open
}

#[test]
fn drops_pending_enrollment_when_user_of_handle_changes() {
    let world = World::newcomers("");
    let mut open = pending(&world);
    set(&open, PAM_USER, "mail");
    open.account().assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    open.setcred().assert_denied(PAM_CRED_ERR, "not-stored");
    assert!(nothing_is_stored(&world, "games") && nothing_is_stored(&world, "mail"));

    let mut open = pending(&world);
    set(&open, PAM_USER, "mail");
    open.answer("no code");
    assert_ne!(open.authenticate(PAM_SILENT).code, PAM_SUCCESS);
    assert!(!open.handle.has_env(c"TWOSTEP_PENDING"), "a new try drops the earlier enrollment");
    set(&open, PAM_USER, "games");
    assert_eq!(open.account().fields("result"), Vec::<&str>::new());
    assert!(nothing_is_stored(&world, "games"));
}

#[test]
fn drops_pending_enrollment_when_service_changes() {
    let world = World::newcomers("");
    world.service("sshd", "account required MODULE root=ROOT\n");
    let mut open = pending(&world);
    set(&open, PAM_SERVICE, "sshd");
    open.account().assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert!(nothing_is_stored(&world, "games"));
}

#[test]
fn stores_only_successful_try_on_one_handle() {
    let world = World::newcomers("");
    let mut open = pending(&world);
    dialogue(NOW).into_iter().for_each(|answer| open.answer(answer));
    assert_eq!(open.authenticate(0).code, PAM_SUCCESS);
    assert_eq!(open.account().fields("result"), ["enrolled"]);
    let before = world.snapshot();
    assert_eq!(open.account().fields("result"), Vec::<&str>::new(), "it is stored once");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn stores_first_of_two_concurrent_enrollments() {
    let world = World::newcomers("");
    let (mut first, mut second) = (pending(&world), pending(&world));
    assert_eq!(first.account().code, PAM_SUCCESS);
    let before = world.snapshot();
    let outcome = second.account();
    outcome.assert_denied(PAM_PERM_DENIED, "enrolled-meanwhile");
    assert!(outcome.transcript[0].1.contains("was enrolled by another login"), "{outcome:#?}");
    second.setcred().assert_denied(PAM_CRED_ERR, "not-stored");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn keeps_old_codes_used_after_reset_and_enrollment() {
    let world = World::newcomers("");
    assert_eq!(world.newcomer("games").answers(dialogue(NOW)).run().code, PAM_SUCCESS);
    let later = NOW + 600;
    let code = Generator::default().at(later);
    world.login("games").service("login").at(later).answer(&code).run().assert_granted();
    assert!(world.command(&["reset", "games"]).status.success());
    assert_eq!(world.state_of("games").recovery_codes_left(), 0);
    let outcome = world.newcomer("games").at(later).answers(dialogue(later)).run();
    assert_eq!(outcome.code, PAM_SUCCESS, "{outcome:#?}");
    assert_eq!(world.state_of("games").mark, later as u64 + 30);
}
