//! The secret file of a user: TOML, written at enrollment, never at login.

mod error;

use std::fmt::{self, Write};

use crate::document::{self, At, Document, Position, Table, Value, Values};
use crate::os::account::{Account, is_storable};
use crate::proof::recovery::RecoveryCodes;
use crate::proof::ticket::Ticket;
use crate::proof::totp::{Algorithm, Authenticator, HASHES, decode_secret, encode_secret};
use crate::store::not_theirs::{NotTheirs, Part};
use crate::time::{Period, UnixTime};
use crate::zeroizing::Zeroizing;

pub use error::{CredentialError, CredentialErrorKind};

/// The most authenticators of a user. More would make guessing easier: each adds its own codes.
pub const MOST_AUTHENTICATORS: usize = 8;

/// The longest id, in bytes.
const LONGEST_ID: usize = 64;

/// The credential of one user. Cannot be printed.
#[derive(Clone)]
pub struct Credential {
    /// The account's user id.
    pub uid: u32,
    /// The account's canonical name when the user enrolled.
    pub name: String,
    /// The id that ties recovery codes to this credential; empty if the file was written by hand.
    pub id: String,
    /// One to eight authenticators.
    pub authenticators: Vec<Authenticator>,
}

/// Why an authenticator cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conflict {
    /// Another authenticator has the same label.
    SameLabel,
    /// The user has [`MOST_AUTHENTICATORS`] already.
    Full,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameLabel => write!(f, "an authenticator with that label exists"),
            Self::Full => write!(f, "an account may have at most {MOST_AUTHENTICATORS} authenticators"),
        }
    }
}

impl std::error::Error for Conflict {}

/// The result of an enrollment. Only the dialogue and an administrator's issue make it, and only it can be stored.
/// Cannot be printed or copied.
pub struct NewEnrollment {
    /// The id of the credential, if this is its first authenticator.
    pub(crate) id: String,
    /// The authenticator whose codes were shown twice in a row.
    pub(crate) authenticator: Authenticator,
    /// The mark that makes both codes used.
    pub(crate) mark: UnixTime,
    /// The recovery codes that were shown, if any were.
    pub(crate) recovery: Option<RecoveryCodes>,
    /// The ticket that allowed it, if one was needed.
    pub(crate) ticket: Option<Ticket>,
}

impl NewEnrollment {
    /// The label of the authenticator.
    pub fn label(&self) -> &str {
        &self.authenticator.label
    }

    /// How many recovery codes were shown.
    pub(crate) fn recovery_codes(&self) -> u8 {
        self.recovery.as_ref().and_then(RecoveryCodes::left).unwrap_or(0)
    }
}

impl Credential {
    /// Parses a secret file. The error gives the place and the kind of the fault, and never quotes the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, CredentialError> {
        of_bytes(bytes).map_err(|At { offset, what: kind }| CredentialError {
            position: Position::of(offset, bytes),
            kind,
        })
    }

    /// The text of the secret file. Wiped when dropped.
    pub fn to_toml(&self) -> Zeroizing<String> {
        // Allocates room for the whole text: a growing string would leave unwiped copies.
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

    /// Fails unless this credential belongs to `account`: a re-used uid must not inherit a second factor.
    pub fn check_owner(&self, account: &Account) -> Result<(), NotTheirs> {
        if (self.uid, self.name.as_str()) == (account.uid, account.name.as_str()) {
            return Ok(());
        }
        Err(NotTheirs {
            part: Part::Secret,
            stored: self.name.clone(),
            stored_uid: self.uid,
            account: account.name.clone(),
            uid: account.uid,
        })
    }
}

type Read<T> = Result<T, At<CredentialErrorKind>>;

