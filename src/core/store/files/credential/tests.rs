use std::collections::BTreeSet;

use super::*;
use crate::proof::totp::Algorithm;

const CANARY: &str = "CANARYCANARYCANARYCANARYCANARY22";

fn file(tail: &str) -> String {
    format!("version = 1\nuid = 1001\nname = \"ada\"\n{tail}")
}

fn one(fields: &str) -> String {
    file(&format!("[[authenticator]]\nlabel = \"phone\"\nsecret = \"{CANARY}\"\n{fields}"))
}

#[test]
fn reads_credential_as_it_was_written() {
    let text = one("algorithm = \"SHA256\"\ndigits = 8\nperiod = 60\nenrolled = 1763785000\n");
    let id = "x".repeat(LONGEST_ID);
    let text = text.replace("[[", &format!("id = \"{id}\"\n[["));
    let credential = Credential::parse(text.as_bytes()).unwrap();
    let again = Credential::parse(credential.to_toml().as_bytes()).unwrap();
    let phone = &again.authenticators[0];
    assert_eq!((again.uid, again.name.as_str(), phone.label.as_str()), (1001, "ada", "phone"));
    assert_eq!(again.id, id);
    assert_eq!((phone.algorithm(), phone.digits(), phone.period.seconds()), (Algorithm::SHA256, 8, 60));
    assert_eq!(phone.enrolled, Some(UnixTime::new(1_763_785_000)));
    assert_eq!(encode_secret(phone.expose_secret()).as_str(), CANARY);
}

#[test]
fn fills_in_what_every_app_assumes() {
    let credential = Credential::parse(one("").as_bytes()).unwrap();
    let phone = &credential.authenticators[0];
    assert_eq!((phone.algorithm(), phone.digits(), phone.period.seconds()), (Algorithm::SHA1, 6, 30));
}

#[test]
fn takes_short_secret_of_another_program() {
    let short = |fields: &str| one(fields).replace(CANARY, "CANARYCANARYCANA");
    assert!(Credential::parse(short("").as_bytes()).is_err());
    assert!(Credential::parse(short("imported = false\n").as_bytes()).is_err());
    let imported = Credential::parse(short("imported = true\n").as_bytes()).unwrap();
    let again = Credential::parse(imported.to_toml().as_bytes()).unwrap();
    assert!(again.authenticators[0].imported && again.authenticators[0].expose_secret().len() == 10);
    assert!(!Credential::parse(one("").as_bytes()).unwrap().authenticators[0].imported);
    let shorter = short("imported = true\n").replace("CANARYCANARYCANA", "CANARYCANARYCA");
    assert!(Credential::parse(shorter.as_bytes()).is_err());
}

/// A file with one more would be refused, and its user could not log in.
#[test]
fn adds_authenticator_unless_label_is_taken_or_eight_exist() {
    let table = |label: usize| format!("[[authenticator]]\nlabel = \"{label}\"\nsecret = \"{CANARY}\"\n");
    let room = |many: usize, label: &str| {
        let text = file(&(0..many).map(table).collect::<String>());
        Credential::parse(text.as_bytes()).map(|credential| credential.check_room(label))
    };
    assert!(matches!(room(7, "new"), Ok(Ok(()))));
    assert!(matches!(room(7, "6"), Ok(Err(Conflict::SameLabel))));
    assert!(matches!(room(8, "new"), Ok(Err(Conflict::Full))));
    assert!(room(9, "new").is_err());
}

#[test]
fn refuses_broken_file_without_quoting_it() {
    let table = [
        file(&format!("id = \"{}\"\n{}", "x".repeat(65), one("").replace(&file(""), ""))),
        one("digit = 8\n"),
        one("digits = 5\n"),
        one("digits = 9\n"),
        one("digits = \"6\"\n"),
        one("period = 0\n"),
        one("period = 14\n"),
        one("algorithm = \"MD5\"\n"),
        one("uid = 1\n"),
        one(&format!("secret = \"{CANARY}\"\n")),
        format!("{}{CANARY}", one("")),
        one("").replace(CANARY, &CANARY[..31]),
        one("").replace("secret = ", "secret = 7 # "),
        one("").replace("label = \"phone\"\nsecret", "secret = 1\nlabel"),
        file(""),
        file("authenticator = []\n"),
        format!("{}{}", one(""), one("").split_once("\"ada\"\n").unwrap().1),
        one("").replace("version = 1", "version = 2"),
        one("").replace(CANARY, "phone").replace("label = \"phone\"", &format!("label = \"{CANARY}\"")),
        one("").replace("phone", ""),
        one("").replace("phone", "a\\u001Bb"),
        one("").replace("\"ada\"", "\"a\\u001Bb\""),
        String::new(),
        CANARY.to_owned(),
    ];
    for text in table {
        let error = Credential::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("accepted:\n{text}"));
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}

#[test]
fn refuses_nine_authenticators() {
    let tables: String =
        (0..9).map(|n| format!("[[authenticator]]\nlabel = \"{n}\"\nsecret = \"{CANARY}\"\n")).collect();
    assert!(Credential::parse(file(&tables).as_bytes()).is_err());
}

#[test]
fn adds_no_id_to_file_without_one() {
    let credential = Credential::parse(one("").as_bytes()).unwrap();
    assert!(!credential.to_toml().contains("id = \"\""));
    assert_eq!(Credential::parse(credential.to_toml().as_bytes()).unwrap().id, "");
}

