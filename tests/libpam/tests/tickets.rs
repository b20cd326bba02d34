//! Tickets: where the policy requires one, no user enrolls without it. Each works once, and three wrong ones end it.

use std::fs;

use twostep_tests::drive::{Report, release_together};
use twostep_tests::interpose::release_clock;
use twostep_tests::pam::*;
use twostep_tests::paper::{base32, dialogue, long_code};
use twostep_tests::strace::{self, trace};
use twostep_tests::{Login, NOW, Open, Outcome, State, Style, World, uid};

/// Shown as EHMP-6TV5-EGG3-0C1H, which has characters that can be misread.
const TICKET: &[u8] = b"ticket 001";
const WRONG: &str = "ABCD-EFGH-JKMN-PQRS";
const EXPIRES: i64 = NOW + 3600;
const REQUIRED: &str = "require-ticket = true\n";
const FIRST_PROMPT: &str = "A second step is required here. Get a ticket from your administrator.\n\
                            Enrollment ticket: ";
const PROMPT_AFTER_A_WRONG_ONE: &str =
    "That ticket was not accepted. Ask your administrator for one.\nEnrollment ticket: ";
const NONE: (&[u8], u64, u8) = (&[0; 16], 0, 0);

fn ticket() -> String {
    long_code(TICKET)
}

fn no_ticket() -> State {
    State::new(uid("games"), "games")
}

fn with(state: &State) -> World {
    let world = World::newcomers(REQUIRED);
    world.state("games", state);
    world
}

/// A world in which `games` has [`TICKET`].
fn world() -> World {
    with(&no_ticket().with_ticket(TICKET, EXPIRES))
}

fn with_tries(tries: u8) -> State {
    let mut state = no_ticket().with_ticket(TICKET, EXPIRES);
    state.reserved[24] = tries;
    state
}

fn tries(world: &World) -> u8 {
    world.state_of("games").ticket().2
}

/// A login in which `games` types this ticket and goes through the whole dialogue.
fn enrolling(world: &World, ticket: &str) -> Login {
    world.newcomer("games").answer(ticket).answers(dialogue(NOW))
}

/// A login in which `games` types these answers and hangs up.
fn typing(world: &World, answers: &[&str]) -> Outcome {
    world.newcomer("games").answers(answers.iter().copied()).run()
}

/// The output of `twostep ticket games`, and the ticket in it.
fn issue(world: &World) -> (String, String) {
    let output = world.command(&["ticket", "games", "--valid", "2h"]);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let first = printed.lines().next().unwrap();
    let ticket = first.strip_prefix("Ticket for games: ").unwrap().to_owned();
    (printed, ticket)
}

#[track_caller]
fn assert_enrolls(login: Login) {
    let outcome = login.run();
    assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "enrolled"), "{outcome:#?}");
}

#[track_caller]
fn assert_not_enrolled(world: &World) {
    assert_eq!(fs::read_dir(world.root().join("var/lib/twostep/users")).unwrap().count(), 0);
}

#[test]
fn allows_one_enrollment_with_printed_ticket() {
    let world = World::newcomers(REQUIRED);
    let now = release_clock();
    let (printed, ticket) = issue(&world);
    assert!(printed.contains("\nValid for one enrollment until 20"), "{printed}");
    let (_, expires, tries) = world.state_of("games").ticket();
    assert_eq!((expires.abs_diff(now as u64 + 7200) < 10, tries), (true, 3));

    let login = |now: i64| world.newcomer("games").at(now).answer(&ticket).answers(dialogue(now));
    let outcome = login(now).run();
    assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "enrolled"), "{outcome:#?}");
    let prompts = outcome.prompts();
    let expected = [
        "Enrollment ticket: ",
        "First code: ",
        "Next code (wait until it changes): ",
        "type the last 4 characters of\nrecovery code 1: ",
    ];
    assert_eq!(prompts.len(), expected.len());
    assert!(prompts.iter().zip(expected).all(|(prompt, end)| prompt.ends_with(end)), "{outcome:#?}");
    assert_eq!(world.state_of("games").ticket(), NONE);

    assert!(world.command(&["reset", "games"]).status.success());
    let outcome = login(now + 600).run();
    outcome.assert_denied(PAM_AUTH_ERR, "not-a-ticket");
    assert_eq!(outcome.fields("reason")[0], "wrong-ticket");
    assert!(outcome.fields("cause")[0].starts_with("the user has no ticket"), "{outcome:#?}");
    assert_not_enrolled(&world);
}