fn of_bytes(bytes: &[u8]) -> Read<Credential> {
    let document = Document::parse(document::text_of(bytes)?)?;
    let mut table = document.table();
    table.need("version", version)?;
    let uid = table.need("uid", |value| document::integer(value, 0..=u32::MAX.into()))?;
    let name = table.need("name", name)?;
    let id = table.read("id", id)?.unwrap_or_default();
    let tables = table.need("authenticator", authenticators)?;
    no_unknown_key(&table)?;
    let mut read: Vec<Authenticator> = Vec::with_capacity(tables.count());
    for table in tables {
        let next = authenticator(table, &read)?;
        read.push(next);
    }
    Ok(Credential { uid, name, id, authenticators: read })
}

fn no_unknown_key(table: &Table<'_>) -> Read<()> {
    table.unknown_keys().next().map_or(Ok(()), Err)
}

fn version(value: Value<'_>) -> Read<()> {
    document::checked(value, document::any_integer, |version| match version {
        1 => Ok(()),
        other => Err(CredentialErrorKind::UnknownVersion(other)),
    })
}

fn name(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |name| {
        if is_storable(&name) { Ok(name) } else { Err(CredentialErrorKind::Name) }
    })
}

fn id(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |id| {
        if id.len() <= LONGEST_ID { Ok(id) } else { Err(CredentialErrorKind::LongId) }
    })
}

fn authenticators(value: Value<'_>) -> Read<Values<'_>> {
    document::checked(value, document::list, |values| {
        let fits = (1..=MOST_AUTHENTICATORS).contains(&values.count());
        if fits { Ok(values) } else { Err(CredentialErrorKind::Count) }
    })
}

/// Reads the next authenticator, after those in `before`.
fn authenticator(value: Value<'_>, before: &[Authenticator]) -> Read<Authenticator> {
    let offset = value.offset();
    let mut table = Table::of(value)?;
    let label = table.need("label", |value| label(value, before))?;
    let secret = table.need("secret", secret)?;
    let algorithm = table.read("algorithm", |value| document::word(value, &HASHES))?;
    let digits = table.read("digits", |value| document::integer(value, 6..=8))?;
    let period = table.read("period", period)?.unwrap_or(Period::DEFAULT);
    let enrolled = table.read("enrolled", document::any_integer)?;
    let is_imported = table.read("imported", document::boolean)?.unwrap_or_default();
    no_unknown_key(&table)?;
    let make = if is_imported { Authenticator::imported } else { Authenticator::new };
    let (algorithm, digits) = (algorithm.unwrap_or(Algorithm::SHA1), digits.unwrap_or(6));
    let made = make(label, &secret, algorithm, digits, period, enrolled.map(UnixTime::new));
    made.map_err(|error| At { offset, what: CredentialErrorKind::Authenticator(error) })
}

fn label(value: Value<'_>, before: &[Authenticator]) -> Read<String> {
    document::checked(value, document::string, |label| {
        check_label(&label).map_err(|LabelError| CredentialErrorKind::Label)?;
        let is_taken = before.iter().any(|one| one.label == label);
        if is_taken { Err(CredentialErrorKind::SameLabel) } else { Ok(label) }
    })
}

fn secret(value: Value<'_>) -> Read<Zeroizing<Vec<u8>>> {
    document::checked(value, document::characters, |text| {
        decode_secret(text).ok_or(CredentialErrorKind::NotBase32)
    })
}

fn period(value: Value<'_>) -> Read<Period> {
    document::checked(value, document::any_integer, |seconds| {
        Period::new(seconds).ok_or(CredentialErrorKind::Period)
    })
}

/// The error for a label that is too long, empty, or has a character that cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LabelError;

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a label must have 1 to 32 printable characters")
    }
}

/// Fails unless `label` is 1 to 32 printable characters: it is shown on terminals and in the log.
pub fn check_label(label: &str) -> Result<(), LabelError> {
    let length = label.chars().count();
    if (1..=32).contains(&length) && !label.contains(char::is_control) { Ok(()) } else { Err(LabelError) }
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
mod tests;