#[test]
fn quotes_what_toml_forbids() {
    assert_eq!(quoted("Ada's ü"), "\"Ada's ü\"");
    assert_eq!(quoted("a\u{1B}\"\\\n"), r#""a\u001B\"\\\u000A""#);
}

#[test]
fn label_has_1_to_32_printable_characters() {
    for label in ["a", "ü", &"ü".repeat(32)] {
        assert_eq!(check_label(label), Ok(()), "{label}");
    }
    for label in ["", &"a".repeat(33), "a\u{1B}b", "\n"] {
        assert!(check_label(label).is_err(), "{label:?}");
    }
}

#[test]
fn tells_why_there_is_no_room() {
    assert!(Conflict::SameLabel.to_string().contains("an authenticator with that label exists"));
    assert!(Conflict::Full.to_string().starts_with("an account may have at most 8"));
}

#[test]
fn reads_label_with_quotes_again() {
    let text = one("").replace("\"phone\"", r#""Ada's \"new\" \\ phone""#);
    let credential = Credential::parse(text.as_bytes()).unwrap();
    let again = Credential::parse(credential.to_toml().as_bytes()).unwrap();
    assert_eq!(again.authenticators[0].label, r#"Ada's "new" \ phone"#);
}

/// The reader that twostep had until 0.1.0, based on serde.
mod by_serde {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    enum Hash {
        SHA1,
        SHA256,
        SHA512,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct SecretFile {
        version: u32,
        uid: u32,
        name: String,
        #[serde(default)]
        id: String,
        authenticator: Vec<AuthenticatorTable>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct AuthenticatorTable {
        label: String,
        secret: String,
        algorithm: Option<Hash>,
        digits: Option<u8>,
        period: Option<u64>,
        enrolled: Option<u64>,
        #[serde(default)]
        imported: bool,
    }

    /// Whether serde's reader accepts this file.
    pub(super) fn reads(text: &str) -> bool {
        let Ok(file) = toml::from_str::<SecretFile>(text) else { return false };
        let _ = file.uid;
        let labels: BTreeSet<&str> = file.authenticator.iter().map(|one| one.label.as_str()).collect();
        file.version == 1
            && (1..=MOST_AUTHENTICATORS).contains(&file.authenticator.len())
            && is_storable(&file.name)
            && labels.len() == file.authenticator.len()
            && file.id.len() <= LONGEST_ID
            && file.authenticator.iter().all(AuthenticatorTable::is_right)
    }

    impl AuthenticatorTable {
        fn is_right(&self) -> bool {
            let algorithm = match self.algorithm {
                Some(Hash::SHA256) => Algorithm::SHA256,
                Some(Hash::SHA512) => Algorithm::SHA512,
                Some(Hash::SHA1) | None => Algorithm::SHA1,
            };
            let make = if self.imported { Authenticator::imported } else { Authenticator::new };
            let period = self.period.map_or(Some(Period::DEFAULT), Period::new);
            let parts = decode_secret(&self.secret).zip(period);
            let digits = self.digits.unwrap_or(6);
            let _ = self.enrolled;
            check_label(&self.label).is_ok()
                && parts.is_some_and(|(secret, period)| {
                    make(String::new(), &secret, algorithm, digits, period, None).is_ok()
                })
        }
    }
}

/// Every key with every value here, in two places: the reader accepts exactly the files that serde's reader accepted.
#[test]
fn reads_what_serde_reads() {
    let values = [
        "0",
        "1",
        "-0",
        "+1",
        "0x1",
        "-1",
        "6",
        "8",
        "9",
        "15",
        "30",
        "120",
        "121",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "1.0",
        "inf",
        "true",
        "false",
        "\"\"",
        "\"ada\"",
        "\"SHA1\"",
        "'SHA512'",
        "\"sha1\"",
        "\"CANARYCANARYCANA\"",
        "\"canary canary canary canary canary 22\"",
        "\"a\\u001bb\"",
        "[]",
        "[1]",
        "{}",
        "2027-01-01",
    ];
    let keys = [
        "version",
        "uid",
        "name",
        "id",
        "label",
        "secret",
        "algorithm",
        "digits",
        "period",
        "enrolled",
        "imported",
        "authenticator",
        "other",
    ];
    let (mut read, mut refused) = (0, 0);
    for key in keys {
        for value in values {
            for at_top in [true, false] {
                let line = format!("{key} = {value}\n");
                let mut lines: Vec<String> =
                    one("imported = true\n").lines().map(|line| format!("{line}\n")).collect();
                let header = lines.iter().position(|line| line.starts_with('[')).unwrap();
                let (first, last) = if at_top { (0, header) } else { (header, lines.len()) };
                let is_of_key = |line: &String| line.starts_with(&format!("{key} ="));
                match lines[first..last].iter().position(is_of_key) {
                    Some(at) => lines[first..][at] = line,
                    None => lines.insert(last, line),
                }
                let text = lines.concat();
                let is_read = Credential::parse(text.as_bytes()).is_ok();
                assert_eq!(is_read, by_serde::reads(&text), "{text}");
                *(if is_read { &mut read } else { &mut refused }) += 1;
            }
        }
    }
    assert!(read > 50 && refused > 500, "{read} {refused}");
}
