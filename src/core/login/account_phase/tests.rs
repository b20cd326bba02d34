use super::*;
use crate::login::application::PamItems;
use crate::login::auth_phase::{LineOptions, authenticate};
use crate::proof::code::LongCode;
use crate::proof::ticket::Ticket;
use crate::test_support::{
    Fake, GivenFact, Person, enrolled, misconfigured as wrong_policy, person, unavailable,
};
use crate::time::UnixTime;
use crate::verdict::PamCode;

const MANDATORY: &str = "mode = \"mandatory\"\n[enrollment]\nrecovery-codes = 0";
const CODES: [&str; 2] = ["338314", "254676"];

fn newcomer() -> Fake {
    Fake { policy: Ok(MANDATORY), enrolled: Ok(false), ..enrolled(&[]) }
}

/// A user at login(1) whose auth phase is over, with an enrollment pending.
fn pending() -> Person {
    let mut ada = person("root", &CODES);
    authenticate(&mut ada, &newcomer(), &LineOptions::default());
    assert!(ada.pending);
    ada.log.clear();
    ada.shown.clear();
    ada
}

fn code(admitted: Result<(), Denial>) -> Option<PamCode> {
    admitted.err().map(|denial| denial.outward().code)
}

#[test]
fn stores_pending_enrollment_once_and_tells_user() {
    let (mut ada, machine) = (pending(), newcomer());
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert_eq!((machine.stored.borrow().len(), ada.pending), (1, false));
    assert_eq!(ada.shown, [format!("[{}]", words::login::ENROLLED)]);
    assert!(ada.log[0].starts_with("result=enrolled user=root service=login"), "{:?}", ada.log);
    assert_eq!(check_not_pending(&mut ada), Ok(()));
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert_eq!(machine.stored.borrow().len(), 1, "it serves once");
}

#[test]
fn denies_second_enrollment_with_its_reason() {
    let mut ada = pending();
    let first = Fake { policy: Ok(MANDATORY), ..enrolled(&[]) };
    assert_eq!(code(admit(&mut ada, &first)), Some(PamCode::PermDenied));
    assert!(ada.shown[0].contains("enrolled by another login") && ada.pending);
    assert!(ada.log[0].contains("reason=enrolled-meanwhile"));
}

#[test]
fn stores_no_handoff_of_another_account_or_service() {
    let changes: [fn(&mut Person); 4] = [
        |ada| ada.items.user = Some("daemon".to_owned()),
        |ada| ada.items.service = "sshd".to_owned(),
        |ada| ada.handoff.as_mut().unwrap().name = "toor".to_owned(),
        |ada| ada.handoff.as_mut().unwrap().uid = 1,
    ];
    for change in changes {
        let (mut ada, machine) = (pending(), newcomer());
        change(&mut ada);
        assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::AuthinfoUnavail));
        assert!(machine.stored.borrow().is_empty());
        assert_eq!(code(check_not_pending(&mut ada)), Some(PamCode::CredErr));
    }
}

#[test]
fn refuses_setcred_while_pending_and_names_line_to_move() {
    let mut ada = pending();
    ada.items.service = "sshd".to_owned();
    assert_eq!(code(check_not_pending(&mut ada)), Some(PamCode::CredErr));
    assert!(
        ada.log[0].contains("reason=not-stored") && ada.log[0].contains("/etc/pam.d/sshd"),
        "{:?}",
        ada.log
    );
}

#[test]
fn refuses_login_that_skipped_mandatory_step() {
    let (refused, passes) = (Some(PamCode::PermDenied), None);
    let table = [
        // service, tty, methods      policy                                           expected
        ("sshd", "ssh", Some(""), MANDATORY, refused),
        ("renamed", "ssh", None, MANDATORY, refused),
        ("renamed", "", Some(""), MANDATORY, refused),
        ("sshd", "ssh", Some(""), "mode = \"opt-in\"", passes),
        ("sshd", "ssh", Some(""), "mode = \"exempt\"", passes),
        ("sshd", "ssh", Some(""), "mode = \"mandatory\"\n[gate]\nservices = []", passes),
        ("sshd", "ssh", Some(""), "mode = \"mandatory\"\n[gate]\nservices = [\"login\"]", passes),
        ("login", "tty1", None, "mode = \"mandatory\"\n[gate]\nservices = [\"login\"]", refused),
        ("login", "tty1", None, MANDATORY, passes),
        ("cron", "cron", None, MANDATORY, passes),
        ("sudo", "/dev/pts/1", None, MANDATORY, passes),
        ("systemd-user", "", None, MANDATORY, passes),
    ];
    for (service, tty, methods, policy, expected) in table {
        let mut ada = person("root", &[]);
        ada.items.service = service.to_owned();
        ada.items.tty = tty.to_owned();
        ada.items.ssh_methods = methods.map(str::to_owned);
        let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut ada, &machine)), expected, "{service} {tty} {policy}");
        let told = expected.is_some();
        assert_eq!(ada.shown.iter().any(|text| text.contains("AuthenticationMethods")), told);
        assert_eq!(ada.log.iter().any(|line| line.contains("reason=second-step-skipped")), told);
    }
}

