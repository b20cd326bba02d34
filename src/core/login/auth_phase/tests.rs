use super::*;
use crate::login::account_line::AccountLineFault;
use crate::login::may_log_in::MayNotLogIn;
use crate::os::window::Window;
use crate::test_support::{
    Fake, GivenFact, Person, enrolled, misconfigured as wrong_policy, person, unavailable,
};
use crate::time::{Period, Step, UnixTime};
use crate::verdict::{Alternative, AttemptCounter, ClockOffset, EarlierFailures, Mismatch, PamCode};
use crate::words::login::{CODE_PROMPT, TICKET_PROMPT};

fn run(person: &mut Person, machine: &Fake) -> PamCode {
    authenticate(person, machine, &LineOptions::default()).pam_code()
}

const WRONG: Result<(), Denial> = Err(Denial::WrongCode { failures: 1, clock_offset: None });
const REFUSED: &str = "That code was not accepted. If you have just used it, wait for the next one;\n\
                       otherwise check the app's entry and your phone's clock.\nVerification code: ";
const TOO_SHORT: &str = "That is too short for a code. A code has 6 to 8 digits,\n\
                         a recovery code 16 letters and digits.\nVerification code: ";

#[test]
fn asks_again_after_wrong_code_and_logs_each_answer() {
    let mut ada = person("root", &["123456", "abc", "234567"]);
    assert_eq!(run(&mut ada, &enrolled(&[WRONG, Ok(())])), PamCode::Success);
    assert_eq!(ada.shown[..3], [CODE_PROMPT, REFUSED, TOO_SHORT]);
    let reasons = ["reason=wrong-code", "reason=not-a-code", "result=grant"];
    for (line, reason) in ada.log.iter().zip(reasons) {
        assert!(line.contains(reason), "{line}");
    }
    assert_eq!(ada.log.len(), 3);
}

#[test]
fn asks_no_more_after_the_last_try() {
    let mut ada = person("root", &["123456"; 9]);
    assert_eq!(run(&mut ada, &enrolled(&[WRONG, WRONG, WRONG])), PamCode::AuthErr);
    assert_eq!((ada.shown.len(), ada.log.len()), (3, 3));
}

#[test]
fn shows_unknown_and_unenrolled_users_the_same_as_enrolled() {
    let policy = "mode = \"mandatory\"\n[enrollment]\nservices = []";
    let mandatory = Fake { policy: Ok(policy), enrolled: Ok(false), ..enrolled(&[]) };
    let mut known = person("root", &["123456", "", "x", "1"]);
    let mut nobody = person("no such user", &["123456", "", "x", "1"]);
    let mut unenrolled = person("root", &["123456", "", "x", "1"]);
    assert_eq!(run(&mut known, &enrolled(&[WRONG])), PamCode::AuthErr);
    assert_eq!(run(&mut nobody, &mandatory), PamCode::AuthErr);
    assert_eq!(run(&mut unenrolled, &mandatory), PamCode::AuthErr);
    assert_eq!(known.shown, nobody.shown);
    assert_eq!(known.shown, unenrolled.shown);
    assert!(nobody.log[0].contains("user=? ") && nobody.log[0].contains("reason=unknown-user"));
    assert!(!nobody.log.join("").contains("no such user"));
}

/// sshd replaces the answers of users whom it refuses by junk of the same length.
#[test]
fn tells_no_more_of_answer_at_sshd_than_of_junk() {
    let at_sshd = |answer: &str| {
        let answer: &'static str = Box::leak(answer.to_owned().into_boxed_str());
        let mut ada = person("root", &[answer, ""]);
        ada.items.service = "sshd".to_owned();
        run(&mut ada, &enrolled(&[WRONG, WRONG]));
        ada.shown.remove(1)
    };
    for length in 0..=24 {
        let junk: String = "\x08\n\r\x7fINCORRECT".chars().cycle().take(length).collect();
        let told = at_sshd(&junk);
        for letters in ["1", "x", " ", "-", "12a", "1 ", "0123-4567-89AB-CDFZ"] {
            let answer: String = letters.chars().cycle().take(length).collect();
            assert_eq!(at_sshd(&answer), told, "{answer:?}");
        }
        assert_eq!(told == REFUSED, length >= 6, "{length}");
    }
}

#[test]
fn says_elsewhere_that_an_answer_is_no_code() {
    let table = [
        ("", "You typed nothing. Type the code that your app shows"),
        ("12345", "That is too short for a code."),
        ("123 456 789", "That is not a code: you typed 9 digits."),
        ("secret word", "That is not a code. A code has 6 to 8 digits,"),
        ("11223344", "That code was not accepted."), // the password
    ];
    for (answer, text) in table {
        let mut ada = person("root", &[answer, ""]);
        run(&mut ada, &enrolled(&[]));
        assert!(ada.shown[1].starts_with(text), "{answer:?}: {}", ada.shown[1]);
        assert!(ada.log[0].contains("reason=not-a-code"), "{:?}", ada.log);
    }
}

/// A wrong code that belongs to the step which begins then. The phone's clock is two minutes fast.
fn fast(begins: u64) -> Result<(), Denial> {
    let step = Step::at(UnixTime::new(begins), Period::DEFAULT);
    let clock_offset = Some(ClockOffset { authenticator: "phone".to_owned(), offset: 120, step });
    Err(Denial::WrongCode { failures: 1, clock_offset })
}

