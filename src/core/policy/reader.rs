//! The policy file: TOML in, a [`Policy`] or one located error out.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Date;

use crate::proof::totp::{Algorithm, Hash};
use crate::time::{Day, Period};

use super::model::{DEFAULT_RULE, Enrollment, Gate, METHODS, Mode, Origin, Verification};
use super::network::Network;
use super::rules::{Policy, Rule};

/// A position in a text: line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Position {
    /// The position of the byte at `offset`.
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
    /// The line and column at which it stands.
    pub position: Position,
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.position.line, self.position.column, self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    #[serde(rename = "version")]
    _version: Version,
    mode: Spanned<Mode>,
    #[serde(default)]
    verification: VerificationTable,
    #[serde(default)]
    enrollment: EnrollmentTable,
    #[serde(default)]
    gate: GateTable,
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
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct VerificationTable {
    skew_steps: Option<Within<0, 3>>,
    tries: Option<Within<1, 10>>,
    lockout_after: Option<Within<3, 100>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct EnrollmentTable {
    services: Option<Services>,
    require_ticket: Option<bool>,
    issuer: Option<Issuer>,
    algorithm: Option<Hash>,
    digits: Option<Within<6, 8>>,
    period: Option<PeriodOfApps>,
    recovery_codes: Option<Within<0, 16>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct GateTable {
    services: Option<Services>,
}

/// PAM services, perhaps none.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Services(Vec<String>);

impl TryFrom<Vec<String>> for Services {
    type Error = String;

    fn try_from(services: Vec<String>) -> Result<Self, String> {
        services_of_libpam(&services).map(|()| Self(services))
    }
}

/// What apps show: it is drawn on terminals and written into a URI.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Issuer(String);

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = (1..=64).contains(&text.chars().count()) && !text.contains(char::is_control);
        let hint = || "an issuer must have 1 to 64 printable characters".to_owned();
        if fits { Ok(Self(text)) } else { Err(hint()) }
    }
}

/// The periods that apps know.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "i64")]
struct PeriodOfApps(Period);

impl TryFrom<i64> for PeriodOfApps {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        let known =
            u64::try_from(seconds).ok().filter(|seconds| [30, 60].contains(seconds)).and_then(Period::new);
        known.map(Self).ok_or_else(|| format!("the period is 30 or 60 seconds, not {seconds}"))
    }
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
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a rule")]
pub(super) struct RuleTable {
    name: Spanned<String>,
    users: Option<NameList>,
    groups: Option<NameList>,
    services: Option<ServiceList>,
    origin: Option<Origin>,
    from: Option<Networks>,
    first_factor: Option<FirstFactors>,
    until: Option<Spanned<Date>>,
    starts: Option<Spanned<Date>>,
    mode: Mode,
    reason: Option<String>,
}

/// One name or more: an empty list would match nobody, which nobody means.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct NameList(Vec<String>);

impl TryFrom<Vec<String>> for NameList {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        not_empty(&names)?;
        no_empty_name(&names).map(|()| Self(names))
    }
}

/// Services of a rule, one or more.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct ServiceList(Vec<String>);

impl TryFrom<Vec<String>> for ServiceList {
    type Error = String;

    fn try_from(services: Vec<String>) -> Result<Self, String> {
        not_empty(&services)?;
        services_of_libpam(&services).map(|()| Self(services))
    }
}

/// libpam makes the name of every service lower case (pam_start.c).
fn services_of_libpam(services: &[String]) -> Result<(), String> {
    no_empty_name(services)?;
    let hint = |name: &String| {
        format!("no PAM service is called so, in capitals: it is {:?}", name.to_ascii_lowercase())
    };
    services
        .iter()
        .find(|name| name.contains(|c: char| c.is_ascii_uppercase()))
        .map_or(Ok(()), |name| Err(hint(name)))
}

fn no_empty_name(names: &[String]) -> Result<(), String> {
    let hint = || "an empty name matches nothing".to_owned();
    if names.iter().any(String::is_empty) { Err(hint()) } else { Ok(()) }
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

#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct FirstFactors(Vec<String>);

impl TryFrom<Vec<String>> for FirstFactors {
    type Error = String;

    fn try_from(methods: Vec<String>) -> Result<Self, String> {
        not_empty(&methods)?;
        match methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            Some(unknown) => Err(format!("'{unknown}' is no method of sshd's: {} are", METHODS.join(", "))),
            None => Ok(Self(methods)),
        }
    }
}