#[test]
fn accepts_every_spelling_of_ticket() {
    let ticket = ticket();
    let spellings = [
        ticket.to_lowercase(),
        ticket.replace('-', ""),
        ticket.replace('-', " "),
        format!(" {ticket}\t"),
        ticket.replace('0', "o").replace('1', "i"),
        ticket.replace('0', "O").replace('1', "l"),
    ];
    for spelling in spellings {
        assert_enrolls(enrolling(&world(), &spelling));
    }
}

#[test]
fn ends_conversation_and_ticket_after_three_wrong_ones() {
    let world = world();
    let outcome = typing(&world, &[WRONG; 4]);
    outcome.assert_denied(PAM_AUTH_ERR, "wrong-ticket");
    assert_eq!(outcome.prompts(), [FIRST_PROMPT, PROMPT_AFTER_A_WRONG_ONE, PROMPT_AFTER_A_WRONG_ONE]);
    assert_eq!(outcome.fields("reason"), ["wrong-ticket"; 3]);
    assert_eq!(outcome.fields("cause"), ["wrong ticket"; 3]);
    assert_eq!((outcome.delays.as_slice(), tries(&world)), (&[2_000_000][..], 0));
    let outcome = enrolling(&world, &ticket()).run();
    assert_eq!(outcome.fields("cause")[0], "the ticket was mistyped too often and is no longer valid");
    assert_eq!(outcome.fields("result"), ["deny"; 3]);
    assert_not_enrolled(&world);
}

#[test]
fn counts_tries_over_all_logins() {
    let world = world();
    for left in [2, 1, 0] {
        typing(&world, &[WRONG]).assert_denied(PAM_CONV_ERR, "conversation");
        assert_eq!(tries(&world), left);
    }
    assert_eq!(enrolling(&world, &ticket()).run().fields("result"), ["deny"; 3]);
    assert_not_enrolled(&world);
}

#[test]
fn restores_all_tries_on_right_ticket() {
    for wrong in 0..3 {
        let world = world();
        let mut answers = vec![WRONG; wrong];
        let right = ticket();
        answers.push(&right);
        let outcome = typing(&world, &answers);
        assert_eq!(outcome.fields("result")[wrong], "enrolling", "{outcome:#?}");
        assert_eq!(tries(&world), 3);
        assert_enrolls(enrolling(&world, &right));
    }
}

#[test]
fn charges_no_try_for_malformed_ticket() {
    let world = world();
    let (ticket, before) = (ticket(), world.state_of("games"));
    for answer in ["", "123456", &ticket[..18], &format!("{ticket}0"), &ticket.replace('-', "/"), "ÄÖÜ"] {
        let outcome = typing(&world, &[answer; 4]);
        outcome.assert_denied(PAM_AUTH_ERR, "not-a-ticket");
        assert_eq!(outcome.fields("cause"), ["this does not have the format of a ticket"; 3], "{answer}");
    }
    assert_eq!(world.state_of("games"), before);
}

#[test]
fn refuses_ticket_with_one_wrong_character() {
    let ticket = ticket();
    for at in (0..ticket.len()).filter(|at| at % 5 != 4) {
        let other = if &ticket[at..=at] == "7" { "8" } else { "7" };
        let world = world();
        let wrong = format!("{}{other}{}", &ticket[..at], &ticket[at + 1..]);
        let outcome = enrolling(&world, &wrong).run();
        assert_eq!(outcome.fields("result"), ["deny"; 3]);
        assert_eq!(tries(&world), 2, "the later answers are malformed");
    }
}

