//! The module's return codes, texts, delays and log lines.

use twostep_tests::drive::Report;
use twostep_tests::interpose::{HUGE, UNREACHABLE, virtual_user};
use twostep_tests::pam::*;
use twostep_tests::{Generator, NOW, Outcome, SECRET, Style, World, uid};

const THREE_TRIES: &str = "version = 1\nmode = \"mandatory\"\n";
const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n";
const EXEMPT: &str = "version = 1\nmode = \"exempt\"\n";
const PROMPT: &str = "Verification code: ";
const REFUSED: &str = "That code was not accepted. If you have just used it, wait for the next one;\notherwise check the app's entry and your phone's clock.\n";
const NOTHING: &str = "You typed nothing. Type the code that your app shows, or a recovery code.\n";
const TOO_SHORT: &str =
    "That is too short for a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.\n";
const DIGITS: &str = "That is not a code: you typed 9 digits. A code has 6 to 8 digits,\na recovery code 16 letters and digits.\n";
const NO_CODE: &str =
    "That is not a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.\n";

fn right() -> String {
    Generator::default().at(NOW)
}

fn wrong() -> String {
    Generator::default().wrong(NOW)
}

#[test]
fn grants_right_code_without_text() {
    let outcome = World::default().login("games").at(NOW).answer(right()).run();
    outcome.assert_granted();
    assert_eq!(outcome.transcript, [(Style::Prompt, PROMPT.into())]);
    let expected = "result=grant user=games service=test rhost=\"\" tty=\"\" authenticator=phone offset=+0s rule=default";
    assert_eq!((outcome.log[0].priority, outcome.log[0].text.as_str()), (6, expected));
    assert_eq!(outcome.log.len(), 1);
}

#[test]
fn returns_code_priority_and_delay_of_each_denial() {
    let world = World::default().after_password();
    let wrong = wrong();
    let denied = |user: &str, answer: &str| world.login(user).at(NOW).answers([answer; 2]).run();
    let check = |outcome: Outcome, code, reason, priority| {
        outcome.assert_denied(code, reason);
        assert_eq!(outcome.delays, [2_000_000], "{outcome:#?}");
        assert_eq!(outcome.log.last().unwrap().priority, priority, "{outcome:#?}");
    };
    check(denied("games", &wrong), PAM_AUTH_ERR, "wrong-code", 5);
    check(denied("games", "not a code"), PAM_AUTH_ERR, "not-a-code", 5);
    check(denied("nosuchuser", &wrong), PAM_AUTH_ERR, "unknown-user", 5);
    check(denied("mail", &wrong), PAM_AUTH_ERR, "not-enrolled", 5);
    check(world.login("games").at(NOW).run(), PAM_CONV_ERR, "conversation", 5);
    denied("games", &right()).assert_granted();
    check(denied("games", &right()), PAM_AUTH_ERR, "replayed", 5);
    for _ in 0..2 {
        denied("games", &wrong);
    }
    check(denied("games", &wrong), PAM_MAXTRIES, "locked", 4);
    std::fs::write(world.secret_path("games"), "").unwrap();
    check(denied("games", &wrong), PAM_AUTHINFO_UNAVAIL, "unavailable", 3);
    world.policy("version = 2");
    check(denied("games", &wrong), PAM_SERVICE_ERR, "misconfigured", 3);
}

#[test]
fn ignores_and_logs_exempt_and_unenrolled_opt_in_users() {
    let world = World::default();
    world.service("followed", "auth required MODULE root=ROOT\nauth required pam_permit.so\n");
    let table = [(EXEMPT, "games", "exempt"), (EXEMPT, "mail", "exempt"), (OPT_IN, "mail", "not-enrolled")];
    for (policy, user, reason) in table {
        world.policy(policy);
        let outcome = world.login(user).service("followed").at(NOW).run();
        let seen = (outcome.code, outcome.field("result"), outcome.field("rule"), outcome.field("reason"));
        assert_eq!(seen, (PAM_SUCCESS, "exempt", "default", reason), "{outcome:#?}");
        assert_eq!((outcome.log[0].priority, outcome.log.len()), (5, 1));
        assert_eq!(outcome.transcript, []);
    }
}

