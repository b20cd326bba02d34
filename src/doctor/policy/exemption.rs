//! A rule that exempts all logins by some services, as new lines of the policy file.

use twostep_core::paths::POLICY;
use twostep_core::policy::{Mode, Policy};
use twostep_core::time::UnixTime;
use twostep_hostconf::location::Location;

use super::extent;
use crate::finding::Remedy;

const NAME: &str = "services without a code";
const REASON: &str = "these services have no pam_twostep line";

/// The place and the lines of a rule that exempts all logins by `services`: before the first rule that is not an exemption, or at
/// the end of the file. None if no such lines have that effect, as where all rules are on one line.
pub(crate) fn exemption(
    policy: &Policy,
    text: &str,
    services: &[&str],
    now: UnixTime,
) -> Option<(Location, String)> {
    let first = policy.rules().iter().find(|rule| rule.mode() != Mode::Exempt).map(|rule| rule.line);
    let name = unused_name(policy);
    let header = first.and_then(|line| extent(line, text)).map(|(header, _)| header);
    let before = |line| Location::line(POLICY, line);
    let table = |location| (location, table(&name, services));
    let tables = match (first, header) {
        (None, _) => Some(table(Location::file(POLICY))),
        (Some(_), header) => header.map(|line| table(before(with_comments(line, text)))),
    };
    let inline = first.map(|line| (before(line), inline(&name, services)));
    let exempts = |(location, lines): &(Location, String)| {
        let remedy = Remedy::Insert { location: location.clone(), text: lines.clone() };
        let changed = remedy.apply(text).and_then(|text| Policy::parse(text.as_bytes()).ok());
        changed.is_some_and(|policy| {
            services.iter().all(|service| policy.strictest(service, now) == Mode::Exempt)
        })
    };
    tables.into_iter().chain(inline).find(exempts)
}

/// A name that no rule has.
fn unused_name(policy: &Policy) -> String {
    let is_used = |name: &str| policy.rules().iter().any(|rule| rule.name == name);
    let mut name = NAME.to_owned();
    let mut number = 1_usize;
    while is_used(&name) {
        number = number.saturating_add(1);
        name = format!("{NAME} {number}");
    }
    name
}

fn table(name: &str, services: &[&str]) -> String {
    format!("[[rule]]\nname = {name:?}\nservices = {services:?}\nmode = \"exempt\"\nreason = {REASON:?}")
}

fn inline(name: &str, services: &[&str]) -> String {
    format!("{{ name = {name:?}, services = {services:?}, mode = \"exempt\", reason = {REASON:?} }},")
}

/// The first of the comment lines right above `line`; the line itself if there are none.
fn with_comments(line: usize, text: &str) -> usize {
    let lines: Vec<&str> = text.lines().take(line.saturating_sub(1)).collect();
    let comments = lines.iter().rev().take_while(|line| line.trim_start().starts_with('#')).count();
    line.saturating_sub(comments)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::new(1_800_000_000);

    /// The place of the lines that exempt su and `su -`, and the policy with them.
    fn exempted(text: &str) -> Option<(Option<usize>, String)> {
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let (location, lines) = exemption(&policy, text, &["su", "su-l"], NOW)?;
        Some((location.line, Remedy::Insert { location, text: lines }.apply(text).unwrap()))
    }

    #[test]
    fn goes_before_comment_of_first_rule_that_is_not_exempt() {
        let text = "version = 1\nmode = \"opt-in\"\n\n[[rule]]\nname = \"a\"\nusers = [\"a\"]\nmode = \"exempt\"\n\n# All\n# others.\n[[rule]]\nname = \"b\"\nmode = \"mandatory\"\n";
        let (line, changed) = exempted(text).unwrap();
        assert_eq!(line, Some(9));
        assert!(changed.contains("services = [\"su\", \"su-l\"]\nmode = \"exempt\""), "{changed}");
    }

    #[test]
    fn goes_to_end_where_no_rule_is_mandatory() {
        let (line, changed) =
            exempted("version = 1\nmode = \"mandatory\"\n[gate]\nservices = [\"sshd\"]").unwrap();
        assert_eq!(line, None);
        assert!(changed.contains("[\"sshd\"]\n[[rule]]\nname = \"services without a code\"\n"), "{changed}");
    }

    #[test]
    fn takes_name_that_no_rule_has() {
        let rule = |name: &str| format!("[[rule]]\nname = \"{name}\"\nmode = \"mandatory\"\n");
        let text = format!("version = 1\nmode = \"opt-in\"\n{}", rule(NAME));
        let (_, changed) = exempted(&text).unwrap();
        assert!(changed.contains("name = \"services without a code 2\""), "{changed}");
    }

    #[test]
    fn becomes_inline_table_among_inline_tables() {
        let rules =
            "version = 1\nmode = \"opt-in\"\nrule = [\n  { name = \"b\", mode = \"mandatory\" },\n]\n";
        let (line, changed) = exempted(rules).unwrap();
        assert_eq!(line, Some(4));
        assert!(changed.contains("\n{ name = \"services without a code\", "), "{changed}");
        let one_line = rules.replace("[\n", "[").replace(",\n]", "]");
        assert_eq!(exempted(&one_line), None);
    }
}