/// A user who knows only the password must not learn whether a ticket exists.
#[test]
fn shows_same_text_for_every_refused_ticket() {
    let prolonged = || {
        let mut state = no_ticket().with_ticket(TICKET, NOW - 1);
        state.reserved[16..24].copy_from_slice(&EXPIRES.to_le_bytes());
        state
    };
    let somebody_elses =
        || State { uid: uid("games"), ..State::new(uid("mail"), "games").with_ticket(TICKET, EXPIRES) };
    let table = [
        (Some(no_ticket()), "the user has no ticket: issue one with 'twostep ticket'"),
        (None, "the user has no ticket: issue one with 'twostep ticket'"),
        (Some(no_ticket().with_ticket(TICKET, NOW)), "the ticket has expired"),
        (Some(no_ticket().with_ticket(TICKET, 1)), "the ticket has expired"),
        (Some(with_tries(0)), "the ticket was mistyped too often and is no longer valid"),
        (Some(no_ticket().with_ticket(b"another 1.", EXPIRES)), "wrong ticket"),
        (Some(prolonged()), "wrong ticket"),
        (Some(somebody_elses()), "wrong ticket"),
    ];
    let ticket = ticket();
    let shown: Vec<_> = table
        .into_iter()
        .map(|(state, cause)| {
            let world = World::newcomers(REQUIRED);
            state.iter().for_each(|state| {
                world.state("games", state);
            });
            let outcome = typing(&world, &[ticket.as_str(); 3]);
            outcome.assert_denied(PAM_AUTH_ERR, "wrong-ticket");
            assert_eq!(outcome.fields("cause"), [cause; 3]);
            assert_not_enrolled(&world);
            (outcome.transcript, outcome.delays)
        })
        .collect();
    assert!(shown.iter().all(|one| *one == shown[0]), "{shown:#?}");
}

#[test]
fn accepts_ticket_until_second_before_expiry() {
    for (expires, valid) in [(NOW + 1, true), (NOW, false)] {
        let world = with(&no_ticket().with_ticket(TICKET, expires));
        let outcome = enrolling(&world, &ticket()).run();
        assert_eq!(outcome.code == PAM_SUCCESS, valid, "{outcome:#?}");
        assert_eq!(world.secret_path("games").exists(), valid);
    }
}

#[test]
fn refuses_ticket_of_another_user_at_no_cost_to_them() {
    let world = world();
    let theirs = State::new(uid("mail"), "mail").with_ticket(b"their one.", EXPIRES);
    world.state("mail", &theirs);
    typing(&world, &[long_code(b"their one.").as_str(); 3]).assert_denied(PAM_AUTH_ERR, "wrong-ticket");
    assert_eq!(tries(&world), 0);
    assert_eq!(world.state_of("mail"), theirs);
    assert_not_enrolled(&world);
}

#[test]
fn replaces_earlier_ticket() {
    let world = World::newcomers(REQUIRED);
    let now = release_clock();
    let ((_, first), (_, second)) = (issue(&world), issue(&world));
    let login = |ticket: &str| world.newcomer("games").at(now).answer(ticket).answers(dialogue(now));
    assert_ne!(login(&first).run().code, PAM_SUCCESS);
    assert_not_enrolled(&world);
    assert_enrolls(login(&second));
}

#[test]
fn asks_no_ticket_where_none_is_required() {
    let world = World::newcomers("");
    world.state("games", &no_ticket().with_ticket(TICKET, EXPIRES));
    assert_enrolls(world.newcomer("games").answers(dialogue(NOW)));
    assert_eq!(world.state_of("games").ticket(), NONE);
}

/// A login after the dialogue and before the account phase, which stores the enrollment.
fn pending(world: &World) -> Open {
    let (open, outcome) = enrolling(world, &ticket()).begin();
    assert_eq!((outcome.code, outcome.field("result")), (PAM_SUCCESS, "enrolling"), "{outcome:#?}");
    open
}