#[test]
fn refuses_exempt_user_where_module_is_alone_in_stack() {
    let world = World::default();
    for (policy, user) in [(EXEMPT, "games"), (OPT_IN, "mail")] {
        world.policy(policy);
        assert_eq!(world.login(user).at(NOW).run().code, IGNORED_ALONE);
    }
}

#[test]
fn asks_enrolled_opt_in_user() {
    let world = World::default();
    world.policy(OPT_IN);
    assert_eq!(world.login("games").at(NOW).answers(vec![wrong(); 3]).run().code, PAM_AUTH_ERR);
    let world = World::default();
    world.policy(OPT_IN).login("games").at(NOW).answer(right()).run().assert_granted();
}

#[test]
fn answers_unknown_and_enrolled_users_alike() {
    let prompt = |text: &str| (Style::Prompt, format!("{text}{PROMPT}"));
    let table = [
        (wrong(), REFUSED),
        (String::new(), NOTHING),
        ("12".to_owned(), TOO_SHORT),
        ("123456789".to_owned(), DIGITS),
        ("hello you".to_owned(), NO_CODE),
    ];
    for (answer, text) in table {
        let world = World::default();
        world.policy(THREE_TRIES);
        let texts = |user: &str| {
            let outcome = world.login(user).at(NOW).answers(vec![answer.as_str(); 3]).run();
            (outcome.code, outcome.transcript, outcome.delays)
        };
        let enrolled = texts("games");
        let transcript = vec![prompt(""), prompt(text), prompt(text)];
        assert_eq!(enrolled, (PAM_AUTH_ERR, transcript, vec![2_000_000]), "{answer:?}");
        assert_eq!(texts("mail"), enrolled, "{answer:?}");
        assert_eq!(texts("nosuchuser"), enrolled, "{answer:?}");
    }
}

/// A thief must not learn that a code was right once.
#[test]
fn shows_same_text_for_used_and_wrong_code() {
    let world = World::default();
    world.policy(THREE_TRIES);
    world.login("games").at(NOW).answer(right()).run().assert_granted();
    for answer in [right(), wrong()] {
        let outcome = world.login("games").at(NOW).answer(&answer).run();
        assert_eq!(outcome.prompts(), [PROMPT, &format!("{REFUSED}{PROMPT}")], "{answer}");
    }
}

#[test]
fn grants_right_code_after_wrong_one_and_logs_both() {
    let world = World::default();
    world.policy(THREE_TRIES);
    let outcome = world.login("games").at(NOW).answers([wrong(), right()]).run();
    outcome.assert_granted();
    assert_eq!(outcome.fields("result"), ["deny", "grant"]);
    assert_eq!(outcome.prompts(), [PROMPT, &format!("{REFUSED}{PROMPT}")]);
}

#[test]
fn ends_conversation_after_tries_of_policy() {
    for tries in [1, 2, 5, 10] {
        let world = World::default();
        world.policy(&format!("{THREE_TRIES}[verification]\ntries = {tries}\nlockout-after = 100\n"));
        let outcome = world.login("games").at(NOW).answers(vec!["not a code"; 12]).run();
        outcome.assert_denied(PAM_AUTH_ERR, "not-a-code");
        assert_eq!((outcome.prompts().len(), outcome.log.len()), (tries, tries));
    }
}

#[test]
fn sends_one_message_per_conversation_call() {
    let world = World::default();
    world.policy(THREE_TRIES);
    let outcome = world.login("games").at(NOW).answers(vec![wrong(); 3]).run();
    assert_eq!(outcome.most_messages, 1);
    std::fs::remove_file(world.state_path("games")).unwrap();
    std::fs::write(world.secret_path("games"), "").unwrap();
    let outcome = world.login("games").at(NOW).answer(wrong()).run();
    assert_eq!(outcome.most_messages, 1);
}

#[test]
fn shows_one_text_when_unavailable() {
    let world = World::default();
    std::fs::write(world.secret_path("games"), "").unwrap();
    let outcome = world.login("games").at(NOW).answer(right()).run();
    let texts: Vec<_> = outcome.transcript.iter().filter(|(style, _)| *style != Style::Prompt).collect();
    assert_eq!(
        texts,
        [&(
            Style::Error,
            "Verification is unavailable. Ask your administrator to run 'twostep doctor'.".into()
        )]
    );
}

