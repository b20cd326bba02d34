//! The policy file: TOML in, a [`Policy`] or one located error out.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::{DEFAULT_RULE, Mode, Network, Origin, Policy, Rule, Verification};

/// A place in a text: line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset`.
    pub fn of(offset: usize, text: &str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let column = before.get(line_start..).unwrap_or("").chars().count().saturating_add(1);
        Self { line: before.matches('\n').count().saturating_add(1), column }
    }
}

/// What is wrong with a policy, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyError {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(rename = "version")]
    _version: Version,
    mode: Mode,
    #[serde(default)]
    verification: VerificationTable,
    #[serde(default)]
    rule: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(try_from = "i64")]
struct Version;

impl TryFrom<i64> for Version {
    type Error = String;

    fn try_from(version: i64) -> Result<Self, String> {
        let unknown = || format!("unknown version {version}: this program reads version 1");
        (version == 1).then_some(Self).ok_or_else(unknown)
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct VerificationTable {
    skew_steps: Option<Within<0, 3>>,
    tries: Option<Within<1, 10>>,
    lockout_after: Option<Within<3, 100>>,
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "i64")]
struct Within<const LEAST: u8, const MOST: u8>(u8);

impl<const LEAST: u8, const MOST: u8> TryFrom<i64> for Within<LEAST, MOST> {
    type Error = String;

    fn try_from(value: i64) -> Result<Self, String> {
        let within = u8::try_from(value).ok().filter(|value| (LEAST..=MOST).contains(value));
        within.map(Self).ok_or_else(|| format!("{value} is out of range: {LEAST} to {MOST}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Spanned<String>,
    users: Option<Names>,
    groups: Option<Names>,
    services: Option<Names>,
    origin: Option<Origin>,
    from: Option<Networks>,
    mode: Mode,
    #[serde(rename = "reason")]
    _reason: Option<String>,
}

/// One name or more: an empty list would match nobody, which nobody means.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Names(Vec<String>);

impl TryFrom<Vec<String>> for Names {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        not_empty(&names)?;
        if names.iter().any(String::is_empty) {
            return Err("an empty name matches nothing".to_owned());
        }
        Ok(Self(names))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Networks(Vec<Network>);

impl TryFrom<Vec<String>> for Networks {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        not_empty(&texts)?;
        texts.iter().map(|text| Network::parse(text)).collect::<Result<_, _>>().map(Self)
    }
}

fn not_empty(list: &[String]) -> Result<(), String> {
    let hint = || "an empty list matches nothing: leave the key out to match everything".to_owned();
    if list.is_empty() { Err(hint()) } else { Ok(()) }
}

/// Parses the text of a policy file.
pub(super) fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let readable = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let text = std::str::from_utf8(readable).unwrap_or_default();
        PolicyError { place: Place::of(text.len(), text), message: "this is not UTF-8".to_owned() }
    })?;
    let file: PolicyFile = toml::from_str(text).map_err(|error| PolicyError {
        place: Place::of(error.span().map_or(0, |span| span.start), text),
        message: error.message().replace('\n', ", "),
    })?;
    check_names(&file.rule, text)?;
    let given = file.verification;
    let usual = Verification::default();
    Ok(Policy {
        mode: file.mode,
        verification: Verification {
            skew_steps: given.skew_steps.map_or(usual.skew_steps, |value| value.0),
            tries: given.tries.map_or(usual.tries, |value| value.0),
            lockout_after: given.lockout_after.map_or(usual.lockout_after, |value| value.0.into()),
        },
        rules: file.rule.into_iter().map(RuleTable::into_rule).collect(),
    })
}

/// Rules are named in the log and in explanations, so a name must say which.
fn check_names(rules: &[RuleTable], text: &str) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::from([DEFAULT_RULE]);
    for rule in rules {
        let name = rule.name.as_ref().as_str();
        let problem = if name.is_empty() {
            "a rule needs a name".to_owned()
        } else if name == DEFAULT_RULE {
            format!("'{DEFAULT_RULE}' stands for the policy's own mode: choose another name")
        } else if !seen.insert(name) {
            format!("another rule is called '{name}' already")
        } else {
            continue;
        };
        return Err(PolicyError { place: Place::of(rule.name.span().start, text), message: problem });
    }
    Ok(())
}

