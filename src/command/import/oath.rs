//! The users file of pam_oath: `TYPE USER PASSWORD KEY [COUNTER [LAST-CODE [LAST-TIME]]]`, a line for each token.

use twostep_core::proof::code::Code;
use twostep_core::proof::totp::Algorithm;
use twostep_core::zeroizing::Zeroizing;

use crate::words::import_problems as problems;

use super::foreign::ForeignName;
use super::found::{FoundLine, Problem, Token, Used, period};

/// Reads one line; none if it is empty or a comment.
pub fn parse(line: &str) -> Option<FoundLine> {
    let mut fields = line.split_whitespace();
    let kind = fields.next().filter(|kind| !kind.starts_with('#'))?;
    let found = |user: &str, found| FoundLine {
        user: ForeignName::new(user),
        unknown: problems::OATH_NO_ACCOUNT,
        found,
    };
    if !kind.starts_with("HOTP") {
        return Some(found("", Err(problems::OATH_LINE)));
    }
    let user = fields.next().unwrap_or_default();
    Some(found(user, token(kind, fields.collect::<Vec<_>>().as_slice())))
}

fn token(kind: &str, fields: &[&str]) -> Result<Token, Problem> {
    let (seconds, digits) = kind_of(kind)?;
    let &[password, key, ref more @ ..] = fields else {
        return Err(problems::OATH_NO_KEY);
    };
    if !matches!(password, "-" | "+") {
        return Err(problems::OATH_PASSWORD);
    }
    Ok(Token {
        secret: decode(key).ok_or(problems::OATH_KEY)?,
        algorithm: Algorithm::SHA1,
        digits,
        period: period(seconds)?,
        used: used(more.get(1).copied())?,
        ahead: 0,
        reach: 0,
        notes: Vec::new(),
    })
}

/// Seconds of a step and digits of a code.
fn kind_of(kind: &str) -> Result<(u64, u8), Problem> {
    let (seconds, digits) = match kind.split('/').collect::<Vec<_>>().as_slice() {
        ["HOTP", "T30"] => (30, "6"),
        ["HOTP", "T60"] => (60, "6"),
        ["HOTP", "T30", digits] => (30, *digits),
        ["HOTP", "T60", digits] => (60, *digits),
        ["HOTP"] | ["HOTP", "E", ..] => return Err(problems::COUNTED),
        _ => return Err(problems::OATH_TYPE),
    };
    match digits {
        "6" => Ok((seconds, 6)),
        "7" => Ok((seconds, 7)),
        "8" => Ok((seconds, 8)),
        _ => Err(problems::DIGITS),
    }
}

fn used(last: Option<&str>) -> Result<Used, Problem> {
    match last {
        None | Some("-") => Ok(Used::Nothing),
        Some(last) => Code::parse(last.as_bytes()).map(Used::Code).ok_or(problems::OATH_LAST_CODE),
    }
}

fn decode(key: &str) -> Option<Zeroizing<Vec<u8>>> {
    if key.is_empty() || !key.len().is_multiple_of(2) || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut secret = Zeroizing::new(Vec::with_capacity(key.len()));
    for pair in key.as_bytes().chunks(2) {
        secret.push(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?);
    }
    Some(secret)
}
