//! /etc/login.defs: what login(1) and useradd(8) read there.

use twostep_core::os::root::Root;

use crate::tree;

/// Where login.defs(5) is found.
pub const FILE: &str = "/etc/login.defs";
/// The keyword for the seconds that login(1) waits.
pub const LOGIN_TIMEOUT: &str = "LOGIN_TIMEOUT";
/// What login(1) of util-linux takes where nothing is set.
const USUAL_TIMEOUT: u64 = 60;
/// What useradd(8) takes where nothing is set.
const USUAL_UID_MIN: u32 = 1000;

/// How long login(1) waits for a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoginTimeout {
    /// The time in seconds; 0 is for ever.
    pub seconds: u64,
    /// The line that sets it; none for the default.
    pub line: Option<usize>,
}

/// How long login(1) waits for a login; none if the file cannot be read.
pub fn login_timeout(root: &Root) -> Option<LoginTimeout> {
    let set = set_at(&tree::text(root, FILE)?);
    Some(set.map_or(LoginTimeout { seconds: USUAL_TIMEOUT, line: None }, |(line, seconds)| LoginTimeout {
        seconds,
        line: Some(line),
    }))
}

/// The first uid of accounts that can log in (UID_MIN).
pub fn uid_min(root: &Root) -> u32 {
    let text = tree::text(root, FILE).unwrap_or_default();
    let first = tree::lines(&text).find_map(|(_, line)| line.strip_prefix("UID_MIN")?.trim().parse().ok());
    first.unwrap_or(USUAL_UID_MIN)
}

/// The line that counts, the last one, and its value.
fn set_at(text: &str) -> Option<(usize, u64)> {
    let lines = tree::lines(text).filter_map(|(number, line)| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        (name == LOGIN_TIMEOUT).then_some((number, value.trim().trim_matches('"').parse().ok()?))
    });
    lines.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let table = [
            ("LOGIN_TIMEOUT\t\t60\n", Some((1, 60))),
            ("#LOGIN_TIMEOUT 60\n", None),
            ("LOGIN_TIMEOUT 60\n\nLOGIN_TIMEOUT \"300\" # s\n", Some((3, 300))),
            ("LOGIN_TIMEOUTS 60\n", None),
        ];
        for (text, expected) in table {
            assert_eq!(set_at(text), expected, "{text:?}");
        }
    }
}