fn not_empty(list: &[String]) -> Result<(), String> {
    let hint = || "an empty list matches nothing".to_owned();
    if list.is_empty() { Err(hint()) } else { Ok(()) }
}

impl Policy {
    /// Parses the text of a policy file. Everything that is not understood is an error.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let text = text_of(bytes)?;
        let file: PolicyFile = toml::from_str(text).map_err(|error| located(&error, text))?;
        let mut names = Names::default();
        file.rule.iter().try_for_each(|rule| rule.check(&mut names, text))?;
        Ok(Self {
            line: Position::of(file.mode.span().start, text).line,
            mode: file.mode.into_inner(),
            verification: file.verification.into_verification(),
            enrollment: file.enrollment.into_enrollment(),
            gate: file.gate.services.map_or_else(Gate::default, |services| Gate { services: services.0 }),
            rules: file.rule.into_iter().map(|rule| rule.into_rule(text)).collect(),
        })
    }
}

/// The text that these bytes are.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, PolicyError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let readable = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let text = std::str::from_utf8(readable).unwrap_or_default();
        PolicyError { position: Position::of(text.len(), text), message: "this is not UTF-8".to_owned() }
    })
}

/// An error of the parser's, in one line and with its place.
pub(super) fn located(error: &toml::de::Error, text: &str) -> PolicyError {
    PolicyError {
        position: Position::of(error.span().map_or(0, |span| span.start), text),
        message: error.message().replace('\n', ", "),
    }
}

impl VerificationTable {
    fn into_verification(self) -> Verification {
        let usual = Verification::default();
        Verification {
            skew_steps: self.skew_steps.map_or(usual.skew_steps, |value| value.0),
            tries: self.tries.map_or(usual.tries, |value| value.0),
            lockout_after: self.lockout_after.map_or(usual.lockout_after, |value| value.0.into()),
        }
    }
}

impl EnrollmentTable {
    fn into_enrollment(self) -> Enrollment {
        let usual = Enrollment::default();
        Enrollment {
            services: self.services.map_or(usual.services, |services| services.0),
            require_ticket: self.require_ticket.unwrap_or(usual.require_ticket),
            issuer: self.issuer.map(|issuer| issuer.0),
            algorithm: self.algorithm.map_or(usual.algorithm, Algorithm::from),
            digits: self.digits.map_or(usual.digits, |value| value.0),
            period: self.period.map_or(usual.period, |period| period.0),
            recovery_codes: self.recovery_codes.map_or(usual.recovery_codes, |value| value.0),
        }
    }
}

/// The names of the rules so far.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Rules are named in the log and in explanations, so a name must say which.
    fn add(&mut self, name: &str) -> Result<(), String> {
        if name.is_empty() {
            return Err("a rule needs a name".to_owned());
        }
        if name == DEFAULT_RULE {
            return Err(format!("'{DEFAULT_RULE}' stands for the policy's own mode: choose another name"));
        }
        let is_new = self.0.insert(name.to_owned());
        if is_new { Ok(()) } else { Err(format!("another rule is called '{name}' already")) }
    }
}

impl RuleTable {
    /// Fails where its parts do not fit together, or not with the rules before.
    pub(super) fn check(&self, names: &mut Names, text: &str) -> Result<(), PolicyError> {
        let at = |offset| move |message| PolicyError { position: Position::of(offset, text), message };
        names.add(self.name.as_ref()).map_err(at(self.name.span().start))?;
        let (offset, message) = match (self.mode, &self.until, &self.starts) {
            (Mode::OptIn | Mode::Mandatory, Some(day), _) => {
                (day.span().start, "'until' is the last day of an exemption: this rule's mode is another")
            }
            (Mode::OptIn | Mode::Exempt, _, Some(day)) => (
                day.span().start,
                "'starts' is the first day of what is mandatory: this rule's mode is another",
            ),
            (Mode::Exempt, _, None) | (Mode::Mandatory, None, _) | (Mode::OptIn, None, None) => return Ok(()),
        };
        Err(at(offset)(message.to_owned()))
    }
}

fn day(date: Spanned<Date>) -> Day {
    let Date { year, month, day } = date.into_inner();
    Day::new(year, month, day)
}

