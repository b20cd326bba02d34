//! Lines of otpauth URIs (Key Uri Format), as `twostep export` writes them: `[USER] URI`.

use percent_encoding::percent_decode_str;
use twostep_core::proof::totp::{Algorithm, decode_secret};
use zeroize::Zeroizing;

use super::found::{self, COUNTED, Token, Used, period};

const SCHEME: &str = "otpauth://";

/// Reads one line: the user and what was found; nothing if it is empty or a comment. Without a user, the account in the URI is
/// meant.
pub fn parse(line: &str) -> Option<(String, Result<Token, String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (user, uri) = match line.split_once(char::is_whitespace) {
        Some((user, uri)) if !user.starts_with(SCHEME) => (user.to_owned(), uri.trim_start()),
        _ => (account(line).unwrap_or_default(), line),
    };
    Some((user, token(uri)))
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

fn token(uri: &str) -> Result<Token, String> {
    let (kind, _, query) = parts(uri).ok_or("this is not an otpauth URI")?;
    match kind {
        "totp" => {}
        "hotp" => return Err(COUNTED.to_owned()),
        _ => return Err("this type of token is not known".to_owned()),
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
fn one(query: &str, name: &str) -> Result<Option<Zeroizing<String>>, String> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the URI has two values of {name}"));
    }
    let value = percent_decode_str(value).decode_utf8().map_err(|_| format!("{name} is not text"))?;
    Ok(Some(Zeroizing::new(value.into_owned())))
}