/// A user who reaches the account phase of sshd with a key alone.
fn by_key() -> Person {
    let mut ada = person("root", &[]);
    ada.items = PamItems { service: "sshd".to_owned(), ssh_methods: Some(String::new()), ..ada.items };
    ada
}

#[test]
fn refuses_login_that_skipped_required_step() {
    for (policy, expected) in [("mode = \"opt-in\"", Some(PamCode::PermDenied)), ("mode = \"exempt\"", None)]
    {
        let machine = Fake { policy: Ok(policy), required: Ok(true), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut by_key(), &machine)), expected, "{policy}");
    }
    let lost = Err(unavailable("the state cannot be read"));
    let machine = Fake { required: lost, ..enrolled(&[]) };
    assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::AuthinfoUnavail));
}

#[test]
fn exempts_nobody_for_key_that_sshd_does_not_name() {
    let policy =
        "mode = \"mandatory\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"exempt\"";
    let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
    assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied));
    let mut ada = by_key();
    ada.items.ssh_methods = Some("publickey ssh-ed25519 AAAA".to_owned());
    assert_eq!(admit(&mut ada, &machine), Ok(()), "where sshd says so, it does");
    let policy =
        "mode = \"opt-in\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"mandatory\"";
    let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
    assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied), "and it may be one");
}

#[test]
fn applies_first_factor_rule_when_factor_is_unknown() {
    let policy =
        "mode = \"exempt\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"mandatory\"";
    let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
    assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied));
    let mut ada = by_key();
    ada.items.ssh_methods = Some("password".to_owned());
    assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::PermDenied), "the last method is not listed");
}

#[test]
fn refuses_unknown_user_in_account_phase() {
    let mut nobody = by_key();
    nobody.items.user = Some("no such user".to_owned());
    assert_eq!(code(admit(&mut nobody, &newcomer())), Some(PamCode::AuthErr));
}

#[test]
fn stores_nothing_after_a_wrong_line_and_setcred_refuses() {
    let (mut ada, machine) = (pending(), newcomer());
    let denial = misconfigured(&mut ada, &machine, GivenFact("nullok"));
    assert_eq!(denial.outward().code, PamCode::ServiceErr);
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert!(machine.stored.borrow().is_empty());
    assert_eq!(code(check_not_pending(&mut ada)), Some(PamCode::CredErr));
}

#[test]
fn announces_start_day_to_users_without_second_step() {
    let policy = "mode = \"opt-in\"\n[[rule]]\nname = \"later\"\nmode = \"mandatory\"\nstarts = 2027-01-15";
    for (is_enrolled, told) in [(false, 1), (true, 0)] {
        let mut ada = by_key();
        let machine = Fake { policy: Ok(policy), enrolled: Ok(is_enrolled), ..enrolled(&[]) };
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert_eq!(ada.shown.iter().filter(|text| text.contains("From 2027-01-15 on")).count(), told);
    }
}

const OPT_IN: &str = "mode = \"opt-in\"";

fn unasked(ada: &Person) -> usize {
    ada.log.iter().filter(|line| line.starts_with("result=unasked user=root service=sshd")).count()
}

#[test]
fn logs_once_that_enrolled_user_was_not_asked() {
    let (mut ada, machine) = (by_key(), Fake { policy: Ok(OPT_IN), ..enrolled(&[]) });
    for _ in 0..3 {
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert_eq!((unasked(&ada), ada.log.len()), (1, 1), "{:?}", ada.log);
    }
    assert!(ada.log[0].contains("AuthenticationMethods") && ada.log[0].ends_with(" rule=default"));
    assert!(ada.shown.is_empty() && machine.stored.borrow().is_empty());
    authenticate(&mut ada, &machine, &LineOptions::default());
    assert_eq!(admit(&mut ada, &machine), Ok(()), "the next login on the same handle");
    assert_eq!(unasked(&ada), 2);
}

#[test]
fn logs_no_user_who_was_asked_or_is_exempt() {
    let exempt = "mode = \"exempt\"";
    let elsewhere = "mode = \"opt-in\"\n[gate]\nservices = [\"login\"]";
    for (policy, is_enrolled) in [(OPT_IN, false), (exempt, true), (elsewhere, true)] {
        let mut ada = by_key();
        let machine = Fake { policy: Ok(policy), enrolled: Ok(is_enrolled), ..enrolled(&[]) };
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert!(ada.log.is_empty(), "{policy}: {:?}", ada.log);
    }
    let mut ada = person("root", &["123456"]);
    ada.items.service = "sshd".to_owned();
    let machine = Fake { policy: Ok(OPT_IN), ..enrolled(&[Ok(())]) };
    authenticate(&mut ada, &machine, &LineOptions::default());
    ada.log.clear();
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert!(ada.log.is_empty(), "{:?}", ada.log);
}

