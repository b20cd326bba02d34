use std::collections::BTreeSet;

use twostep_core::time::Day;

use super::*;

fn access(service: &str) -> ServiceAccess {
    ServiceAccess {
        service: service.to_owned(),
        file: Some(format!("/etc/pam.d/{service}")),
        own_file: true,
        sshd: service == SSHD,
        code: Code::Asks,
        auth_line: Some(true),
        account_line: Some(true),
        required: Some(false),
        rules: Some(vec![default(Mode::OptIn)]),
        missing: Vec::new(),
        problems: 0,
        warnings: 0,
        findings: BTreeSet::new(),
    }
}

fn default(mode: Mode) -> Clause {
    Clause {
        rule: "default".to_owned(),
        line: 2,
        mode,
        starts: None,
        until: None,
        users: Vec::new(),
        groups: Vec::new(),
        origin: None,
        from: Vec::new(),
        first_factor: Vec::new(),
    }
}

fn rule(name: &str, mode: Mode) -> Clause {
    Clause { rule: name.to_owned(), ..default(mode) }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn shown(services: Vec<ServiceAccess>) -> String {
    let services = Services {
        complete: true,
        services,
        other_problems: 0,
        other_warnings: 0,
        visibility: Visibility::Whole,
    };
    text_of(&services)
}

fn text_of(services: &Services) -> String {
    let line = |line: &Line| line.iter().map(|(_, text)| text.as_str()).collect::<String>() + "\n";
    lines(services).iter().map(line).collect()
}

#[test]
fn shows_row_for_each_service() {
    let none = ServiceAccess {
        code: Code::AsksForNone,
        auth_line: Some(false),
        account_line: Some(false),
        missing: vec![Missing::AuthLine],
        warnings: 1,
        ..access("su")
    };
    let other = ServiceAccess {
        sshd: true,
        code: Code::CanBeBypassed,
        missing: vec![Missing::AccountLine, Missing::CodeAfterKey],
        problems: 2,
        ..access("ssh-corp")
    };
    assert_eq!(
        shown(vec![access("login"), other, none]),
        "SERVICE          CODE             FOR WHOM  WHAT IS MISSING\n\
         login            asks             opt-in    -\n\
         ssh-corp (sshd)  can be bypassed  opt-in    no pam_twostep account line; sshd accepts a key alone; \
         2 problems: see 'twostep doctor'\n\
         su               asks for none    opt-in    no pam_twostep line: run 'twostep enable su'; \
         1 warning: see 'twostep doctor'\n"
    );
}

#[test]
fn says_below_table_what_it_does_not_show() {
    let services = Services {
        complete: false,
        services: Vec::new(),
        other_problems: 1,
        other_warnings: 2,
        visibility: Visibility::Public,
    };
    assert_eq!(
        text_of(&services),
        "No PAM service lets users log in.\n\n\
         Not about one service: 1 problem, 2 warnings. Run 'twostep doctor'.\n\
         Some of this needs root (sshd's effective settings, sudoers):\nrun 'sudo twostep services'.\n"
    );
}

#[test]
fn says_for_whom_in_words_of_policy() {
    let day = Day::new(2027, 3, 1);
    let admins = Clause {
        groups: names(&["ops", "wheel"]),
        origin: Some("remote"),
        starts: Some(day),
        ..rule("admins", Mode::Mandatory)
    };
    let some = Clause {
        users: names(&["a", "b", "c", "d", "e", "f"]),
        from: names(&["192.0.2.0/24"]),
        first_factor: names(&["publickey"]),
        ..rule("some", Mode::OptIn)
    };
    let lan = Clause { from: names(&["192.0.2.0/24"]), until: Some(day), ..rule("lan", Mode::Exempt) };
    let table = [
        (vec![default(Mode::Mandatory)], "mandatory"),
        (vec![rule("all", Mode::Mandatory)], "mandatory by rule 'all'"),
        (
            vec![lan, admins, default(Mode::OptIn)],
            "exempt by rule 'lan' until 2027-03-01; mandatory from 2027-03-01 on for groups ops, wheel with origin remote; else \
             opt-in",
        ),
        (
            vec![some, default(Mode::Exempt)],
            "opt-in for users a, b, c, d and 2 more from 192.0.2.0/24 with first-factor publickey; else exempt",
        ),
    ];
    for (rules, expected) in table {
        assert_eq!(whom(&ServiceAccess { rules: Some(rules), ..access("su") }), expected);
    }
    assert_eq!(whom(&ServiceAccess { rules: None, ..access("su") }), "unknown");
}

#[test]
fn service_cannot_begin_row_of_its_own() {
    let hostile = access("x\nsshd  asks \u{1b}[2K\u{9b}\u{202e}");
    let hostile = ServiceAccess { rules: Some(vec![rule("r\nsu  asks", Mode::Mandatory)]), ..hostile };
    let text = shown(vec![hostile]);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("x?sshd  asks ?[2K??  asks"), "{text}");
}

#[test]
fn tells_by_colour_what_is_wrong() {
    let good = access("su");
    let tones = [
        (ServiceAccess { ..access("su") }, Tone::Good),
        (ServiceAccess { problems: 1, ..access("su") }, Tone::Doubtful),
        (ServiceAccess { code: Code::AsksForNone, ..access("su") }, Tone::Doubtful),
        (ServiceAccess { code: Code::AsksForNone, required: Some(true), ..access("su") }, Tone::Bad),
        (ServiceAccess { code: Code::CanBeBypassed, ..access("su") }, Tone::Bad),
        (ServiceAccess { code: Code::RefusesEverybody, ..access("su") }, Tone::Bad),
        (ServiceAccess { code: Code::Exempt, ..access("su") }, Tone::Plain),
        (ServiceAccess { code: Code::Unknown, ..access("su") }, Tone::Doubtful),
    ];
    for (service, expected) in tones {
        let rows = table(std::slice::from_ref(&service));
        let cell = (expected, code(service.code).to_owned());
        assert_eq!(rows[1][1], cell);
    }
    assert_eq!(table(&[good])[0][0].0, Tone::Heading);
}
