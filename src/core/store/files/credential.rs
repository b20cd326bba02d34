//! The per-user secret file: TOML, written at enrollment, never at login.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::os::account::{Account, check_name};
use crate::policy::Position;
use crate::proof::recovery::RecoveryCodes;
use crate::proof::ticket::Ticket;
use crate::proof::totp::{Authenticator, Hash, decode_secret, encode_secret};
use crate::time::{Period, UnixTime};

/// More authenticators would make guessing easier: each adds its own codes.
pub const MOST_AUTHENTICATORS: usize = 8;

/// No id is longer, in bytes.
const LONGEST_ID: usize = 64;

/// What is stored for one person. Cannot be printed or copied.
pub struct Credential {
    /// The account's user id.
    pub uid: u32,
    /// The account's canonical name when the person enrolled.
    pub name: String,
    /// What ties recovery codes to this credential; empty if it was written by hand.
    pub id: String,
    /// One to eight authenticators.
    pub authenticators: Vec<Authenticator>,
}

/// Why an authenticator cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conflict {
    /// There is one of that label.
    SameLabel,
    /// There are as many as may be.
    Full,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameLabel => write!(f, "there is an authenticator of that label already"),
            Self::Full => write!(
                f,
                "{MOST_AUTHENTICATORS} authenticators are the most: more would make guessing easier"
            ),
        }
    }
}

/// What an enrollment has proved: only the dialogue makes it, and only it can be stored. Cannot be printed or copied.
pub struct NewEnrollment {
    /// The id of the credential, if this is its first authenticator.
    pub(crate) id: String,
    /// The authenticator whose codes were shown twice in a row.
    pub(crate) authenticator: Authenticator,
    /// The mark that burns both codes.
    pub(crate) mark: UnixTime,
    /// The recovery codes that were shown, if any were.
    pub(crate) recovery: Option<RecoveryCodes>,
    /// The ticket that allowed it, if one was needed.
    pub(crate) ticket: Option<Ticket>,
}

impl NewEnrollment {
    /// What the authenticator is called.
    pub fn label(&self) -> &str {
        &self.authenticator.label
    }

    /// How many recovery codes were shown.
    pub(crate) fn recovery_codes(&self) -> u8 {
        self.recovery.as_ref().and_then(RecoveryCodes::left).unwrap_or(0)
    }
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
    secret: Zeroizing<String>,
    #[serde(default)]
    algorithm: Hash,
    digits: Option<u8>,
    period: Option<u64>,
    enrolled: Option<u64>,
    #[serde(default)]
    imported: bool,
}

impl Credential {
    /// Parses a secret file. The error says where and what, and never quotes the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        // The parser's own words may quote a value, and so a secret: only the place is told.
        let file: SecretFile = toml::from_str(text).map_err(|error| {
            let position = Position::of(error.span().map_or(0, |span| span.start), text);
            format!(
                "line {}, column {}: is not what docs/FILEFORMAT.md describes",
                position.line, position.column
            )
        })?;
        if file.version != 1 {
            return Err(format!("has version {}: this program reads version 1", file.version));
        }
        if !(1..=MOST_AUTHENTICATORS).contains(&file.authenticator.len()) {
            return Err(format!("must have 1 to {MOST_AUTHENTICATORS} authenticators"));
        }
        check_name(&file.name).map_err(|problem| format!("the name {problem}"))?;
        let numbered = (1..).zip(&file.authenticator);
        let authenticators: Vec<Authenticator> =
            numbered.map(|(number, table)| table.check(number)).collect::<Result<_, _>>()?;
        let labels: BTreeSet<&str> = authenticators.iter().map(|one| one.label.as_str()).collect();
        if labels.len() != authenticators.len() {
            return Err("has two authenticators of one label".to_owned());
        }
        if file.id.len() > LONGEST_ID {
            return Err(format!("has an id of more than {LONGEST_ID} bytes"));
        }
        Ok(Self { uid: file.uid, name: file.name, id: file.id, authenticators })
    }

    /// The text of the secret file. Wiped when dropped.
    pub fn to_toml(&self) -> Zeroizing<String> {
        // Room for all of it from the start: a growing string would leave unwiped copies behind.
        let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
        // Writing to a string cannot fail.
        let _ = write!(text, "version = 1\nuid = {}\nname = {}\n", self.uid, quoted(&self.name));
        if !self.id.is_empty() {
            let _ = writeln!(text, "id = {}", quoted(&self.id));
        }
        for one in &self.authenticators {
            let secret = encode_secret(one.expose_secret());
            let _ = write!(
                text,
                "\n[[authenticator]]\nlabel = {}\nsecret = \"{}\"\nalgorithm = \"{}\"\ndigits = {}\nperiod = {}\n",
                quoted(&one.label),
                secret.as_str(),
                one.algorithm().as_str(),
                one.digits(),
                one.period.seconds(),
            );
            if let Some(enrolled) = one.enrolled {
                let _ = writeln!(text, "enrolled = {}", enrolled.seconds());
            }
            if one.imported {
                text.push_str("imported = true\n");
            }
        }
        text
    }

    /// Fails unless another authenticator called `label` may be added.
    pub(crate) fn check_room(&self, label: &str) -> Result<(), Conflict> {
        if self.authenticators.iter().any(|one| one.label == label) {
            return Err(Conflict::SameLabel);
        }
        if self.authenticators.len() >= MOST_AUTHENTICATORS { Err(Conflict::Full) } else { Ok(()) }
    }

    /// Fails unless this is the credential of `account`: a re-used uid must not inherit a second factor.
    pub fn check_owner(&self, account: &Account) -> Result<(), String> {
        if (self.uid, self.name.as_str()) == (account.uid, account.name.as_str()) {
            return Ok(());
        }
        Err(format!(
            "is the credential of '{}' (uid {}), but the account is '{}' (uid {}): if it was renamed, \
             run 'twostep rebind {}'; if it is another person's now, 'twostep reset {}'",
            self.name, self.uid, account.name, account.uid, account.name, account.name
        ))
    }
}