#[test]
fn tells_only_after_success_why_earlier_codes_were_refused() {
    let replayed = || Err(Denial::Replayed { failures: 1 });
    let used = "An earlier code was refused because it was already used.";
    let clock = "Your phone's clock is 2 minutes fast. Set it to network time.";
    let both = format!("[{used}\n{clock}]");
    let table: [(&[Result<(), Denial>], &str); 7] = [
        (&[WRONG, Ok(())], ""),
        (&[replayed(), Ok(())], &format!("[{used}]")),
        (&[fast(240), Ok(())], ""),
        (&[fast(240), fast(240), Ok(())], ""),
        (&[fast(240), fast(270), Ok(())], &format!("[{clock}]")),
        (&[fast(240), replayed(), fast(270), Ok(())], &both),
        (&[fast(240), fast(270), replayed(), replayed()], ""),
    ];
    for (verdicts, told) in table {
        let machine =
            Fake { policy: Ok("mode = \"opt-in\"\n[verification]\ntries = 4"), ..enrolled(verdicts) };
        let mut ada = person("root", &["123456"; 4]);
        run(&mut ada, &machine);
        let asked = ada.shown.iter().filter(|text| text.ends_with(CODE_PROMPT)).count();
        assert!(ada.shown[1..asked].iter().all(|text| text == REFUSED), "{:?}", ada.shown);
        assert_eq!(ada.shown[asked..].concat(), told, "{verdicts:?}");
    }
}

#[test]
fn tells_codes_refused_before_only_after_success() {
    let earlier = Some(EarlierFailures { refused: 3, last: None, by: AttemptCounter::Hosts, from: None });
    let text = "[3 codes were refused since your last login.\n\
                If that was not you, change your password and tell your administrator.]";
    let mut ada = person("root", &["123456"; 2]);
    run(&mut ada, &Fake { earlier, ..enrolled(&[WRONG, Ok(())]) });
    assert_eq!(ada.shown, [CODE_PROMPT, REFUSED, text]);
    let mut thief = person("root", &["123456"; 3]);
    run(&mut thief, &Fake { earlier, ..enrolled(&[WRONG, WRONG, WRONG]) });
    assert_eq!(thief.shown, [CODE_PROMPT, REFUSED, REFUSED]);
}

#[test]
fn returns_ignore_only_for_decision_of_policy() {
    let table = [
        // policy                     enrolled                                    code
        (Ok("mode = \"exempt\""), Err(unavailable("disk")), PamCode::Ignore),
        (Ok("mode = \"opt-in\""), Ok(false), PamCode::Ignore),
        (Ok("mode = \"opt-in\""), Err(unavailable("disk")), PamCode::AuthinfoUnavail),
        (Ok("mode = \"mandatory\""), Err(unavailable("disk")), PamCode::AuthinfoUnavail),
        (Err(wrong_policy("1:1: x")), Ok(false), PamCode::ServiceErr),
    ];
    for (policy, is_enrolled, code) in table {
        let machine = Fake { policy: policy.clone(), enrolled: is_enrolled, ..enrolled(&[]) };
        let mut ada = person("root", &[]);
        assert_eq!(run(&mut ada, &machine), code, "{policy:?}");
        assert_eq!(ada.log.len(), 1);
        assert!(!ada.shown.iter().any(|text| text.contains(CODE_PROMPT)), "nobody is asked");
    }
}

#[test]
fn shows_reason_for_lockout_in_one_more_prompt() {
    let waiting = Err(Denial::Waiting {
        until: UnixTime::new(60),
        now: UnixTime::new(33),
        alternative: Alternative::RecoveryCode,
    });
    let mut ada = person("root", &["123456"; 9]);
    assert_eq!(run(&mut ada, &enrolled(&[waiting.clone(), waiting])), PamCode::MaxTries);
    let text = "Too many wrong codes. Try again after 00:01:00 UTC (in 27 s).\nA recovery code works now.";
    assert_eq!(ada.shown, [CODE_PROMPT, &format!("{text}\n{CODE_PROMPT}"), &format!("[{text}]")]);
}

/// The denials of which a stranger must not learn.
fn lockouts() -> [Denial; 4] {
    let (name, now, alternative) = (|| "root".to_owned(), UnixTime::new(33), Alternative::RecoveryCode);
    let until = UnixTime::new(60);
    [
        Denial::Waiting { until, now, alternative },
        Denial::Disabled { name: name(), alternative },
        Denial::RecoveryDisabled { name: name() },
        Denial::ClockAnomaly { name: name(), mark: until, now, alternative },
    ]
}