impl RuleTable {
    fn into_rule(self) -> Rule {
        Rule {
            name: self.name.into_inner(),
            users: self.users.map(|names| names.0),
            groups: self.groups.map(|names| names.0),
            services: self.services.map(|names| names.0),
            origin: self.origin,
            from: self.from.map(|networks| networks.0),
            mode: self.mode,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Policy::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_shortest_policy_has_every_default() {
        let policy = Policy::parse(b"version = 1\nmode = \"opt-in\"\n").unwrap();
        assert_eq!(policy.verification, Verification { skew_steps: 1, tries: 3, lockout_after: 20 });
    }

    #[test]
    fn a_mistake_is_an_error_with_its_place_never_a_default() {
        let head = "version = 1\nmode = \"opt-in\"\n";
        let table = [
            ("skew-step = 3\n", "3:1: unknown field `skew-step`"),
            ("[verification]\nskew-step = 3\n", "4:1: unknown field `skew-step`"),
            ("[verification]\nskew-steps = 4\n", "4:14: 4 is out of range: 0 to 3"),
            ("[verification]\nskew-steps = -1\n", "4:14: -1 is out of range"),
            ("[verification]\nskew-steps = \"1\"\n", "4:14: invalid type: string \"1\", expected i64"),
            ("[verification]\ntries = 0\n", "4:9: 0 is out of range: 1 to 10"),
            ("[verification]\nlockout-after = 101\n", "4:17: 101 is out of range: 3 to 100"),
            ("mode = \"exempt\"\n", "3:1: duplicate key"),
            ("[[rule]]\nmode = \"exempt\"\n", "3:1: missing field `name`"),
            ("[[rule]]\nname = \"a\"\n", "3:1: missing field `mode`"),
            ("[[rule]]\nname = \"\"\nmode = \"exempt\"\n", "4:8: a rule needs a name"),
            ("[[rule]]\nname = \"default\"\nmode = \"exempt\"\n", "4:8: 'default' stands for"),
            ("[[rule]]\nname = \"a\"\nmode = \"off\"\n", "5:8: unknown variant `off`"),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nusers = []\n", "6:9: an empty list matches nothing"),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nusers = \"ada\"\n", "6:9: invalid type: string"),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfrom = [\"host\"]\n", "6:8: 'host' is no literal"),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuser = [\"ada\"]\n", "6:1: unknown field `user`"),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\norigin = \"lan\"\n", "6:10: unknown variant `lan`"),
            ("x", "3:2: "),
        ];
        for (tail, expected) in table {
            let error = error(&format!("{head}{tail}"));
            assert!(error.starts_with(expected), "{tail:?}\n  gives    {error}\n  expected {expected}");
            assert!(!error.contains('\n'), "one line: {error}");
        }
    }

    #[test]
    fn two_rules_of_one_name_are_refused() {
        let rule = "[[rule]]\nname = \"a\"\nmode = \"exempt\"\n";
        assert_eq!(
            error(&format!("version = 1\nmode = \"opt-in\"\n{rule}{rule}")),
            "7:8: another rule is called 'a' already"
        );
    }

    #[test]
    fn a_policy_without_version_or_mode_is_refused() {
        assert!(error("mode = \"opt-in\"\n").contains("missing field `version`"));
        assert!(error("version = 1\n").contains("missing field `mode`"));
        assert_eq!(
            error("version = 2\nmode = \"opt-in\"\n"),
            "1:11: unknown version 2: this program reads version 1"
        );
        assert!(error("").contains("missing field"));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        assert_eq!(Policy::parse(b"version = 1\n\xff").unwrap_err().to_string(), "2:1: this is not UTF-8");
        assert!(Policy::parse(b"version = 1\0\nmode = \"opt-in\"\n").is_err());
    }
}