impl AuthenticatorTable {
    /// The error names the table by its `number` in the file: a key may stand in the place of the label.
    fn check(&self, number: usize) -> Result<Authenticator, String> {
        let of = |what: &str| format!("authenticator {number}: {what}");
        check_label(&self.label).map_err(|problem| of(&problem))?;
        let secret = decode_secret(&self.secret).ok_or_else(|| of("the secret is not base32"))?;
        let period = match self.period {
            None => Period::DEFAULT,
            Some(seconds) => {
                Period::new(seconds).ok_or_else(|| of("the period must be 15 to 120 seconds"))?
            }
        };
        let make = if self.imported { Authenticator::imported } else { Authenticator::new };
        let (label, algorithm, digits) =
            (self.label.clone(), self.algorithm.into(), self.digits.unwrap_or(6));
        make(label, &secret, algorithm, digits, period, self.enrolled.map(UnixTime::new)).map_err(of)
    }
}

/// Fails unless `label` is 1 to 32 printable characters: it is shown on terminals and in the log.
pub fn check_label(label: &str) -> Result<(), String> {
    let length = label.chars().count();
    if (1..=32).contains(&length) && !label.contains(char::is_control) {
        return Ok(());
    }
    Err("a label must have 1 to 32 printable characters".to_owned())
}

/// `text` as a basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
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
    fn a_credential_is_read_as_it_was_written() {
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
    fn what_is_left_out_has_the_values_that_every_app_assumes() {
        let credential = Credential::parse(one("").as_bytes()).unwrap();
        let phone = &credential.authenticators[0];
        assert_eq!((phone.algorithm(), phone.digits(), phone.period.seconds()), (Algorithm::SHA1, 6, 30));
    }

    #[test]
    fn a_short_secret_is_taken_if_another_program_made_it() {
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

    /// A file with one more would be refused, and nobody of that name would get in.
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
    fn a_broken_file_is_refused_and_its_secret_never_quoted() {
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
            let error =
                Credential::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("accepted:\n{text}"));
            assert!(!error.contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn nine_authenticators_are_too_many() {
        let tables: String =
            (0..9).map(|n| format!("[[authenticator]]\nlabel = \"{n}\"\nsecret = \"{CANARY}\"\n")).collect();
        assert!(Credential::parse(file(&tables).as_bytes()).is_err());
    }

    #[test]
    fn a_file_without_an_id_stays_one() {
        let credential = Credential::parse(one("").as_bytes()).unwrap();
        assert!(!credential.to_toml().contains("id = \"\""));
        assert_eq!(Credential::parse(credential.to_toml().as_bytes()).unwrap().id, "");
    }

    #[test]
    fn what_is_quoted_is_plain_unless_toml_forbids_it() {
        assert_eq!(quoted("Ada's ü"), "\"Ada's ü\"");
        assert_eq!(quoted("a\u{1B}\"\\\n"), r#""a\u001B\"\\\u000A""#);
    }

    #[test]
    fn a_label_has_1_to_32_printable_characters() {
        for label in ["a", "ü", &"ü".repeat(32)] {
            assert_eq!(check_label(label), Ok(()), "{label}");
        }
        for label in ["", &"a".repeat(33), "a\u{1B}b", "\n"] {
            assert!(check_label(label).is_err(), "{label:?}");
        }
    }

    #[test]
    fn why_there_is_no_room_is_said() {
        assert!(Conflict::SameLabel.to_string().contains("of that label already"));
        assert!(Conflict::Full.to_string().starts_with("8 authenticators are the most"));
    }

    #[test]
    fn a_label_with_quotes_survives() {
        let text = one("").replace("\"phone\"", r#""Ada's \"new\" \\ phone""#);
        let credential = Credential::parse(text.as_bytes()).unwrap();
        let again = Credential::parse(credential.to_toml().as_bytes()).unwrap();
        assert_eq!(again.authenticators[0].label, r#"Ada's "new" \ phone"#);
    }
}
