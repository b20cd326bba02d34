use std::io;

use twostep::printable::printable;
use twostep_core::login::audit::{self, Value, Who};
use twostep_core::verdict::{Denial, Verdict};

/// A foreign value in the log or on a terminal. It cannot end its line, its quotes or its key. It is shown unchanged, and
/// cut after 256 bytes.
pub fn log(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let shown = Value(&text).to_string();
    assert!(shown.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{shown:?}");
    let (value, rest) = read(&shown).unwrap_or_else(|| panic!("{shown:?} is no value"));
    assert_eq!((value.as_slice(), rest), (&text.as_bytes()[..text.len().min(256)], ""), "{shown:?}");
    check_line(&text);
    let obeyed = |c: char| c.is_control() && c != '\n';
    assert!(!printable(&text).contains(obeyed), "a terminal would interpret it");
    assert_eq!(printable(&text).lines().count(), text.lines().count());
}

fn check_line(text: &str) {
    let mut quarters = text.splitn(4, '\n').map(str::to_owned);
    let mut next = || quarters.next().unwrap_or_default();
    let who = Who { user: Some(next()), service: next(), rhost: next(), tty: next(), ..Who::default() };
    let cause = io::Error::other(format!("cause: {text}"));
    let line = audit::line(&who, &Verdict::Deny(Denial::unavailable(cause))).text;
    let mut rest = line.as_str();
    let mut keys = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        keys.push(key.trim_start().to_owned());
        rest = read(after).unwrap_or_else(|| panic!("{line:?}")).1;
    }
    assert_eq!(keys, ["result", "user", "service", "rhost", "tty", "reason", "cause"], "{line:?}");
}

/// The value at the beginning, without quotes and escapes, and the rest of the line.
fn read(shown: &str) -> Option<(Vec<u8>, &str)> {
    let Some(quoted) = shown.strip_prefix('"') else {
        let (value, rest) = shown.split_at(shown.find(' ').unwrap_or(shown.len()));
        let is_cut = value.len() == 256 + 3 && value.ends_with("...");
        return Some((value.get(..if is_cut { 256 } else { value.len() })?.into(), rest));
    };
    let (inner, rest) = quoted.split_once('"')?;
    let mut value = Vec::new();
    let mut left = inner;
    while let Some(first) = left.chars().next() {
        match left.strip_prefix("\\x") {
            Some(hex) => {
                value.push(u8::from_str_radix(hex.get(..2)?, 16).ok()?);
                left = hex.get(2..)?;
            }
            None => {
                value.push(u8::try_from(first).ok()?);
                left = left.get(1..)?;
            }
        }
    }
    value.truncate(256); // a cut value ends with three dots
    Some((value, rest))
}