#[test]
fn refuses_user_let_in_before_when_obligation_begins() {
    let (mut ada, machine) = (by_key(), Fake { policy: Ok(OPT_IN), ..enrolled(&[]) });
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    let stricter = Fake { policy: Ok(MANDATORY), ..enrolled(&[]) };
    assert_eq!(code(admit(&mut ada, &stricter)), Some(PamCode::PermDenied));
}

#[test]
fn lets_unasked_user_in_if_store_is_unreadable() {
    let lost = || Err(unavailable("/x is damaged"));
    for policy in
        [OPT_IN, "mode = \"opt-in\"\n[[rule]]\nname = \"l\"\nmode = \"mandatory\"\nstarts = 2027-01-15"]
    {
        let (mut ada, machine) = (by_key(), Fake { policy: Ok(policy), enrolled: lost(), ..enrolled(&[]) });
        assert_eq!(admit(&mut ada, &machine), Ok(()), "{policy}");
        assert!(
            ada.log[0].starts_with("remark=\"let in without a code") && ada.log[0].contains("/x is damaged")
        );
        let mut cannot_keep = Person { keeps: false, ..by_key() };
        assert_eq!(admit(&mut cannot_keep, &Fake { policy: Ok(policy), ..enrolled(&[]) }), Ok(()));
        assert_eq!(unasked(&cannot_keep), 1);
    }
}

#[test]
fn logs_modules_after_enrollment_that_may_refuse() {
    let (mut ada, machine) =
        (pending(), Fake { account_phase: Ok(&["pam_access.so", "pam_time.so"]), ..newcomer() });
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert!(ada.log[0].ends_with(" before=pam_access.so,pam_time.so"), "{:?}", ada.log);
}

#[test]
fn admits_by_code_or_exemption_for_this_login_only() {
    let opened = || {
        let mut ada = person("root", &["123456"]);
        ada.items = PamItems { service: "sshd".to_owned(), has_password: true, ..ada.items };
        let machine = Fake { policy: Ok(MANDATORY), ..enrolled(&[Ok(())]) };
        authenticate(&mut ada, &machine, &LineOptions::default());
        (ada, machine)
    };
    let (mut ada, machine) = opened();
    assert_eq!(admit(&mut ada, &machine), Ok(()));
    assert_eq!(admit(&mut ada, &machine), Ok(()), "applications may ask again");
    let (mut ada, machine) = opened();
    ada.items.user = Some("daemon".to_owned());
    assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::PermDenied));
}

#[test]
fn counts_no_proof_of_another_user_at_any_service() {
    let mut ada = person("root", &["123456"]);
    let machine = Fake { policy: Ok(MANDATORY), ..enrolled(&[Ok(())]) };
    authenticate(&mut ada, &machine, &LineOptions::default());
    ada.items.user = Some("daemon".to_owned());
    assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::PermDenied));
}

#[test]
fn heeds_change_by_administrator_during_dialogue() {
    for change in ["services = []", "require-ticket = true"] {
        let policy = format!("mode = \"mandatory\"\n[enrollment]\n{change}").leak();
        let (mut ada, machine) = (pending(), Fake { policy: Ok(policy), ..newcomer() });
        assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::AuthinfoUnavail), "{change}");
        assert!(machine.stored.borrow().is_empty());
        assert_eq!(code(check_not_pending(&mut ada)), Some(PamCode::CredErr));
    }
}

#[test]
fn stores_nothing_long_after_ticket_expired() {
    let expires = UnixTime::new(1000);
    for (now, expected) in [(1599, None), (1600, Some(PamCode::AuthErr))] {
        let (mut ada, machine) = (pending(), Fake { now: UnixTime::new(now), ..newcomer() });
        let handoff = ada.handoff.as_mut().unwrap();
        let HandoffKind::Enrolling(enrollment) = &mut handoff.kind else { panic!("nothing is pending") };
        enrollment.ticket = Some(Ticket::issue(&LongCode::new(Fake::TICKET), 0, expires));
        assert_eq!(code(admit(&mut ada, &machine)), expected, "{now}");
        assert_eq!(machine.stored.borrow().len(), usize::from(expected.is_none()));
    }
}

#[test]
fn denies_every_user_if_policy_is_broken() {
    for service in ["sshd", "cron"] {
        let mut ada = person("root", &[]);
        ada.items.service = service.to_owned();
        let machine = Fake { policy: Err(wrong_policy("1:1: x")), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::ServiceErr));
    }
}