impl RuleTable {
    fn into_rule(self, text: &str) -> Rule {
        Rule {
            line: Position::of(self.name.span().start, text).line,
            name: self.name.into_inner(),
            users: self.users.map(|names| names.0),
            groups: self.groups.map(|names| names.0),
            services: self.services.map(|names| names.0),
            origin: self.origin,
            from: self.from.map(|networks| networks.0),
            first_factor: self.first_factor.map(|methods| methods.0),
            until: self.until.map(day),
            starts: self.starts.map(day),
            mode: self.mode,
            reason: self.reason,
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
        assert_eq!((policy.enrollment, policy.gate), (Enrollment::default(), Gate::default()));
    }

    #[test]
    fn every_key_of_verification_is_read() {
        let text = "version = 1\nmode = \"mandatory\"\n[verification]\nskew-steps = 0\ntries = 10\nlockout-after = 100\n";
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!(policy.verification, Verification { skew_steps: 0, tries: 10, lockout_after: 100 });
    }

    #[test]
    fn every_key_of_enrollment_and_gate_is_read() {
        let text = "version = 1\nmode = \"mandatory\"\n[gate]\nservices = []\n[enrollment]\nservices = [\"login\"]\n\
                    require-ticket = true\nissuer = \"Example Corp\"\nalgorithm = \"SHA256\"\ndigits = 8\nperiod = 60\n\
                    recovery-codes = 0\n";
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let expected = Enrollment {
            services: vec!["login".to_owned()],
            require_ticket: true,
            issuer: Some("Example Corp".to_owned()),
            algorithm: Algorithm::SHA256,
            digits: 8,
            period: Period::new(60).unwrap(),
            recovery_codes: 0,
        };
        assert_eq!((policy.enrollment, policy.gate), (expected, Gate { services: Vec::new() }));
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
            ("[enrollment]\nticket = true\n", "4:1: unknown field `ticket`"),
            ("[enrollment]\nrequire-ticket = 1\n", "4:18: invalid type: integer `1`, expected a boolean"),
            ("[enrollment]\nservices = [\"\"]\n", "4:12: an empty name matches nothing"),
            ("[enrollment]\nissuer = \"\"\n", "4:10: an issuer must have 1 to 64"),
            ("[enrollment]\nissuer = \"a\\u001bb\"\n", "4:10: an issuer must have 1 to 64"),
            ("[enrollment]\nalgorithm = \"MD5\"\n", "4:13: unknown variant `MD5`"),
            ("[enrollment]\ndigits = 5\n", "4:10: 5 is out of range: 6 to 8"),
            ("[enrollment]\nperiod = 15\n", "4:10: the period is 30 or 60 seconds, not 15"),
            ("[enrollment]\nperiod = -30\n", "4:10: the period is 30 or 60 seconds, not -30"),
            ("[enrollment]\nrecovery-codes = 17\n", "4:18: 17 is out of range: 0 to 16"),
            ("[gate]\nservice = [\"sshd\"]\n", "4:1: unknown field `service`"),
            (
                "[gate]\nservices = [\"sudo\", \"SSHD\"]\n",
                "4:12: no PAM service is called so, in capitals: it is \"sshd\"",
            ),
            (
                "[[rule]]\nname = \"a\"\nmode = \"mandatory\"\nservices = [\"Sudo\"]\n",
                "6:12: no PAM service is called so, in capitals: it is \"sudo\"",
            ),
            ("[gate]\nservices = \"sshd\"\n", "4:12: invalid type: string"),
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
            (
                "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = \"2027-01-01\"\n",
                "6:9: invalid type: string",
            ),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = 2027-02-30\n", "6:9: "),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nuntil = 2027-02-01T00:00:00Z\n", "6:9: "),
            (
                "[[rule]]\nname = \"a\"\nmode = \"opt-in\"\nuntil = 2027-01-01\n",
                "6:9: 'until' is the last day",
            ),
            (
                "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nstarts = 2027-01-01\n",
                "6:10: 'starts' is the first day",
            ),
            ("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfirst-factor = []\n", "6:16: an empty list"),
            (
                "[[rule]]\nname = \"a\"\nmode = \"exempt\"\nfirst-factor = [\"key\"]\n",
                "6:16: 'key' is no method",
            ),
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