#[test]
fn conceals_lockout_unless_a_first_factor_is_shown() {
    type Change = fn(&mut PamItems);
    let key: Change = |items| items.ssh_methods = Some("publickey ssh-ed25519 AAAA".to_owned());
    let sshd: Change = |items| items.service = "sshd".to_owned();
    let any = || LineOptions { first_factor: FirstFactor::Any, ..LineOptions::default() };
    // options, whether the stack shows it, items, whether the user reads of the lockout
    let table: [(LineOptions, bool, Change, bool); 7] = [
        (LineOptions::default(), true, |_| (), true),
        (LineOptions::default(), false, |_| (), false),
        (LineOptions::default(), false, sshd, false),
        (LineOptions::default(), false, key, true),
        (any(), false, |_| (), false),
        (forward_pass(), true, |_| (), false),
        (forward_pass(), false, |items| items.called_by_root = false, false),
    ];
    for denial in lockouts() {
        for (options, proves_first_factor, change, is_told) in &table {
            let attempt = |denied: &Denial| {
                let machine = Fake {
                    proves_first_factor: *proves_first_factor,
                    ..enrolled(&vec![Err(denied.clone()); 3])
                };
                let one = if options.question == LineQuestion::Code { "123456" } else { "secret123456" };
                let mut ada = person("root", &[one; 3]);
                change(&mut ada.items);
                let code = authenticate(&mut ada, &machine, options).pam_code();
                (code, ada.shown, ada.log)
            };
            let (wrong, locked) = (attempt(&WRONG.unwrap_err()), attempt(&denial));
            assert_eq!((&locked.0, &locked.1) != (&wrong.0, &wrong.1), *is_told, "{denial:?} {locked:?}");
            let reason = format!("reason={}", denial.outward().reason);
            assert!(locked.2.iter().all(|line| line.contains(&reason)), "{locked:?}");
        }
    }
}

#[test]
fn shows_reason_for_lockout_even_with_one_try() {
    let disabled = || Err(Denial::Disabled { name: "root".to_owned(), alternative: Alternative::None });
    let machine = Fake {
        policy: Ok("mode = \"opt-in\"\n[verification]\ntries = 1"),
        ..enrolled(&[disabled(), disabled()])
    };
    let mut ada = person("root", &["123456"; 9]);
    assert_eq!(run(&mut ada, &machine), PamCode::MaxTries);
    assert!(ada.shown[1].contains("'twostep unlock root'"));
    assert_eq!(ada.log.len(), 2);
}

#[test]
fn ends_conversation_on_error_without_its_cause() {
    let mut ada = person("root", &["123456"; 9]);
    let broken = Err(unavailable("/var/lib/x is damaged"));
    assert_eq!(run(&mut ada, &enrolled(&[broken])), PamCode::AuthinfoUnavail);
    assert_eq!(
        ada.shown,
        [CODE_PROMPT, "[Verification is unavailable. Ask your administrator to run 'twostep doctor'.]"]
    );
    assert!(ada.log[0].contains("cause=\"/var/lib/x is damaged\""));
}

#[test]
fn refuses_user_who_hangs_up() {
    let mut ada = person("root", &[]);
    assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::ConvErr);
    assert_eq!(ada.log.len(), 1);
}

#[test]
fn takes_password_never_for_code() {
    let mut ada = person("root", &["11223344"; 3]);
    ada.items.has_password = true;
    assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::AuthErr);
    assert!(ada.log.iter().all(|line| line.contains("reason=not-a-code") && !line.contains("1122")));
}

#[test]
fn recognises_answer_that_sshd_has_replaced() {
    let mut ada = person("root", &["\x08\n\r\x7fIN", "\x08\n\r\x7fINCORRECT\x08\n", "\x08\n\r\x7fINCORRECt"]);
    ada.items.service = "sshd".to_owned();
    ada.items.has_password = true;
    assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::AuthErr);
    assert_eq!(ada.shown, [CODE_PROMPT, REFUSED, REFUSED]);
    let reasons = ["reason=refused-by-sshd", "reason=refused-by-sshd", "reason=not-a-code"];
    for (line, reason) in ada.log.iter().zip(reasons) {
        assert!(line.contains(reason), "{line}");
    }
}

#[test]
fn requires_sign_of_first_factor_in_sshd() {
    use FirstFactor::{Any, Method, PasswordOrMethod};
    let key = || Method("publickey".to_owned());
    let table = [
        // service, tty, password, methods, argument                                 admitted
        ("login", "tty1", false, None, PasswordOrMethod, true),
        ("sshd", "ssh", false, None, PasswordOrMethod, false),
        ("sshd", "ssh", false, Some(""), PasswordOrMethod, false),
        ("sshd", "ssh", true, None, PasswordOrMethod, true),
        ("sshd", "ssh", false, Some("publickey ssh-ed25519 AAAA"), PasswordOrMethod, true),
        ("sshd", "ssh", false, None, Any, true),
        ("renamed", "ssh", false, None, PasswordOrMethod, false),
        ("renamed", "", false, Some(""), PasswordOrMethod, false),
        ("sshd", "ssh", true, None, key(), false),
        ("sshd", "ssh", false, Some("password"), key(), false),
        ("sshd", "ssh", false, Some("publickeyish x"), key(), false),
        ("sshd", "ssh", false, Some("publickey ssh-ed25519 AAAA\n"), key(), true),
        ("sshd", "ssh", false, Some("gssapi-with-mic\npublickey ssh-rsa AAAA"), key(), true),
        ("login", "tty1", true, None, key(), false),
    ];
    for (service, tty, has_password, methods, argument, admitted) in table {
        let mut ada = person("root", &[]);
        ada.items = PamItems {
            service: service.to_owned(),
            tty: tty.to_owned(),
            has_password,
            ssh_methods: methods.map(str::to_owned),
            ..ada.items
        };
        let exempt = Fake { policy: Ok("mode = \"exempt\""), ..enrolled(&[]) };
        let options = LineOptions { first_factor: argument.clone(), ..LineOptions::default() };
        let code = authenticate(&mut ada, &exempt, &options).pam_code();
        let expected = if admitted { PamCode::Ignore } else { PamCode::AuthErr };
        assert_eq!(code, expected, "{service} {tty} {has_password} {methods:?} {argument:?}");
    }
}

