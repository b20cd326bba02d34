//! Lines of otpauth URIs (Key Uri Format), as `twostep export` writes them: `[USER] URI`.

use percent_encoding::percent_decode_str;
use twostep_core::proof::totp::{Algorithm, decode_secret};
use zeroize::Zeroizing;

use super::foreign::ForeignName;
use super::found::{self, COUNTED, FoundLine, Problem, Token, Used, period};

const SCHEME: &str = "otpauth://";
/// What the app of Google shows as a QR code when it exports.
const MIGRATION_SCHEME: &str = "otpauth-migration:";

/// Reads one line; nothing if it is empty or a comment. Without a user, the account in the URI is meant.
pub fn parse(line: &str) -> Option<FoundLine> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(match line.split_once(char::is_whitespace) {
        Some((user, uri)) if !user.starts_with(SCHEME) => FoundLine {
            user: ForeignName::new(user),
            nobody: "what stands before the URI must be the name of an account of this machine",
            found: token(uri.trim_start()),
        },
        _ => FoundLine {
            user: ForeignName::new(&account(line).unwrap_or_default()),
            nobody: "the label of the URI is not the name of an account of this machine: write the user and a blank \
                     before the URI",
            found: token(line),
        },
    })
}

/// The account of the label, which is `account` or `issuer:account`.
fn account(uri: &str) -> Option<String> {
    let (_, label, _) = parts(uri)?;
    let label = percent_decode_str(label).decode_utf8().ok()?;
    let account = label.split_once(':').map_or(&*label, |(_, account)| account);
    Some(account.trim().to_owned())
}

/// Kind, label and query.
fn parts(uri: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let (label, query) = rest.split_once('?')?;
    Some((kind, label, query))
}

fn token(uri: &str) -> Result<Token, Problem> {
    if uri.to_ascii_lowercase().starts_with(MIGRATION_SCHEME) {
        return Err(
            "this is an export of Google's app, in a format that twostep does not read: make an otpauth URI of each \
                    of its entries, and write the user before it",
        );
    }
    let (kind, _, query) = parts(uri)
        .ok_or("a line must be USER otpauth://totp/LABEL?secret=KEY, as 'twostep export' writes it")?;
    match kind {
        "totp" => {}
        "hotp" => return Err(COUNTED),
        _ => return Err("the URI must begin with otpauth://totp/"),
    }
    let secret = one(query, "secret")?.ok_or("the URI has no secret")?;
    let secret = decode_secret(&secret).filter(|secret| !secret.is_empty());
    let algorithm = one(query, "algorithm")?.map_or(Ok(Algorithm::SHA1), |name| found::algorithm(&name))?;
    let digits = one(query, "digits")?.map_or(Ok(6), |digits| {
        digits
            .parse()
            .ok()
            .filter(|digits| (6..=8).contains(digits))
            .ok_or("a code must have 6, 7 or 8 digits")
    })?;
    let seconds = one(query, "period")?
        .map_or(Ok(30), |period| period.parse().map_err(|_| "the period is not a number of seconds"))?;
    Ok(Token {
        secret: secret.ok_or("the secret is not base32")?,
        algorithm,
        digits,
        period: period(seconds)?,
        used: Used::Perhaps,
        ahead: 0,
        reach: 0,
        notes: Vec::new(),
    })
}

/// The value of the parameter called `name`, decoded. Two of one name are an error: apps differ in which of them they take.
fn one(query: &str, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("the URI has two values of one parameter");
    }
    let value = percent_decode_str(value).decode_utf8().map_err(|_| "the values of the URI must be text")?;
    Ok(Some(Zeroizing::new(value.into_owned())))
}
