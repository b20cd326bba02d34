use twostep_core::proof::totp::Authenticator;
use twostep_core::store::files::credential::{Credential, CredentialErrorKind};

use crate::policy::may_have_many_keys;

/// A secret file. An accepted credential has the values that the crate `toml` finds, and is the same when it is written
/// and read again. An error does not quote the file.
pub fn secret(bytes: &[u8]) {
    let parsed = Credential::parse(bytes);
    let error = parsed.as_ref().err().map(|error| &error.kind);
    let is_toml = std::str::from_utf8(bytes).is_ok_and(|text| toml::de::DeTable::parse(text).is_ok());
    let is_of_syntax = matches!(error, Some(CredentialErrorKind::NotUtf8 | CredentialErrorKind::Syntax));
    assert!(is_of_syntax != is_toml || may_have_many_keys(bytes), "{error:?}");
    match parsed {
        Ok(credential) => {
            check(&credential);
            check_values(&credential, bytes);
            let text = credential.to_toml();
            let again = Credential::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fields(&credential), fields(&again));
            assert!(text.len() <= 64 * 1024, "a file too long to be read again");
        }
        Err(error) => check_error(&error.to_string(), bytes),
    }
}

fn check(credential: &Credential) {
    let authenticators = &credential.authenticators;
    assert!((1..=8).contains(&authenticators.len()));
    for one in authenticators {
        let shortest = if one.imported { 10 } else { 16 };
        assert!(one.expose_secret().len() >= shortest && (6..=8).contains(&one.digits()));
        assert!((15..=120).contains(&one.period.seconds()) && !one.label.contains(char::is_control));
        assert_eq!(authenticators.iter().filter(|other| other.label == one.label).count(), 1);
    }
}

fn check_values(credential: &Credential, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(table["name"].as_str(), Some(credential.name.as_str()));
    assert_eq!(table["uid"].as_integer(), Some(credential.uid.into()));
    let tables = table["authenticator"].as_array().map_or(&[][..], |tables| tables);
    let labels: Vec<_> = tables.iter().filter_map(|table| table["label"].as_str()).collect();
    let expected: Vec<_> = credential.authenticators.iter().map(|one| one.label.as_str()).collect();
    assert_eq!(labels, expected);
}

type Fields<'a> = (u32, &'a str, &'a str, Vec<(&'a str, &'a [u8], String, u8, u64, Option<u64>, bool)>);

fn fields(credential: &Credential) -> Fields<'_> {
    let of = |one: &Authenticator| {
        let enrolled = one.enrolled.map(|moment| moment.seconds());
        (one.algorithm().as_str().to_owned(), one.digits(), one.period.seconds(), enrolled)
    };
    let authenticators = credential.authenticators.iter().map(|one| {
        let (algorithm, digits, period, enrolled) = of(one);
        (one.label.as_str(), one.expose_secret(), algorithm, digits, period, enrolled, one.imported)
    });
    (credential.uid, &credential.name, &credential.id, authenticators.collect())
}

/// For a text that is not TOML the error is a fixed sentence with a position. Otherwise it has no value of a key `secret`,
/// whatever its type, and none of `label`, where a user may have put the key.
fn check_error(error: &str, bytes: &[u8]) {
    assert!(!error.is_empty() && !error.contains('\n'), "{error:?}");
    let table = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let Some(table) = table else {
        let is_fixed = [": not UTF-8", ": not TOML"].iter().any(|end| error.ends_with(end));
        assert!(is_fixed && error.len() < 100, "{error:?}");
        return;
    };
    let is_hidden = |key: &str| ["secret", "label"].contains(&key);
    let told: Vec<String> = strings(&table, &|key| !is_hidden(key));
    for secret in strings(&table, &is_hidden).iter().filter(|secret| secret.len() >= 8) {
        assert!(
            !error.contains(secret.as_str()) || told.iter().any(|other| other.contains(secret)),
            "{error:?}"
        );
    }
}

/// The strings under keys of this kind, with those in lists and tables.
fn strings(table: &toml::Table, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let values = table.iter().flat_map(|(key, value)| {
        let tables = match value {
            toml::Value::Table(inner) => vec![inner],
            toml::Value::Array(values) => values.iter().filter_map(|value| value.as_table()).collect(),
            _ => Vec::new(),
        };
        let own = value.as_str().filter(|_| wanted(key)).map(str::to_owned);
        own.into_iter().chain(tables.into_iter().flat_map(|inner| strings(inner, wanted))).collect::<Vec<_>>()
    });
    values.collect()
}