#[test]
fn requires_second_step_and_logs_why_when_groups_are_lost() {
    let policy = "mode = \"opt-in\"\n[enrollment]\nservices = []\n[[rule]]\nname = \"g\"\ngroups = [\"lost\"]\nmode = \"exempt\"";
    let machine = Fake { policy: Ok(policy), enrolled: Ok(false), ..enrolled(&[]) };
    let mut ada = person("root", &["1", "2", "3"]);
    assert_eq!(run(&mut ada, &machine), PamCode::AuthErr);
    assert!(ada.log[0].starts_with(
        "remark=\"the look-up of a user's groups failed: LDAP is down; treating rules with groups as mandatory\""
    ));
    assert!(ada.log[1].ends_with("reason=not-enrolled rule=g"), "{}", ada.log[1]);
}

#[test]
fn takes_stricter_decision_of_two_names_of_account() {
    let rule = |condition: &str, mode: &str| {
        let text = format!("mode = \"opt-in\"\n[[rule]]\nname = \"r\"\n{condition}\nmode = \"{mode}\"");
        Box::leak(text.into_boxed_str()) as &'static str
    };
    let table = [
        ("users = [\"toor\"]", "mandatory", PamCode::AuthErr),
        ("users = [\"root\"]", "mandatory", PamCode::AuthErr),
        ("groups = [\"wheel\"]", "mandatory", PamCode::AuthErr),
        ("users = [\"nobody\"]", "mandatory", PamCode::Ignore),
    ];
    for (condition, mode, code) in table {
        let machine = Fake { policy: Ok(rule(condition, mode)), enrolled: Ok(false), ..enrolled(&[]) };
        assert_eq!(run(&mut person("toor", &["1"; 51]), &machine), code, "{condition}");
    }
    let exempt =
        Fake { policy: Ok(rule("users = [\"toor\"]", "exempt")), ..enrolled(&[WRONG, WRONG, WRONG]) };
    assert_eq!(run(&mut person("toor", &["123456"; 3]), &exempt), PamCode::AuthErr);
}

/// The name service answers ROOT with root, root@other with another user, and Root not at all.
#[test]
fn applies_rule_to_known_and_unknown_spellings() {
    let policy = |mode: &str, listed: &str, other: &str| {
        let text = format!(
            "mode = \"{other}\"\n[enrollment]\nservices = []\n[[rule]]\nname = \"named\"\nmode = \"{mode}\"\nusers = [\"{listed}\"]"
        );
        Box::leak(text.into_boxed_str()) as &'static str
    };
    let table = [
        ("mandatory", "ROOT", "opt-in", PamCode::AuthErr, 0),
        ("mandatory", "Root", "opt-in", PamCode::AuthErr, 1),
        ("mandatory", "root@other", "opt-in", PamCode::Ignore, 0),
        ("mandatory", "roots", "opt-in", PamCode::Ignore, 0),
        ("exempt", "ROOT", "mandatory", PamCode::Ignore, 0),
        ("exempt", "Root", "mandatory", PamCode::AuthErr, 1),
        ("exempt", "root@other", "mandatory", PamCode::AuthErr, 0),
    ];
    for (mode, listed, other, code, doubts) in table {
        let machine = Fake { policy: Ok(policy(mode, listed, other)), enrolled: Ok(false), ..enrolled(&[]) };
        let mut root = person("root", &["1", "2", "3"]);
        assert_eq!(run(&mut root, &machine), code, "{mode} {listed}");
        let doubt = "there is no user 'Root'; applying rules that name them only where they are stricter";
        assert_eq!(root.log.iter().filter(|line| line.contains(doubt)).count(), doubts, "{:?}", root.log);
    }
}

fn forward_pass() -> LineOptions {
    LineOptions { question: LineQuestion::PasswordAndCode, ..LineOptions::default() }
}

/// One answer at a program that can ask only one question, before the line that asks for the password.
fn forward(person: &mut Person, machine: &Fake) -> PamCode {
    person.items.has_password = false;
    authenticate(person, machine, &forward_pass()).pam_code()
}

const BOTH: &str = "(hidden) Password and verification code: ";

#[test]
fn splits_one_hidden_answer_and_hands_the_password_on() {
    let table: [(&str, &[u8], &str, &[u8]); 5] = [
        ("secret123456", &[6], "123456", b"secret"),
        ("secret1212345678", &[6, 8], "12345678", b"secret12"),
        ("secret99123456", &[6], "123456", b"secret99"),
        ("123456", &[6], "123456", b""),
        ("my secret 0123-4567-89ab-cdfz", &[6], "0123-4567-89AB-CDFZ", b"my secret"),
    ];
    for (answer, lengths, code, password) in table {
        let machine = Fake { code_lengths: Ok(lengths.to_vec()), ..enrolled(&[Ok(())]) };
        let mut ada = person("root", &[answer, "never asked for"]);
        assert_eq!(forward(&mut ada, &machine), PamCode::Success, "{answer}");
        assert_eq!((&ada.shown[..], ada.handed_on.as_deref()), (&[BOTH.to_owned()][..], Some(password)));
        assert_eq!(machine.judged.take(), [code]);
        assert!(matches!(ada.handoff, Some(Handoff { kind: HandoffKind::Passed, .. })));
        assert_eq!(ada.log.len(), 1);
        assert!(ada.log[0].contains("result=grant") && !ada.log[0].contains("secret"), "{:?}", ada.log);
    }
}