#[test]
fn shows_only_prompts_with_pam_silent() {
    let world = World::default();
    world.policy(THREE_TRIES);
    let silent =
        |answer: String| world.login("games").at(NOW).flags(PAM_SILENT).answers(vec![answer; 4]).run();
    let only_prompts = |outcome: &Outcome| outcome.prompts().len() == outcome.transcript.len();
    assert!(only_prompts(&silent(right())));
    assert!(only_prompts(&silent(wrong())));
    std::fs::write(world.secret_path("games"), "").unwrap();
    let broken = silent(right());
    broken.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert!(only_prompts(&broken), "{broken:#?}");
}

#[test]
fn denies_unknown_argument_and_names_it() {
    let world = World::default();
    let long = "x".repeat(900);
    let table = [
        "nullok",
        "debug",
        "Root=/",
        "first_factor",
        "first_factor=",
        "first_factor=none",
        "first_factor=PUBLICKEY",
        "first-factor=any",
        long.as_str(),
    ];
    for argument in table {
        world.service("odd", &format!("auth required MODULE root=ROOT {argument}\n"));
        let outcome = world.login("games").service("odd").at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_SERVICE_ERR, "misconfigured");
        let key = argument.split('=').next().unwrap();
        let named = &key[..key.len().min(100)];
        assert!(outcome.field("cause").contains(named), "{argument}: {outcome:#?}");
        assert_eq!(outcome.prompts().len(), 0);
    }
    assert_eq!(world.state_of("games").root.codes, 0);
}

#[test]
fn denies_relative_root_and_names_it() {
    let world = World::default();
    for argument in ["root", "root=", "root=relative", "root=./x", "root=../../tmp"] {
        world.service("odd", &format!("auth required MODULE {argument}\nauth required pam_permit.so\n"));
        let outcome = world.login("games").service("odd").at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_SERVICE_ERR, "misconfigured");
        assert!(outcome.field("cause").contains(argument), "{argument}: {outcome:#?}");
    }
}

#[test]
fn denies_exempt_user_with_unknown_argument() {
    let world = World::default();
    world
        .policy(EXEMPT)
        .service("odd", "auth required MODULE root=ROOT nullok\nauth required pam_permit.so\n");
    assert_eq!(world.login("games").service("odd").at(NOW).run().code, PAM_SERVICE_ERR);
}

#[test]
fn denies_repeated_or_huge_argument() {
    let world = World::default();
    let long = "y".repeat(10_000);
    for argument in ["root=ROOT", "root=/nonexistent", "first_factor=any first_factor=publickey", &long] {
        world.service(
            "odd",
            &format!("auth required MODULE root=ROOT {argument}\nauth required pam_permit.so\n"),
        );
        let outcome = world.login("mail").service("odd").at(NOW).answer("123456").run();
        assert_ne!(outcome.code, PAM_SUCCESS, "{argument}: {outcome:#?}");
    }
}

const SETCRED_FLAGS: [i32; 6] = [0, 2, 4, 8, 0x10, 0x8004];

/// After a denial libpam itself refuses setcred, whatever the module returns: it repeats the path through the auth stack.
#[test]
fn returns_success_from_setcred_unless_denied() {
    let world = World::default();
    for flags in SETCRED_FLAGS {
        world.enroll("games", SECRET);
        let mut login = world.login("games").at(NOW).open();
        assert_eq!(login.handle.setcred(flags), PAM_SUCCESS, "before, {flags:#x}");
        login.answer(right());
        login.authenticate(0).assert_granted();
        assert_eq!(login.handle.setcred(flags), PAM_SUCCESS, "after, {flags:#x}");
        let unknown = world.login("nosuchuser").open();
        assert_eq!(unknown.handle.setcred(flags), PAM_SUCCESS, "unknown user, {flags:#x}");
    }
}

#[test]
fn changes_no_file_in_setcred_and_account() {
    let world = World::default();
    world.login("games").at(NOW).answer(wrong()).run();
    let before = world.snapshot();
    let login = world.login("games").open();
    for flags in SETCRED_FLAGS {
        login.handle.setcred(flags);
        login.handle.account(flags & PAM_SILENT);
    }
    assert!(world.snapshot() == before);
}

