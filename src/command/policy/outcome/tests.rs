use twostep_doctor::login::pam::MissingFile;

use super::*;

const ENROLLS: Asked = Asked::Enrollment(Newcomer::Enrolls);
const REFUSED: Asked = Asked::Enrollment(Newcomer::IsRefused);

fn pam() -> PamService {
    PamService {
        missing: None,
        file: Some("/etc/pam.d/sshd".to_owned()),
        is_lost: false,
        has_auth_line: true,
        has_account_line: true,
        demands: None,
    }
}

fn facts(asked: Asked, mode: Mode, pam: &PamService) -> Facts<'_> {
    Facts {
        service: "sshd",
        asked,
        mode,
        mode_at_gate: mode,
        is_gate: true,
        enrolls: true,
        can_enroll: true,
        pam: Some(pam),
        ssh: None,
        methods: None,
    }
}

fn end(asked: Asked, mode: Mode, pam: &PamService) -> Asked {
    Outcome::of(&facts(asked, mode, pam)).asked
}

#[test]
fn ends_as_lines_of_service_have_it() {
    let (code, mandatory) = (Asked::Code, Mode::Mandatory);
    let no_auth_line = PamService { has_auth_line: false, ..pam() };
    let no_lines = PamService { has_account_line: false, ..PamService { has_auth_line: false, ..pam() } };
    let no_account_line = PamService { has_account_line: false, ..pam() };
    let lost = PamService { is_lost: true, ..pam() };
    let no_file = PamService { file: None, ..pam() };
    let key = PamService { demands: Some("publickey".to_owned()), ..pam() };
    let table = [
        (code, mandatory, &pam(), code),
        (ENROLLS, mandatory, &pam(), ENROLLS),
        (code, mandatory, &no_auth_line, Asked::Refused),
        (code, Mode::OptIn, &no_auth_line, Asked::Unasked),
        (Asked::Nothing, Mode::Exempt, &no_auth_line, Asked::Nothing),
        (code, mandatory, &no_lines, Asked::Unasked),
        (code, mandatory, &no_account_line, code),
        (code, mandatory, &lost, Asked::Refused),
        (code, mandatory, &no_file, Asked::Refused),
        (code, mandatory, &key, code),
    ];
    for (asked, mode, pam, expected) in table {
        assert_eq!(end(asked, mode, pam), expected, "{asked:?} {mode:?}");
    }
}

#[test]
fn newcomer_is_refused_where_account_lines_are_not_certain() {
    let pam = pam();
    let uncertain = |asked| Facts { can_enroll: false, ..facts(asked, Mode::Mandatory, &pam) };
    let outcome = Outcome::of(&uncertain(ENROLLS));
    assert_eq!((outcome.asked, outcome.notes), (REFUSED, vec![words::cannot_enroll("sshd")]));
    assert_eq!(Outcome::of(&uncertain(Asked::Code)).asked, Asked::Code);
}

#[test]
fn line_that_demands_key_refuses_password() {
    let pam = PamService { demands: Some("publickey".to_owned()), ..pam() };
    let proves = |methods: &[&str]| {
        let methods = methods.iter().copied().collect();
        let facts = Facts { methods: Some(&methods), ..facts(Asked::Code, Mode::Mandatory, &pam) };
        Outcome::of(&facts).asked
    };
    assert_eq!(proves(&["password"]), Asked::Refused);
    assert_eq!(proves(&["publickey"]), Asked::Code);
}

#[test]
fn sshd_may_end_login_before_any_line() {
    let (pam, no_account_line) = (pam(), PamService { has_account_line: false, ..pam() });
    let ended = |reach, asked, mode, pam| {
        let ssh = Ok(SshWays { ways: vec!["password".to_owned()], reach });
        Outcome::of(&Facts { ssh: Some(&ssh), ..facts(asked, mode, pam) }).asked
    };
    let (code, mandatory, opt_in) = (Asked::Code, Mode::Mandatory, Mode::OptIn);
    let table = [
        (Reach::Asks, code, mandatory, &pam, code),
        (Reach::Unknown, code, mandatory, &pam, code),
        (Reach::Skips, code, mandatory, &pam, Asked::Refused),
        (Reach::Skips, code, mandatory, &no_account_line, Asked::Unasked),
        (Reach::Skips, code, opt_in, &pam, Asked::Unasked),
        (Reach::Skips, Asked::Nothing, Mode::Exempt, &pam, Asked::Nothing),
        (Reach::WithoutPam, code, mandatory, &pam, Asked::Unasked),
        (Reach::NoWay, Asked::Nothing, Mode::Exempt, &pam, Asked::Refused),
        (Reach::CannotAsk, code, mandatory, &pam, Asked::Refused),
        (Reach::CannotAsk, Asked::NothingBeforeEnrollment, opt_in, &pam, Asked::NothingBeforeEnrollment),
        (Reach::CannotAsk, Asked::Nothing, Mode::Exempt, &pam, Asked::Nothing),
    ];
    for (reach, asked, mode, pam, expected) in table {
        assert_eq!(ended(reach, asked, mode, pam), expected, "{reach:?} {asked:?} {mode:?}");
    }
}

#[test]
fn gate_that_policy_does_not_name_refuses_nobody() {
    let pam = PamService { has_auth_line: false, ..pam() };
    let facts = Facts { is_gate: false, ..facts(Asked::Code, Mode::Mandatory, &pam) };
    assert_eq!(Outcome::of(&facts).asked, Asked::Unasked);
}

#[test]
fn gate_judges_without_methods() {
    let pam = PamService { has_auth_line: false, ..pam() };
    let exempt_by_key = Facts { mode_at_gate: Mode::Mandatory, ..facts(Asked::Nothing, Mode::Exempt, &pam) };
    assert_eq!(Outcome::of(&exempt_by_key).asked, Asked::Refused);
}

#[test]
fn says_what_was_not_read() {
    let pam = pam();
    let whole = facts(Asked::Code, Mode::Mandatory, &pam);
    let outcome = Outcome::of(&Facts { pam: None, ..whole });
    assert_eq!((outcome.asked, outcome.notes), (Asked::Code, vec![words::PAM_HIDDEN.to_owned()]));
    let ssh = Err(Unread::NotRoot);
    let outcome = Outcome::of(&Facts { ssh: Some(&ssh), ..facts(Asked::Code, Mode::Mandatory, &pam) });
    assert_eq!((outcome.asked, outcome.notes), (Asked::Code, vec![words::SSHD_HIDDEN.to_owned()]));
}

#[test]
fn names_service_that_was_meant() {
    let missing =
        MissingFile { path: "/etc/pam.d/ssh".to_owned(), meant: Some("sshd".to_owned()), is_refused: false };
    let pam = PamService { missing: Some(missing), has_auth_line: false, has_account_line: false, ..pam() };
    let notes = Outcome::of(&facts(Asked::Code, Mode::OptIn, &pam)).notes;
    let said = [
        words::no_file("/etc/pam.d/ssh"),
        words::did_you_mean("sshd"),
        words::no_auth_line("/etc/pam.d/sshd"),
    ];
    assert_eq!(notes, said);
}