#[test]
fn asks_refused_user_once_and_hands_nothing_on() {
    let disk = || unavailable("disk");
    let waiting = Denial::Waiting {
        until: UnixTime::new(60),
        now: UnixTime::new(33),
        alternative: Alternative::RecoveryCode,
    };
    let unsure = Fake { enrolled: Err(disk()), ..enrolled(&[]) };
    let damaged = Fake { code_lengths: Err(disk()), ..enrolled(&[]) };
    let broken = Fake { policy: Err(wrong_policy("1:1: x")), ..enrolled(&[]) };
    let newcomer = Fake { policy: Ok(MANDATORY), ..newcomer() };
    let table = [
        ("root", "secret123456", enrolled(&[WRONG]), "reason=wrong-code", PamCode::AuthErr, 1),
        ("root", "secret", enrolled(&[]), "reason=not-a-code", PamCode::AuthErr, 1),
        ("root", "", enrolled(&[]), "reason=not-a-code", PamCode::AuthErr, 1),
        ("root", "secret123456", enrolled(&[Err(waiting)]), "reason=locked", PamCode::AuthErr, 1),
        ("root", "secret123456", enrolled(&[Err(disk())]), "cause=disk", PamCode::AuthinfoUnavail, 2),
        ("root", "secret123456", damaged, "cause=disk", PamCode::AuthinfoUnavail, 1),
        ("root", "secret123456", unsure, "cause=disk", PamCode::AuthinfoUnavail, 1),
        ("root", "secret123456", broken, "reason=misconfigured", PamCode::ServiceErr, 1),
        ("root", "secret123456", newcomer, "reason=not-enrolled", PamCode::AuthErr, 1),
        ("no such user", "secret123456", enrolled(&[]), "reason=unknown-user", PamCode::AuthErr, 1),
    ];
    for (user, answer, machine, reason, code, texts) in table {
        let mut ada = person(user, &[answer; 3]);
        assert_eq!(forward(&mut ada, &machine), code, "{reason}");
        assert_eq!((ada.shown.len(), ada.log.len()), (texts, 1), "{reason} {:?} {:?}", ada.shown, ada.log);
        assert!(ada.log[0].contains(reason) && !ada.log[0].contains("secret"), "{:?}", ada.log);
        assert!(ada.handed_on.is_none() && ada.handoff.is_none(), "{reason}");
    }
}

#[test]
fn shows_unknown_and_unenrolled_the_same_question() {
    let mandatory = || Fake { policy: Ok(MANDATORY), ..newcomer() };
    let [mut known, mut nobody, mut unenrolled] =
        ["root", "no such user", "root"].map(|user| person(user, &["secret123456"; 3]));
    let codes = [
        forward(&mut known, &enrolled(&[WRONG])),
        forward(&mut nobody, &mandatory()),
        forward(&mut unenrolled, &mandatory()),
    ];
    assert_eq!(codes, [PamCode::AuthErr; 3]);
    assert_eq!((&known.shown, &known.shown), (&nobody.shown, &unenrolled.shown));
    assert_eq!(known.shown, [BOTH]);
}

#[test]
fn logs_why_one_question_enrolls_nobody() {
    let mut ada = person("root", &["secret123456", "338314", "254676"]);
    let machine = Fake { policy: Ok(MANDATORY), ..newcomer() };
    // Otherwise a password that an earlier line asked for would be enough.
    assert_eq!(authenticate(&mut ada, &machine, &forward_pass()).pam_code(), PamCode::AuthErr);
    assert_eq!(ada.shown, [BOTH]);
    assert!(ada.log[0].contains("forward_pass allows one question"), "{:?}", ada.log);
    assert!(ada.handoff.is_none() && !ada.pending && machine.stored.borrow().is_empty());
}

#[test]
fn asks_exempt_users_no_question() {
    let exempt = Fake { policy: Ok("mode = \"exempt\""), ..enrolled(&[]) };
    for machine in [exempt, Fake { policy: Ok(OPT_IN), ..newcomer() }] {
        let mut ada = person("root", &["secret123456"]);
        assert_eq!(forward(&mut ada, &machine), PamCode::Ignore);
        assert!(ada.shown.is_empty() && ada.handed_on.is_none());
    }
}

#[test]
fn refuses_password_of_earlier_line_as_code() {
    let mut ada = person("root", &["11223344"]);
    let machine = enrolled(&[]);
    assert_eq!(authenticate(&mut ada, &machine, &forward_pass()).pam_code(), PamCode::AuthErr);
    assert!(ada.log[0].contains("reason=not-a-code"), "{:?}", ada.log);
    assert!(machine.judged.borrow().is_empty() && ada.handed_on.is_none());
}

#[test]
fn refuses_if_libpam_keeps_no_password_or_handoff() {
    for (keeps, hands_on) in [(false, true), (true, false)] {
        let mut ada = Person { keeps, hands_on, ..person("root", &["secret123456"]) };
        assert_eq!(forward(&mut ada, &enrolled(&[Ok(())])), PamCode::AuthinfoUnavail);
        assert!(ada.handed_on.is_none() && ada.handoff.is_none());
        assert!(ada.log.iter().all(|line| line.contains("result=deny")), "{:?}", ada.log);
    }
}