#[test]
fn returns_ignore_in_account_session_and_password() {
    let world = World::default();
    let login = world.login("games").open();
    assert_eq!(login.handle.account(0), IGNORED_ALONE);
    assert_eq!(login.handle.open_session(), IGNORED_ALONE);
    assert_eq!(login.handle.change_password(), IGNORED_ALONE);
    world.service("followed", "account required MODULE root=ROOT\naccount required pam_permit.so\n");
    assert_eq!(world.login("games").service("followed").open().handle.account(0), PAM_SUCCESS);
}

/// Manuals of other modules recommend this control. Besides the decisions of the policy it ignores user_unknown, which
/// the module therefore never returns.
#[test]
fn lets_no_denial_pass_lenient_stack() {
    let world = World::default();
    world.service(
        "lax",
        "auth [success=ok ignore=ignore user_unknown=ignore default=die] MODULE root=ROOT\nauth required pam_permit.so\n",
    );
    let lax =
        |user: &str, answer: &str| world.login(user).service("lax").at(NOW).answers([answer; 2]).run().code;
    assert_eq!(lax("nosuchuser", "123456"), PAM_AUTH_ERR);
    assert_eq!(lax("mail", "123456"), PAM_AUTH_ERR);
    for code in [PAM_AUTH_ERR; 4] {
        assert_eq!(lax("games", &wrong()), code);
    }
    assert_eq!(lax(UNREACHABLE, "123456"), PAM_AUTHINFO_UNAVAIL);
    std::fs::write(world.state_path("games"), "").unwrap();
    assert_eq!(lax("games", &right()), PAM_AUTHINFO_UNAVAIL);
    std::fs::remove_file(world.policy_path()).unwrap();
    assert_eq!(lax("games", &right()), PAM_SERVICE_ERR);
}

#[test]
fn denies_when_account_lookup_fails() {
    let world = World::default();
    for policy in [THREE_TRIES, OPT_IN, EXEMPT] {
        let outcome = world.policy(policy).login(UNREACHABLE).at(NOW).answers(vec!["123456"; 3]).run();
        outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    }
}

#[test]
fn reads_account_record_of_100_kilobytes() {
    let world = World::default();
    world.enroll(HUGE, SECRET).login(HUGE).at(NOW).answer(right()).run().assert_granted();
}

#[test]
fn denies_empty_user_name() {
    for policy in [THREE_TRIES, OPT_IN] {
        let world = World::default();
        let code = world.policy(policy).login("").at(NOW).answers(vec!["123456"; 3]).run().code;
        assert!(![PAM_SUCCESS, IGNORED_ALONE].contains(&code), "{}", name_of(code));
    }
}

#[test]
fn denies_unknown_user_under_opt_in() {
    let world = World::default();
    let outcome = world.policy(OPT_IN).login("nosuchuser").at(NOW).answers(vec!["123456"; 3]).run();
    outcome.assert_denied(PAM_AUTH_ERR, "unknown-user");
}

#[test]
fn starts_second_try_on_one_handle_from_nothing() {
    let world = World::default();
    let mut login = world.login("games").at(NOW).answer(wrong()).open();
    login.authenticate(0).assert_denied(PAM_AUTH_ERR, "wrong-code");
    login.answer(right());
    login.authenticate(0).assert_granted();
    login.answer(right());
    login.authenticate(0).assert_denied(PAM_AUTH_ERR, "replayed");
}

#[test]
fn ignores_environment_of_host() {
    let odd = [
        ("TZ", ":/etc/shadow"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("TWOSTEP_ROOT", "/"),
        ("HOME", "/nonexistent"),
        ("RUST_BACKTRACE", "1"),
    ];
    let world = World::default();
    let output = world.login("games").at(NOW).answer(wrong()).command().envs(odd).output().unwrap();
    let report = Report::parse(&String::from_utf8_lossy(&output.stdout));
    let seen = (report.code, report.field("reason"), output.stderr.len());
    assert_eq!(seen, (Some(PAM_AUTH_ERR), "wrong-code", 0), "{report:?}");
}

#[test]
fn finds_virtual_users_of_suite() {
    let world = World::new();
    let user = virtual_user(7);
    assert_eq!(uid(&user), 70_007);
    world.enroll(&user, SECRET).login(&user).at(NOW).answer(right()).run().assert_granted();
}
