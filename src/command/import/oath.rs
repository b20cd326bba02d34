//! The users file of pam_oath: `TYPE USER PASSWORD KEY [COUNTER [LAST-CODE [LAST-TIME]]]`, a line for each token.

use twostep_core::proof::code::Code;
use twostep_core::proof::totp::Algorithm;
use zeroize::Zeroizing;

use super::found::{COUNTED, Token, Used, period};

/// Reads one line: the user and what was found; nothing if pam_oath skips it.
pub fn parse(line: &str) -> Option<(String, Result<Token, String>)> {
    let mut fields = line.split_whitespace();
    let kind = fields.next().filter(|kind| kind.starts_with("HOTP"))?;
    let user = fields.next().unwrap_or_default();
    Some((user.to_owned(), token(kind, fields.collect::<Vec<_>>().as_slice())))
}

fn token(kind: &str, fields: &[&str]) -> Result<Token, String> {
    let (seconds, digits) = kind_of(kind)?;
    let &[password, key, ref more @ ..] = fields else {
        return Err("the line ends before the key".to_owned());
    };
    if !matches!(password, "-" | "+") {
        return Err("there is a password in clear beside the key, which pam_oath asks for: put - there, \
                    and see that the stack asks for a password of its own"
            .to_owned());
    }
    Ok(Token {
        secret: decode(key).ok_or("the key is not hexadecimal, two digits a byte")?,
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
fn kind_of(kind: &str) -> Result<(u64, u8), String> {
    let (seconds, digits) = match kind.split('/').collect::<Vec<_>>().as_slice() {
        ["HOTP", "T30"] => (30, "6"),
        ["HOTP", "T60"] => (60, "6"),
        ["HOTP", "T30", digits] => (30, *digits),
        ["HOTP", "T60", digits] => (60, *digits),
        ["HOTP"] | ["HOTP", "E", ..] => return Err(COUNTED.to_owned()),
        _ => return Err("this type of token is not known".to_owned()),
    };
    match digits {
        "6" => Ok((seconds, 6)),
        "7" => Ok((seconds, 7)),
        "8" => Ok((seconds, 8)),
        _ => Err("a code must have 6, 7 or 8 digits".to_owned()),
    }
}

fn used(last: Option<&str>) -> Result<Used, String> {
    match last {
        None | Some("-") => Ok(Used::Nothing),
        Some(last) => {
            Code::parse(last.as_bytes()).map(Used::Code).ok_or_else(|| "the last code is none".to_owned())
        }
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