#[test]
fn requires_first_factor_for_one_question_in_sshd() {
    for (methods, code) in [(None, PamCode::AuthErr), (Some("publickey ssh-ed25519 AAAA"), PamCode::Success)]
    {
        let mut ada = person("root", &["secret123456"]);
        ada.items.service = "sshd".to_owned();
        ada.items.ssh_methods = methods.map(str::to_owned);
        assert_eq!(forward(&mut ada, &enrolled(&[Ok(())])), code);
        assert_eq!(ada.shown.contains(&BOTH.to_owned()), methods.is_some());
    }
    let mut ada = person("root", &["\x08\n\r\x7fINCORRECT\x08"]);
    ada.items.service = "sshd".to_owned();
    ada.items.ssh_methods = Some("publickey ssh-ed25519 AAAA".to_owned());
    assert_eq!(forward(&mut ada, &enrolled(&[])), PamCode::AuthErr);
    assert!(ada.log[0].contains("reason=refused-by-sshd"), "{:?}", ada.log);
}

const MANDATORY: &str = "mode = \"mandatory\"\n[enrollment]\nrecovery-codes = 0";
/// Codes of the key that this test machine makes, at steps 4 and 5.
const CODES: [&str; 2] = ["338314", "254676"];

const OPT_IN: &str = "mode = \"opt-in\"\n[enrollment]\nrecovery-codes = 0";
const LATER: &str =
    "mode = \"opt-in\"\n[[rule]]\nname = \"later\"\nmode = \"mandatory\"\nstarts = 2027-01-15";

#[test]
fn enrolls_required_user_if_opt_in_but_not_if_exempt() {
    let machine = Fake { policy: Ok(OPT_IN), required: Ok(true), ..newcomer() };
    let mut ada = person("root", &["338314", "254676"]);
    assert_eq!(authenticate(&mut ada, &machine, &LineOptions::default()), Verdict::Enrolling);
    assert!(ada.log[0].ends_with("rule=default required-by=administrator"), "{:?}", ada.log);

    let mut ada = person("root", &[]);
    let exempting = Fake { policy: Ok("mode = \"exempt\""), required: Ok(true), ..newcomer() };
    assert_eq!(run(&mut ada, &exempting), PamCode::Ignore);

    let lost = unavailable("the state cannot be read");
    let unsure = Fake { policy: Ok(OPT_IN), required: Err(lost), ..newcomer() };
    assert_eq!(run(&mut person("root", &[]), &unsure), PamCode::AuthinfoUnavail);
}

#[test]
fn lets_unenrolled_user_in_before_start_day_and_announces_it() {
    let mut ada = person("root", &[]);
    assert_eq!(run(&mut ada, &Fake { policy: Ok(LATER), ..newcomer() }), PamCode::Ignore);
    assert_eq!(ada.shown.len(), 1);
    assert!(
        ada.shown[0].starts_with("[From 2027-01-15 on, a second step is required here"),
        "{:?}",
        ada.shown
    );

    let mut ada = person("root", &["123456"]);
    let prepared = Fake { policy: Ok(LATER), ..enrolled(&[Ok(())]) };
    assert_eq!(run(&mut ada, &prepared), PamCode::Success);
    assert_eq!(ada.shown, [CODE_PROMPT], "who is enrolled notices nothing");
}

#[test]
fn counts_first_factor_from_sshd_or_an_earlier_password() {
    let policy = "mode = \"mandatory\"\n[[rule]]\nname = \"key\"\nfirst-factor = [\"publickey\"]\nmode = \"exempt\"\n\
                      [[rule]]\nname = \"typed\"\nfirst-factor = [\"password\"]\nmode = \"exempt\"\n\
                      [[rule]]\nname = \"asked\"\nfirst-factor = [\"keyboard-interactive\"]\nmode = \"exempt\"";
    let table = [
        (Some("publickey ssh-ed25519 AAAA"), true, "rule=key"),
        (Some("password"), false, "rule=typed"),
        (None, true, "rule=typed"),
        (Some("hostbased publickey"), false, "rule=default"),
        (Some("keyboard-interactive/pam"), false, "rule=asked"),
    ];
    for (methods, has_password, expected) in table {
        let mut ada = person("root", &["123456"]);
        ada.items.service = "sshd".to_owned();
        ada.items.ssh_methods = methods.map(str::to_owned);
        ada.items.has_password = has_password;
        run(&mut ada, &Fake { policy: Ok(policy), ..enrolled(&[Ok(())]) });
        assert!(ada.log[0].ends_with(expected), "{:?}", ada.log);
    }
}

fn newcomer() -> Fake {
    Fake { policy: Ok(MANDATORY), enrolled: Ok(false), ..enrolled(&[]) }
}

#[test]
fn enrolls_mandatory_newcomer_and_stores_nothing_yet() {
    let machine = newcomer();
    let mut ada = person("root", &CODES);
    assert_eq!(run(&mut ada, &machine), PamCode::Success);
    assert!(ada.pending && machine.stored.borrow().is_empty());
    assert_eq!(ada.log, ["result=enrolling user=root service=login rhost=\"\" tty=\"\" rule=default"]);
    let left = ada.handoff.unwrap();
    assert_eq!((left.uid, left.name.as_str(), left.service.as_str()), (0, "root", "login"));
    let HandoffKind::Enrolling(enrollment) = left.kind else { panic!("not kept") };
    assert_eq!((enrollment.label(), enrollment.mark), ("phone", UnixTime::new(150)));
}

