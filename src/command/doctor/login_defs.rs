//! /etc/login.defs: how long login(1) lets people take.

use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use super::Patient;
use super::enrolling::{self, TIME_TO_ENROLL};
use super::finding::{Finding, Remedy};
use super::stack;

const FILE: &str = "/etc/login.defs";
const KEYWORD: &str = "LOGIN_TIMEOUT";
/// What login(1) of util-linux takes where nothing is set.
const DEFAULT: u64 = 60;

/// Checks LOGIN_TIMEOUT where people enroll at the console.
pub fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let asked = stack::guard(patient, "login").asks.is_some();
    if !asked || !enrolling::is_possible(patient, "login") {
        return Vec::new();
    }
    let Some(text) = tree::text(patient.root, FILE) else { return Vec::new() };
    let (line, value) = set_at(&text).map_or((None, DEFAULT), |(line, value)| (Some(line), value));
    if value == 0 || value >= TIME_TO_ENROLL {
        return Vec::new();
    }
    let place = line.map_or_else(|| Location::file(FILE), |line| Location::line(FILE, line));
    let text = format!("{KEYWORD} {TIME_TO_ENROLL}");
    let remedy = match line {
        Some(_) => Remedy::Replace { place: place.clone(), text },
        None => Remedy::Insert { place: place.clone(), text },
    };
    let what = format!("{KEYWORD} is {value} s: too short to enroll in a login");
    vec![Finding::warning(place, what, enrolling::WHY_SHORT, remedy)]
}

/// The line that counts, the last one, and its value.
fn set_at(text: &str) -> Option<(usize, u64)> {
    let lines = tree::lines(text).filter_map(|(number, line)| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        (name == KEYWORD).then_some((number, value.trim().trim_matches('"').parse().ok()?))
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
