use std::fs;

use super::*;
use crate::proof::code::LongCode;
use crate::proof::recovery::RecoveryCodes;
use crate::proof::state::Requirement;
use crate::proof::totp::Algorithm;
use crate::store::files::Store;
use crate::test_support::{Scratch, ada, phone};
use crate::time::Period;

const NOW: UnixTime = UnixTime::new(100);

/// An empty store, and the status of ada in it.
struct Site(Scratch, Store);

impl Site {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(&format!("status-{name}"));
        let store = scratch.store();
        Self(scratch, store)
    }

    fn status(&self) -> Status {
        Status::of(self.1.snapshot(7), Some(&ada()), NOW)
    }

    fn create_credential(&self, name: &str) {
        let tablet = Authenticator::new(
            "tablet".to_owned(),
            &[7; 32],
            Algorithm::SHA256,
            8,
            Period::new(60).unwrap(),
            Some(NOW),
        );
        let authenticators = vec![phone("phone"), tablet.unwrap()];
        let credential = Credential { uid: 7, name: name.to_owned(), id: String::new(), authenticators };
        assert!(self.1.create_credential(&credential).unwrap());
    }

    fn create_state(&self, state: State) {
        assert!(self.1.create_state(7, state).unwrap());
    }
}

fn state() -> State {
    State::new("ada", UnixTime::new(60))
}

#[test]
fn reads_what_it_has_written() {
    let failures = |codes| Failures { codes, recovery: 1, recovery_disabled: codes > 9, last: 77 };
    let device = |label: &str, enrolled| AuthenticatorSummary {
        label: label.to_owned(),
        algorithm: "SHA1".to_owned(),
        digits: 6,
        period: 30,
        enrolled,
    };
    let whole = Status {
        enrolled: true,
        problem: Some("\"odd\" \\ words\u{7f}".to_owned()),
        authenticators: vec![device("phone", Some(5)), device("tablet \"two\"", None)],
        state: Some(StateSummary {
            mark: 1_800_000_000,
            required: true,
            required_since: Some(6),
            recovery_left: Some(3),
            ticket_until: Some(9),
            hosts: failures(2),
            helper: failures(20),
            granted: Some(Occasion { at: UnixTime::new(7), from: Origin::OWN_PROGRAM }),
            refused: Some(Occasion { at: UnixTime::new(8), from: Origin::new("ss\"hd", "192.0.2.7") }),
        }),
    };
    for status in [whole, Status::default()] {
        assert_eq!(Status::parse(&status.to_toml()).unwrap(), status);
    }
    assert!(Status::parse("enrolled = 1").is_err());
}

#[test]
fn says_nothing_of_user_without_record() {
    assert_eq!(Site::new("nothing").status(), Status::default());
}

#[test]
fn says_what_is_stored() {
    let site = Site::new("stored");
    site.create_credential("ada");
    let recovery = RecoveryCodes { salt: [1; 16], hashes: [[9; 16]; 16] };
    let tried = Some(Occasion { at: UnixTime::new(91), from: Origin::new("sshd", "192.0.2.7") });
    let granted = Some(Occasion { at: UnixTime::new(80), from: Origin::new("sudo", "") });
    let hosts = Count { codes: 2, recovery: 1, last: UnixTime::new(90), tried };
    let helper = Count { codes: 5, recovery: 0, last: UnixTime::new(95), ..Count::NONE };
    let requirement = Some(Requirement { since: Some(UnixTime::new(70)) });
    site.create_state(State { hosts, helper, recovery, requirement, granted, ..state() });
    let device = |label: &str, algorithm: &str, digits, period, enrolled| AuthenticatorSummary {
        label: label.to_owned(),
        algorithm: algorithm.to_owned(),
        digits,
        period,
        enrolled,
    };
    let expected = Status {
        enrolled: true,
        problem: None,
        authenticators: vec![
            device("phone", "SHA1", 6, 30, None),
            device("tablet", "SHA256", 8, 60, Some(100)),
        ],
        state: Some(StateSummary {
            mark: 60,
            required: true,
            required_since: Some(70),
            recovery_left: Some(16),
            ticket_until: None,
            hosts: Failures { codes: 2, recovery: 1, recovery_disabled: false, last: 90 },
            helper: Failures { codes: 5, recovery: 0, recovery_disabled: false, last: 95 },
            granted,
            refused: tried,
        }),
    };
    assert_eq!(site.status(), expected);
    let summary = expected.state.unwrap();
    let untold = Count { tried: None, ..hosts };
    assert_eq!((summary.hosts.count(), summary.helper.count()), (untold, helper));
}

#[test]
fn says_until_when_a_ticket_can_be_used() {
    let table = [(101, 3, Some(101)), (101, 1, Some(101)), (100, 3, None), (99, 3, None), (101, 0, None)];
    let issued = Ticket::issue(&LongCode::new([8; 10]), 7, NOW);
    for (expires, tries, until) in table {
        let ticket = Some(Ticket { expires: UnixTime::new(expires), tries, ..issued });
        let summary = StateSummary::of(&State { ticket, ..state() }, NOW);
        assert_eq!(summary.ticket_until, until, "until {expires}, {tries} tries");
    }
}

#[test]
fn says_where_recovery_codes_are_disabled() {
    let failed = |recovery| Count { codes: 0, recovery, last: NOW, ..Count::NONE };
    let of = StateSummary::of(&State { hosts: failed(99), helper: failed(100), ..state() }, NOW);
    assert_eq!((of.hosts.recovery_disabled, of.helper.recovery_disabled), (false, true));
}

#[test]
fn tells_credential_of_another_account_as_a_problem() {
    let site = Site::new("other-credential");
    site.create_credential("eve");
    site.create_state(state());
    let status = site.status();
    let problem = status.problem.unwrap();
    assert!(problem.starts_with("the secret of uid 7 belongs to 'eve' (uid 7)"), "{problem}");
    assert_eq!((status.enrolled, status.authenticators.len(), status.state), (true, 2, None));
    let unknown = Status::of(site.1.snapshot(7), None, NOW);
    assert_eq!((unknown.problem, unknown.state.is_some()), (None, true), "whose account is not known");
}

#[test]
fn tells_state_of_another_account_as_a_problem() {
    let site = Site::new("other-state");
    site.create_state(State { name: "eve".to_owned(), ..state() });
    let status = site.status();
    assert!(status.problem.unwrap().contains("belongs to 'eve'"));
    assert_eq!((status.enrolled, status.state.unwrap().mark), (false, 60));
    assert_eq!(Status::of(site.1.snapshot(7), None, NOW).problem, None);
}

/// A user who may be enrolled must not be shown as not enrolled.
#[test]
fn takes_account_for_enrolled_if_its_credential_cannot_be_read() {
    let site = Site::new("unreadable");
    let path = site.0.0.join("var/lib/twostep/users/7.toml");
    site.create_credential("ada");
    fs::write(&path, "version = 9").unwrap();
    let status = site.status();
    assert_eq!((status.enrolled, status.authenticators.len()), (true, 0));
    assert!(status.problem.unwrap().contains("7.toml"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let status = site.status();
    assert!(status.enrolled && status.problem.is_some(), "it is not even a file");
}