#[test]
fn enrolls_first_of_two_dialogues_with_same_ticket() {
    let world = world();
    let (mut first, mut second) = (pending(&world), pending(&world));
    assert_eq!(second.account().fields("result"), ["enrolled"]);
    let before = world.snapshot();
    first.account().assert_denied(PAM_PERM_DENIED, "enrolled-meanwhile");
    first.setcred().assert_denied(PAM_CRED_ERR, "not-stored");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn stores_nothing_when_ticket_is_gone_in_account_phase() {
    let withdrawals: [fn(&World); 5] = [
        |world| assert!(world.command(&["reset", "games"]).status.success()),
        |world| {
            issue(world);
        },
        |world| {
            world.state("games", &no_ticket());
        },
        |world| fs::remove_file(world.state_path("games")).unwrap(),
        |world| {
            assert_eq!(pending(world).account().fields("result"), ["enrolled"]);
            assert!(world.command(&["reset", "games"]).status.success());
        },
    ];
    for withdraw in withdrawals {
        let world = world();
        let mut open = pending(&world);
        withdraw(&world);
        let outcome = open.account();
        outcome.assert_denied(PAM_AUTH_ERR, "wrong-ticket");
        let text = "That ticket was not accepted. Ask your administrator for one.".to_owned();
        assert_eq!(outcome.transcript, [(Style::Error, text)]);
        open.setcred().assert_denied(PAM_CRED_ERR, "not-stored");
        assert_not_enrolled(&world);
        assert_eq!(world.state_of("games").recovery_codes_left(), 0);
    }
}

#[test]
fn keeps_ticket_when_dialogue_is_cancelled() {
    let world = world();
    let (ticket, [first, next, _]) = (ticket(), dialogue(NOW));
    let before = world.state_of("games").ticket().0.to_vec();
    let broken_off: [&[&str]; 6] = [
        &[],
        &[&ticket],
        &[&ticket, "", "", "", ""],
        &[&ticket, &first],
        &[&ticket, &first, &next],
        &[&ticket, &first, &next, "", "", "", ""],
    ];
    for answers in broken_off {
        assert_ne!(typing(&world, answers).code, PAM_SUCCESS);
        assert_eq!(world.state_of("games").ticket(), (&before[..], EXPIRES as u64, 3));
    }
    drop(pending(&world));
    assert_not_enrolled(&world);
    assert_enrolls(enrolling(&world, &ticket));
}

#[test]
fn keeps_ticket_out_of_files_and_log() {
    let world = World::newcomers(REQUIRED);
    let now = release_clock();
    let (_, ticket) = issue(&world);
    let bare = ticket.replace('-', "");
    let bits = base32(&bare, "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    let told =
        [&ticket, &bare, &ticket.to_lowercase(), &bare.to_lowercase()].map(|text| text.as_bytes().to_vec());
    let is_told =
        |bytes: &[u8]| told.iter().chain([&bits]).any(|one| bytes.windows(one.len()).any(|part| part == one));
    let nothing_is_told = || world.snapshot().iter().all(|(_, bytes)| !is_told(bytes));
    assert!(nothing_is_told());
    let [first, next, last] = dialogue(now);
    for answers in [&["", WRONG, &ticket, "", "", ""][..], &[&ticket, &first, &next, &last]] {
        let outcome = world.newcomer("games").at(now).answers(answers.iter().copied()).run();
        assert!(outcome.fields("result").contains(&"enrolling"), "{outcome:#?}");
        assert!(outcome.log.iter().all(|line| !is_told(line.text.as_bytes())), "{outcome:#?}");
        assert!(outcome.transcript.iter().all(|(_, text)| !is_told(text.as_bytes())), "{outcome:#?}");
        assert!(nothing_is_told());
    }
}

/// The tries left after logins with this answer, each killed at a later system call.
fn tries_after_kills(answer: &str, then: fn(&World)) -> Vec<u8> {
    let state = no_ticket().with_ticket(TICKET, EXPIRES);
    let login = |world: &World| world.newcomer("games").answer(answer);
    let without_kill = trace(&login(&with(&state)), &[]);
    assert_eq!(without_kill.report.code, Some(PAM_CONV_ERR), "{:?}", without_kill.report);
    let mut seen = Vec::new();
    for (name, count) in strace::calls_of_the_module(&without_kill.calls) {
        let world = with(&state);
        let inject = format!("inject={name}:signal=KILL:when={count}");
        assert_eq!(trace(&login(&world), &["-e", &inject]).report.code, None, "{inject}");
        seen.push(tries(&world));
        then(&world);
    }
    seen.dedup();
    seen
}

/// Otherwise guesses would be free.
#[test]
fn charges_login_killed_after_ticket_is_compared() {
    assert_eq!(tries_after_kills(WRONG, |_| {}), [3, 2]);
}

/// A right ticket is also charged before it is compared.
#[test]
fn enrolls_with_right_ticket_after_killed_login() {
    let seen = tries_after_kills(&ticket(), |world| assert_enrolls(enrolling(world, &ticket())));
    assert_eq!(seen, [3, 2, 3]);
}

#[test]
fn charges_wrong_ticket_on_disk_before_next_prompt() {
    let world = world();
    let traced = trace(&world.newcomer("games").answer(WRONG), &["-e", "trace=pwrite64,fdatasync"]);
    let order: Vec<_> = traced.calls.iter().filter_map(|call| strace::name(call)).collect();
    assert_eq!(order[0], "pwrite64");
    assert!(order.contains(&"fdatasync"), "{order:?}");
}

#[test]
fn refuses_ticket_that_cannot_be_charged() {
    let failures =
        ["pwrite64:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EROFS", "fdatasync:error=EIO"];
    for failure in failures {
        let world = world();
        let inject = format!("inject={failure}:when=1+");
        let report = trace(&enrolling(&world, &ticket()), &["-e", &inject]).report;
        let seen = (report.code, report.field("reason"), report.log.len());
        assert_eq!(seen, (Some(PAM_AUTHINFO_UNAVAIL), "unavailable", 1), "{report:?}");
        assert_not_enrolled(&world);
    }
}

/// Otherwise the user could use the ticket again.
#[test]
fn grants_only_after_ticket_is_used_up_on_disk() {
    let calls = |world: &World| {
        let traced = trace(&enrolling(world, &ticket()), &[]);
        assert_eq!(traced.report.code, Some(PAM_SUCCESS), "{:?}", traced.report);
        traced.calls.iter().filter(|call| strace::name(call) == Some("fdatasync")).count()
    };
    let inject = format!("inject=fdatasync:error=EIO:when={}", calls(&world()));
    let world = world();
    let report = trace(&enrolling(&world, &ticket()), &["-e", &inject]).report;
    assert_eq!(
        (report.code, report.field("reason")),
        (Some(PAM_AUTHINFO_UNAVAIL), "unavailable"),
        "{report:?}"
    );
    assert!(world.secret_path("games").exists(), "the flush after the secret failed");
}

fn count(reports: &[Report], key: &str, value: &str) -> usize {
    let lines = reports.iter().flat_map(|report| &report.log);
    lines.filter(|line| line.field(key) == Some(value)).count()
}

#[test]
fn enrolls_one_of_20_concurrent_dialogues_with_same_ticket() {
    let world = world();
    let reports = release_together((0..20).map(|_| enrolling(&world, &ticket())));
    let enrolled = reports.iter().filter(|report| report.code == Some(PAM_SUCCESS)).count();
    assert_eq!((enrolled, count(&reports, "result", "enrolled")), (1, 1), "{reports:#?}");
    let refused = count(&reports, "reason", "enrolled-meanwhile") + count(&reports, "reason", "wrong-ticket");
    assert_eq!(refused, 19, "{reports:#?}");
    assert_eq!(world.state_of("games").ticket(), NONE);
}

#[test]
fn compares_three_of_60_concurrent_wrong_tickets() {
    let world = world();
    let reports = release_together((0..20).map(|_| world.newcomer("games").answers([WRONG; 3])));
    let compared = count(&reports, "cause", "wrong ticket");
    let dead = count(&reports, "cause", "the ticket was mistyped too often and is no longer valid");
    assert_eq!((compared, dead, tries(&world)), (3, 57, 0), "{reports:#?}");
}