#[test]
fn shows_no_key_if_login_cannot_enroll() {
    type Change = fn(&mut PamItems);
    let table: [(&str, Change, &str); 7] = [
        (MANDATORY, |items| items.has_password = false, "nothing shows that a first factor was proved"),
        (
            "mode = \"exempt\"\n[[rule]]\nname = \"a\"\ngroups = [\"lost\"]\nmode = \"opt-in\"",
            |_| (),
            "a look-up of groups or names failed",
        ),
        (
            "mode = \"opt-in\"\n[[rule]]\nname = \"a\"\nusers = [\"Root\"]\nmode = \"mandatory\"",
            |_| (),
            "a look-up of groups or names failed",
        ),
        (MANDATORY, |items| items.service = "sudo".to_owned(), ""),
        (MANDATORY, |items| items.silent = true, "PAM_SILENT"),
        (MANDATORY, |items| items.called_by_root = false, "a program that the user started"),
        ("mode = \"mandatory\"\n[enrollment]\nperiod = 60", |_| (), "a period of 60 s"),
    ];
    for (policy, change, cause) in table {
        let machine = Fake { policy: Ok(policy), ..newcomer() };
        let mut ada = person("root", &["1", "2", "3"]);
        change(&mut ada.items);
        assert_eq!(run(&mut ada, &machine), PamCode::AuthErr);
        assert_eq!(ada.shown, [CODE_PROMPT, TOO_SHORT, TOO_SHORT]);
        let told = |line: &String| line.contains("reason=not-enrolled") && line.contains(cause);
        assert!(ada.log.iter().any(told), "{:?}", ada.log);
        assert!(ada.handoff.is_none() && !ada.pending);
    }
}

/// Otherwise a stack of pam_twostep alone would let the first stranger choose the second factor of any user.
#[test]
fn enrolls_without_first_factor_only_if_line_says_any() {
    let any = LineOptions { first_factor: FirstFactor::Any, ..LineOptions::default() };
    for (service, expected) in [("login", Verdict::Enrolling.pam_code()), ("sshd", PamCode::AuthErr)] {
        let mut ada = person("root", &["338314", "254676", "3"]);
        ada.items.has_password = false;
        ada.items.service = service.to_owned();
        assert_eq!(authenticate(&mut ada, &newcomer(), &any).pam_code(), expected, "{service}");
    }
}

#[test]
fn enrolls_nobody_if_account_line_may_be_skipped() {
    let machine =
        Fake { account_phase: Err(AccountLineFault::Missing { service: "login".to_owned() }), ..newcomer() };
    let mut ada = person("root", &["1", "2", "3"]);
    assert_eq!(run(&mut ada, &machine), PamCode::AuthErr);
    assert_eq!(ada.shown, [CODE_PROMPT, TOO_SHORT, TOO_SHORT]);
    assert!(ada.log[0].contains("cause=\"cannot enroll here: no pam_twostep account line"), "{}", ada.log[0]);
}

#[test]
fn enrolls_nobody_who_may_not_log_in() {
    let machine = Fake { may_log_in: Err(MayNotLogIn::Expired("root".to_owned())), ..newcomer() };
    let mut ada = person("root", &["1", "2", "3"]);
    assert_eq!(run(&mut ada, &machine), PamCode::AuthErr);
    assert_eq!(ada.shown, [CODE_PROMPT, TOO_SHORT, TOO_SHORT]);
    assert!(ada.log[0].contains("cause=\"cannot enroll here: the account has expired"), "{}", ada.log[0]);
    let enrolled = Fake { may_log_in: Err(MayNotLogIn::Expired("root".to_owned())), ..enrolled(&[Ok(())]) };
    assert_eq!(
        run(&mut person("root", &["123456"]), &enrolled),
        PamCode::Success,
        "that is others' to refuse"
    );
}

#[test]
fn tells_each_program_how_to_ask() {
    let cause_of = |service: &str, question| {
        let mut ada = person("root", &[]);
        ada.items.service = service.to_owned();
        let options = LineOptions { question, ..LineOptions::default() };
        authenticate(&mut ada, &enrolled(&[]), &options);
        ada.log.pop().unwrap()
    };
    let table = [
        ("sshd", LineQuestion::Code, "KbdInteractiveAuthentication", "forward_pass"),
        ("vsftpd", LineQuestion::Code, "'auth required pam_twostep.so forward_pass'", "sshd_config"),
        ("vsftpd", LineQuestion::PasswordAndCode, "does not ask for PAM", "forward_pass"),
    ];
    for (service, question, said, unsaid) in table {
        let line = cause_of(service, question);
        assert!(line.contains(said) && !line.contains(unsaid), "{service} {question:?}: {line}");
    }
}

#[test]
fn enrolls_at_renamed_sshd_only_if_the_policy_names_it() {
    let mut ada = person("root", &["1", "2", "3"]);
    ada.items =
        PamItems { service: "renamed".to_owned(), has_password: true, tty: "ssh".to_owned(), ..ada.items };
    assert_eq!(run(&mut ada, &newcomer()), PamCode::AuthErr);
    assert_eq!(ada.shown[0], CODE_PROMPT);
}

