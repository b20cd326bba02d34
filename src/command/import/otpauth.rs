//! Lines of otpauth URIs (Key Uri Format), as `twostep export` writes them: `[USER] URI`.

use percent_encoding::percent_decode_str;
use twostep_core::proof::totp::{Algorithm, decode_secret};
use twostep_core::zeroizing::Zeroizing;

use crate::words::import_problems as problems;

use super::foreign::ForeignName;
use super::found::{self, FoundLine, Problem, Token, Used, period};

const SCHEME: &str = "otpauth://";
/// Google's app exports in this scheme.
const MIGRATION_SCHEME: &str = "otpauth-migration:";

/// Reads one line; none if it is empty or a comment. A line without a user is for the account in the URI.
pub fn parse(line: &str) -> Option<FoundLine> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(match line.split_once(char::is_whitespace) {
        Some((user, uri)) if !user.starts_with(SCHEME) => FoundLine {
            user: ForeignName::new(user),
            unknown: problems::URI_NO_ACCOUNT,
            found: token(uri.trim_start()),
        },
        _ => FoundLine {
            user: ForeignName::new(&account(line).unwrap_or_default()),
            unknown: problems::LABEL_NO_ACCOUNT,
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
        return Err(problems::GOOGLE_EXPORT);
    }
    let (kind, _, query) = parts(uri).ok_or(problems::URI_LINE)?;
    match kind {
        "totp" => {}
        "hotp" => return Err(problems::COUNTED),
        _ => return Err(problems::URI_KIND),
    }
    let secret = one(query, "secret")?.ok_or(problems::URI_NO_SECRET)?;
    let secret = decode_secret(&secret).filter(|secret| !secret.is_empty());
    let algorithm = one(query, "algorithm")?.map_or(Ok(Algorithm::SHA1), |name| found::algorithm(&name))?;
    let digits = one(query, "digits")?.map_or(Ok(6), |digits| {
        digits.parse().ok().filter(|digits| (6..=8).contains(digits)).ok_or(problems::DIGITS)
    })?;
    let seconds =
        one(query, "period")?.map_or(Ok(30), |period| period.parse().map_err(|_| problems::URI_PERIOD))?;
    Ok(Token {
        secret: secret.ok_or(problems::URI_SECRET)?,
        algorithm,
        digits,
        period: period(seconds)?,
        used: Used::Perhaps,
        ahead: 0,
        reach: 0,
        notes: Vec::new(),
    })
}

/// The decoded value of the parameter `name`. Two values are an error, because apps differ in which of them they use.
fn one(query: &str, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(problems::URI_TWICE);
    }
    let value = percent_decode_str(value).decode_utf8().map_err(|_| problems::URI_NOT_TEXT)?;
    Ok(Some(Zeroizing::new(value.into_owned())))
}
