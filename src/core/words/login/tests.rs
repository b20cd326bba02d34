use super::*;
use crate::time::UnixTime;
use crate::verdict::{Mismatch, TicketFault};

const SHAPES: [Shape; 5] =
    [Shape::MayBeCode, Shape::Empty, Shape::TooShort, Shape::Digits(9), Shape::NotACode];

fn text(proof: Proof, recovery_left: Option<u8>) -> Option<String> {
    accepted(&Accepted { proof, recovery_left, clock: None, earlier: None })
}

fn code() -> Proof {
    Proof::Code { authenticator: "phone".to_owned(), offset: 0 }
}

#[test]
fn says_how_many_recovery_codes_are_left() {
    let few = "Recovery codes left: 2. For new ones, run 'twostep recovery'.";
    assert_eq!(text(code(), Some(2)).as_deref(), Some(few));
    assert_eq!([None, Some(3)].map(|left| text(code(), left)), [None, None]);
    let many = "Recovery code accepted. Unused codes left: 7.\nLost your phone? Run 'twostep replace'.";
    assert_eq!(text(Proof::RecoveryCode, Some(7)).as_deref(), Some(many));
    let none = "Recovery code accepted. Unused codes left: 0.\nFor new ones, run 'twostep recovery'.\n\
                Lost your phone? Run 'twostep replace'.";
    assert_eq!(text(Proof::RecoveryCode, Some(0)).as_deref(), Some(none));
}

#[test]
fn says_how_many_codes_were_refused_since_last_login() {
    use AttemptCounter::{Helper, Hosts};
    let last = Some(UnixTime::new(1_799_971_200 + 3600 * 14 + 182));
    let of = |refused, last, by| {
        let earlier = Some(EarlierFailures { refused, last, by, from: None });
        let accepted = Accepted { proof: code(), recovery_left: Some(1), clock: None, earlier };
        let text = granted(&accepted, &Refusals::default(), false).unwrap();
        text.strip_prefix("Recovery codes left: 1. For new ones, run 'twostep recovery'.\n")
            .unwrap()
            .to_owned()
    };
    let alarm = "If that was not you, change your password and tell your administrator.";
    let table = [
        (1, None, Hosts, "1 code was refused since your last login."),
        (20, last, Hosts, "20 codes were refused since your last login, last at 2027-01-15 14:03:02 UTC."),
        (20, last, Helper, "20 codes were refused at your own programs, last at 2027-01-15 14:03:02 UTC."),
    ];
    for (refused, last, by, text) in table {
        assert!(text.len() <= 77);
        assert_eq!(of(refused, last, by), format!("{text}\n{alarm}"));
    }
}

#[test]
fn says_where_last_refused_code_was_typed() {
    let of = |from| {
        let by = AttemptCounter::Hosts;
        let earlier = Some(EarlierFailures { refused: 1, last: None, by, from: Some(from) });
        let accepted = Accepted { proof: code(), recovery_left: None, clock: None, earlier };
        let text = granted(&accepted, &Refusals::default(), false).unwrap();
        text.lines().skip(1).take_while(|line| !line.starts_with("If ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(of(Origin::new("sshd", "192.0.2.7")), "The last one came by sshd from\n192.0.2.7.");
    assert_eq!(of(Origin::new("sudo", "")), "The last one was typed at this machine (sudo).");
}

#[test]
fn tells_clock_that_is_more_than_one_period_off() {
    let told = |clock| {
        granted(
            &Accepted { proof: code(), recovery_left: None, clock, earlier: None },
            &Refusals::default(),
            false,
        )
    };
    assert_eq!(told(None), None);
    assert_eq!(
        told(Some(-60)).as_deref(),
        Some("Your phone's clock is 1 minute slow. Set it to network time.")
    );
}

#[test]
fn shows_unknown_user_what_a_wrong_code_shows() {
    let wrong = || Denial::WrongCode { failures: 1, clock_offset: None };
    assert_eq!(denied(&wrong()), NOT_ACCEPTED);
    for other in [
        Denial::NotACode,
        Denial::RefusedBySshd,
        Denial::Replayed { failures: 1 },
        Denial::UnknownUser,
        Denial::NotEnrolled { cause: None },
        Denial::WrongRecoveryCode { failures: 1 },
        Denial::Concealed(Box::new(Denial::RecoveryDisabled { name: "ada".to_owned() })),
    ] {
        for shape in SHAPES {
            assert_eq!(refused(&other, shape), refused(&wrong(), shape), "{other:?} {shape:?}");
        }
    }
}

#[test]
fn says_when_lockout_ends_and_what_works_meanwhile() {
    let (now, until, name) = (UnixTime::new(100), UnixTime::new(130), || "ada".to_owned());
    let waiting = |alternative| denied(&Denial::Waiting { until, now, alternative });
    let try_again = "Too many wrong codes. Try again after 00:02:10 UTC (in 30 s).";
    assert_eq!(waiting(Alternative::None), try_again);
    assert_eq!(waiting(Alternative::RecoveryCode), format!("{try_again}\nA recovery code works now."));
    let disabled = denied(&Denial::Disabled { name: name(), alternative: Alternative::RecoveryCode });
    assert!(disabled.ends_with("'twostep unlock ada'.\nA recovery code works now."), "{disabled}");
    let anomaly = |ahead| {
        let (mark, alternative) = (now.plus(ahead), Alternative::None);
        denied(&Denial::ClockAnomaly { name: name(), mark, now, alternative })
    };
    assert!(anomaly(600).contains("set back. Try again after 00:11:40 UTC."));
    assert!(anomaly(601).contains("run\n'twostep unlock ada --reset-clock'."));
}

#[test]
fn does_not_say_what_is_wrong_with_ticket() {
    use TicketFault::{Dead, Expired, None, NotATicket, Wrong};
    for fault in [None, Expired, Dead, NotATicket] {
        assert_eq!(denied(&Denial::WrongTicket(fault)), denied(&Denial::WrongTicket(Wrong)));
    }
}

#[test]
fn says_how_to_repeat_enrollment() {
    let text = denied(&Denial::NotConfirmed(Mismatch::Codes));
    let expected = "The codes did not match the new key.\n\
                    Nothing was saved. Delete the new entry in your app,\nthen log in again.";
    assert_eq!(text, expected);
}

#[test]
fn reminds_of_keep_where_change_waits() {
    let accepted =
        Accepted { proof: Proof::RecoveryCode, recovery_left: Some(1), clock: None, earlier: None };
    let text = granted(&accepted, &Refusals::default(), true).unwrap();
    assert!(text.starts_with("Recovery code accepted.") && text.ends_with(AWAITS_KEEP), "{text}");
}