#[test]
fn refuses_unconfirmed_enrollment_with_reason_in_prompt() {
    let mut ada = person("root", &["000000"; 51]);
    assert_eq!(run(&mut ada, &newcomer()), PamCode::AuthErr);
    let text = words::denied(&Denial::NotConfirmed(Mismatch::Codes));
    assert_eq!(ada.shown[50..], [format!("{text}\nPress Enter to disconnect: ")]);
    assert!(ada.log[1].contains("reason=not-confirmed"));
    assert!(ada.handoff.is_none() && !ada.pending);
}

/// login(1) has the user's terminal as its standard input; sshd has not.
#[test]
fn shows_in_enrollment_what_terminal_of_login_can_show() {
    let window = Some(Window { columns: 80, rows: 19 });
    let shown = |screen: Screen, change: fn(&mut PamItems)| {
        let mut ada = Person { screen, ..person("root", &[]) };
        change(&mut ada.items);
        run(&mut ada, &newcomer());
        ada.shown.remove(0)
    };
    let small = Screen { window, ..Screen::UNKNOWN };
    let text = shown(small, |items| items.time_left = Some(59));
    assert!(
        text.starts_with("A second step is required here.\nThis login ends in 59 s.\nYour window is 80x19")
    );
    assert!(!text.contains('▀') && shown(Screen::UNKNOWN, |_| ()).contains('▀'));
    assert!(!shown(Screen { picture: false, ..Screen::UNKNOWN }, |_| ()).contains('▀'));
    let sshd = shown(small, |items| items.service = "sshd".to_owned());
    assert!(sshd.starts_with("A second step is required here. Type t for text only.\nScan"), "{sshd}");
    assert!(sshd.contains('▀'));
}

#[test]
fn shows_no_key_without_ticket() {
    let policy = "mode = \"mandatory\"\n[enrollment]\nrequire-ticket = true\nrecovery-codes = 0";
    let machine = || Fake { policy: Ok(policy), ..newcomer() };
    let mut thief = person("root", &["", "0000-0000-0000-0000", "x", CODES[0], CODES[1]]);
    assert_eq!(run(&mut thief, &machine()), PamCode::AuthErr);
    assert!(thief.shown.iter().all(|text| text.ends_with(TICKET_PROMPT)), "{:?}", thief.shown);
    let reasons = |reason: &str| thief.log.iter().filter(|line| line.contains(reason)).count();
    assert_eq!((reasons("reason=not-a-ticket"), reasons("reason=wrong-ticket")), (2, 1));
    let mut forgetful = person("root", &["9999-9999-9999-9999"]);
    run(&mut forgetful, &machine());
    assert!(forgetful.log[0].contains("reason=not-a-ticket"), "that is the password: {:?}", forgetful.log);
    let mut ada = person("root", &["x", "0w3g-e1r7-0w3g-e1r7", CODES[0], CODES[1]]);
    assert_eq!(run(&mut ada, &machine()), PamCode::Success);
    let Some(Handoff { kind: HandoffKind::Enrolling(enrollment), .. }) = ada.handoff else {
        panic!("not kept")
    };
    assert!(enrollment.ticket.is_some());
}

#[test]
fn refuses_if_handoff_cannot_be_kept() {
    let table = [
        (OPT_IN, &["123456"][..], enrolled(&[Ok(())])),
        (OPT_IN, &[], newcomer()),
        (MANDATORY, &CODES, newcomer()),
    ];
    for (policy, answers, machine) in table {
        let mut ada = Person { keeps: false, ..person("root", answers) };
        let code = run(&mut ada, &Fake { policy: Ok(policy), ..machine });
        assert_eq!(code, PamCode::AuthinfoUnavail, "{policy} {answers:?}");
        let told = |result: &str| ada.log.iter().any(|line| line.contains(result));
        assert!(told("result=deny") && !told("result=grant") && !told("result=exempt"), "{:?}", ada.log);
    }
}

#[test]
fn drops_earlier_handoff_if_line_is_wrong() {
    let mut ada = person("root", &CODES);
    run(&mut ada, &newcomer());
    assert!(ada.pending && ada.handoff.is_some());
    let refused = misconfigured(&mut ada, &newcomer(), GivenFact("nullok"));
    assert_eq!(refused.pam_code(), PamCode::ServiceErr);
    assert!(!ada.pending && ada.handoff.is_none());
}

#[test]
fn drops_handoff_of_earlier_login_at_start() {
    for (policy, service) in [(MANDATORY, "login"), ("mode = \"exempt\"", "login"), (MANDATORY, "sudo")] {
        let mut ada = person("root", &CODES);
        run(&mut ada, &newcomer());
        assert!(ada.pending);
        ada.items.service = service.to_owned();
        run(&mut ada, &Fake { policy: Ok(policy), ..newcomer() });
        assert!(!ada.pending);
        assert!(!matches!(ada.handoff, Some(Handoff { kind: HandoffKind::Enrolling(_), .. })));
    }
}

#[test]
fn leaves_handoff_on_success_and_none_on_refusal() {
    let mut ada = person("root", &["123456"]);
    run(&mut ada, &enrolled(&[Ok(())]));
    assert!(matches!(ada.handoff, Some(Handoff { kind: HandoffKind::Passed, .. })));
    let mut ada = person("root", &["123456"; 3]);
    run(&mut ada, &enrolled(&[WRONG, WRONG, WRONG]));
    assert!(ada.handoff.is_none());
}
