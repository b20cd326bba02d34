use super::*;
use crate::proof::totp::Algorithm;

fn error(text: &str) -> String {
    Policy::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn shortest_policy_has_every_default() {
    let policy = Policy::parse(b"version = 1\nmode = \"opt-in\"\n").unwrap();
    assert_eq!(policy.verification, Verification { skew_steps: 1, tries: 3, lockout_after: 20 });
    assert_eq!((policy.enrollment, policy.gate), (Enrollment::default(), Gate::default()));
}

#[test]
fn reads_every_key_of_verification() {
    let text = "version = 1\nmode = \"mandatory\"\n[verification]\nskew-steps = 0\ntries = 10\nlockout-after = 100\n";
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(policy.verification, Verification { skew_steps: 0, tries: 10, lockout_after: 100 });
}

#[test]
fn reads_every_key_of_enrollment_and_gate() {
    let text = "version = 1\nmode = \"mandatory\"\n[gate]\nservices = []\n[enrollment]\nservices = [\"login\"]\n\
                require-ticket = true\nissuer = \"Example Corp\"\nalgorithm = \"SHA256\"\ndigits = 8\nperiod = 60\n\
                codes = 1\nrecovery-codes = 0\n";
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let expected = Enrollment {
        services: vec!["login".to_owned()],
        require_ticket: true,
        issuer: Some("Example Corp".to_owned()),
        algorithm: Algorithm::SHA256,
        digits: 8,
        period: Period::new(60).unwrap(),
        codes: 1,
        codes_line: Some(12),
        recovery_codes: 0,
    };
    assert_eq!((policy.enrollment, policy.gate), (expected, Gate { services: Vec::new() }));
}

#[test]
fn reports_mistake_with_position_and_uses_no_default() {
    let head = "version = 1\nmode = \"opt-in\"\n";
    let table = [
        ("skew-step = 3\n", "3:1: unknown key 'skew-step', expected"),
        ("[verification]\nskew-step = 3\n", "4:1: unknown key 'skew-step', expected"),
        ("[verification]\nskew-steps = 4\n", "4:14: 4 is out of range: 0 to 3"),
        ("[verification]\nskew-steps = -1\n", "4:14: -1 is out of range"),
        ("[verification]\nskew-steps = \"1\"\n", "4:14: expected an integer, found a string"),
        ("[verification]\ntries = 0\n", "4:9: 0 is out of range: 1 to 10"),
        ("[verification]\nlockout-after = 101\n", "4:17: 101 is out of range: 3 to 100"),
        ("mode = \"exempt\"\n", "3:1: duplicate key"),
        ("[enrollment]\nticket = true\n", "4:1: unknown key 'ticket'"),
        ("[enrollment]\nrequire-ticket = 1\n", "4:18: expected true or false, found an integer"),
        ("[enrollment]\nservices = [\"\"]\n", "4:13: an empty name matches nothing"),
        ("[enrollment]\nissuer = \"\"\n", "4:10: the issuer must have 1 to 64"),
        ("[enrollment]\nissuer = \"a\\u001bb\"\n", "4:10: the issuer must have 1 to 64"),
        (
            "[enrollment]\nalgorithm = \"MD5\"\n",
            "4:13: unknown value 'MD5', expected 'SHA1', 'SHA256' or 'SHA512'",
        ),
        ("[enrollment]\ndigits = 5\n", "4:10: 5 is out of range: 6 to 8"),
        ("[enrollment]\nperiod = 15\n", "4:10: the period must be 30 or 60 seconds, not 15"),
        ("[enrollment]\nperiod = -30\n", "4:10: -30 is out of range: 0 or more"),
        ("[enrollment]\ncodes = 0\n", "4:9: 0 is out of range: 1 to 2"),
        ("[enrollment]\ncodes = 3\n", "4:9: 3 is out of range: 1 to 2"),
        ("[enrollment]\nrecovery-codes = 17\n", "4:18: 17 is out of range: 0 to 16"),
        ("[gate]\nservice = [\"sshd\"]\n", "4:1: unknown key 'service', expected 'services'"),
        ("[gate]\nservices = [\"sudo\", \"SSHD\"]\n", "4:21: PAM service names are lower case: write 'sshd'"),
        (
            "[[rule]]\nname = \"a\"\nmode = \"mandatory\"\nservices = [\"Sudo\"]\n",
            "6:13: PAM service names are lower case: write 'sudo'",
        ),
        ("[gate]\nservices = \"sshd\"\n", "4:12: expected a list, found a string"),
        ("[[rule]]\nmode = \"exempt\"\n", "3:1: missing key 'name'"),
        ("[[rule]]\nname = \"a\"\n", "3:1: missing key 'mode'"),
        ("[[rule]]\nname = \"\"\nmode = \"exempt\"\n", "4:8: the name of a rule must not be empty"),
        ("[[rule]]\nname = \"default\"\nmode = \"exempt\"\n", "4:8: a rule must not be called 'default'"),
        ("[[rule]]\nname = \"a\"\nmode = \"off\"\n", "5:8: unknown value 'off'"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nusers = []\n", "6:9: an empty list matches nothing"),
        (
            "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nusers = \"ada\"\n",
            "6:9: expected a list, found a string",
        ),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfrom = [\"host\"]\n", "6:9: 'host' is not an address"),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuser = [\"ada\"]\n", "6:1: unknown key 'user'"),
        (
            "[[rule]]\nname = \"a\"\nmode = \"exempt\"\norigin = \"lan\"\n",
            "6:10: unknown value 'lan', expected 'local' or 'remote'",
        ),
        (
            "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = \"2027-01-01\"\n",
            "6:9: expected a date, found a string",
        ),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = 2027-02-30\n", "6:9: "),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = 2027-02-01T00:00:00Z\n", "6:9: "),
        (
            "[[rule]]\nname = \"a\"\nmode = \"opt-in\"\nuntil = 2027-01-01\n",
            "6:9: 'until' needs mode = \"exempt\"",
        ),
        (
            "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nstarts = 2027-01-01\n",
            "6:10: 'starts' needs mode = \"mandatory\"",
        ),
        ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfirst-factor = []\n", "6:16: an empty list"),
        (
            "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfirst-factor = [\"key\"]\n",
            "6:17: unknown method 'key', expected 'publickey'",
        ),
        ("x", "3:2: "),
    ];
    for (tail, expected) in table {
        let error = error(&format!("{head}{tail}"));
        assert!(error.starts_with(expected), "{tail:?}\n  gives    {error}\n  expected {expected}");
        assert!(!error.contains('\n'), "one line: {error}");
    }
}

#[test]
fn refuses_two_rules_of_one_name() {
    let rule = "[[rule]]\nname = \"a\"\nmode = \"exempt\"\n";
    assert_eq!(
        error(&format!("version = 1\nmode = \"opt-in\"\n{rule}{rule}")),
        "7:8: another rule is called 'a'"
    );
}

#[test]
fn refuses_policy_without_version_or_mode() {
    assert!(error("mode = \"opt-in\"\n").contains("missing key 'version'"));
    assert!(error("version = 1\n").contains("missing key 'mode'"));
    assert_eq!(
        error("version = 2\nmode = \"opt-in\"\n"),
        "1:11: unknown version 2: this program reads version 1"
    );
    assert!(error("").contains("missing key"));
}

#[test]
fn refuses_file_that_is_not_utf_8() {
    assert_eq!(Policy::parse(b"version = 1\n\xff").unwrap_err().to_string(), "2:1: not UTF-8");
    assert!(Policy::parse(b"version = 1\0\nmode = \"opt-in\"\n").is_err());
}

fn places(text: &str) -> Vec<String> {
    let errors = Policy::errors(text.as_bytes());
    assert_eq!(errors.is_empty(), Policy::parse(text.as_bytes()).is_ok(), "{text}");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn shows_every_error_of_every_table() {
    let text = "version = 2\nmode = \"opt-in\"\nstart = 1\n[verification]\ntries = 0\nskew = 1\n[enrollment]\ndigits = 9\n\
                [gate]\nservice = []\n[[rule]]\nname = \"a\"\nmode = \"off\"\n[[rule]]\nname = \"a\"\nmode = \"exempt\"\n\
                [[rule]]\nname = \"a\"\nmode = \"opt-in\"\nuntil = 2027-01-01\n[[rule]]\nname = \"c\"\nmode = \"opt-in\"\n\
                until = 2027-01-01\n[[rule]]\nmode = \"exempt\"\n";
    let expected = [
        "1:11: unknown version 2",
        "3:1: unknown key 'start'",
        "5:9: 0 is out of range",
        "6:1: unknown key 'skew'",
        "8:10: 9 is out of range",
        "10:1: unknown key 'service'",
        "13:8: unknown value 'off'",
        "15:8: another rule is called 'a'",
        "18:8: another rule is called 'a'",
        "20:9: 'until' needs mode",
        "24:9: 'until' needs mode",
        "25:1: missing key 'name'",
    ];
    let found = places(text);
    let is_as_expected = found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
    assert!(found.len() == expected.len() && is_as_expected, "{found:#?}");
}

#[test]
fn shows_errors_in_order_of_file() {
    let text = "version = 1\nmode = \"opt-in\"\n[gate]\nservice = []\n[[rule]]\nname = \"a\"\nmode = \"off\"\n\
                [enrollment]\ndigits = 9\n[verification]\ntries = 0\n";
    let found = places(text);
    let lines: Vec<&str> = found.iter().filter_map(|error| error.split(':').next()).collect();
    assert_eq!(lines, ["4", "7", "9", "11"], "{found:?}");
}

#[test]
fn shows_every_syntax_error() {
    let found = places("version = \nmode = opt-in\n[[rule]]\nname = \"a\nmode = \"exempt\"\n");
    let lines: Vec<&str> = found.iter().filter_map(|error| error.split(':').next()).collect();
    assert_eq!(lines, ["1", "2", "4"], "{found:?}");
}

#[test]
fn refuses_value_that_is_no_table() {
    let head = "version = 1\nmode = \"opt-in\"\n";
    for (tail, place) in [
        ("verification = 3\n", "3:16:"),
        ("rule = 3\n", "3:8:"),
        ("rule = [3]\n", "3:9:"),
        ("[rule]\n", "3:1:"),
        ("[other]\nx = 1\n", "3:2:"),
    ] {
        let found = places(&format!("{head}{tail}"));
        assert!(found.len() == 1 && found[0].starts_with(place), "{tail} {found:?}");
    }
    assert!(places(head).is_empty());
}

#[test]
fn shows_one_error_if_file_is_not_utf_8() {
    assert_eq!(Policy::errors(b"version = 1\n\xff\n\xff")[0].to_string(), "2:1: not UTF-8");
    let utf16: Vec<u8> = "version = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!Policy::errors(&utf16).is_empty());
}

#[test]
fn reads_deep_and_long_files_fast_with_little_stack() {
    for (text, many) in [("a = ", "["), ("a = ", "{a="), ("", "a."), ("", "[[rule]]\n"), ("#", "x")] {
        let text = format!("{text}{}", many.repeat(1_000_000));
        assert!(!Policy::errors(text.as_bytes()).is_empty(), "{many}");
    }
}
