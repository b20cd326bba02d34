//! The policy reader that twostep had until 0.1.0, based on serde. The present reader must read and refuse the same
//! files.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Date;

use crate::document::Position;
use crate::proof::totp::Algorithm;
use crate::time::{Day, Period};

use super::model::{DEFAULT_RULE, Enrollment, Gate, METHODS, Mode, Origin, Verification};
use super::network::{Network, NetworkError};
use super::rules::{Policy, Rule};

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Exempt,
    OptIn,
    Mandatory,
}

impl From<Word> for Mode {
    fn from(word: Word) -> Self {
        match word {
            Word::Exempt => Self::Exempt,
            Word::OptIn => Self::OptIn,
            Word::Mandatory => Self::Mandatory,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    Local,
    Remote,
}

impl From<Place> for Origin {
    fn from(place: Place) -> Self {
        match place {
            Place::Local => Self::Local,
            Place::Remote => Self::Remote,
        }
    }
}

#[derive(Deserialize)]
enum Hash {
    SHA1,
    SHA256,
    SHA512,
}

impl From<Hash> for Algorithm {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::SHA1 => Self::SHA1,
            Hash::SHA256 => Self::SHA256,
            Hash::SHA512 => Self::SHA512,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(rename = "version")]
    _version: Version,
    mode: Spanned<Word>,
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
struct VerificationTable {
    skew_steps: Option<Within<0, 3>>,
    tries: Option<Within<1, 10>>,
    lockout_after: Option<Within<3, 100>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
struct EnrollmentTable {
    services: Option<Services>,
    require_ticket: Option<bool>,
    issuer: Option<Issuer>,
    algorithm: Option<Hash>,
    digits: Option<Within<6, 8>>,
    period: Option<PeriodOfApps>,
    codes: Option<Spanned<Within<1, 2>>>,
    recovery_codes: Option<Within<0, 16>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct GateTable {
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

/// The name that apps show: it is drawn on terminals and written into a URI.
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

/// The periods that apps accept.
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
struct RuleTable {
    name: Spanned<String>,
    users: Option<NameList>,
    groups: Option<NameList>,
    services: Option<ServiceList>,
    origin: Option<Place>,
    from: Option<Networks>,
    first_factor: Option<FirstFactors>,
    until: Option<Spanned<Date>>,
    starts: Option<Spanned<Date>>,
    mode: Word,
    reason: Option<String>,
}

/// One name or more: an empty list would match no user, which is always a mistake.
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
        let parsed: Result<_, NetworkError> = texts.iter().map(|text| Network::parse(text)).collect();
        parsed.map(Self).map_err(|error| error.to_string())
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

/// The policy, if `bytes` is one.
pub(super) fn parse(bytes: &[u8]) -> Option<Policy> {
    let text = std::str::from_utf8(bytes).ok()?;
    let file: PolicyFile = toml::from_str(text).ok()?;
    let mut names = BTreeSet::new();
    if !file.rule.iter().all(|rule| rule.fits(&mut names)) {
        return None;
    }
    Some(Policy {
        line: Position::of(file.mode.span().start, bytes).line,
        mode: file.mode.into_inner().into(),
        verification: file.verification.into_verification(),
        enrollment: file.enrollment.into_enrollment(bytes),
        gate: file.gate.services.map_or_else(Gate::default, |services| Gate { services: services.0 }),
        rules: file.rule.into_iter().map(|rule| rule.into_rule(bytes)).collect(),
    })
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
    fn into_enrollment(self, bytes: &[u8]) -> Enrollment {
        let usual = Enrollment::default();
        Enrollment {
            services: self.services.map_or(usual.services, |services| services.0),
            require_ticket: self.require_ticket.unwrap_or(usual.require_ticket),
            issuer: self.issuer.map(|issuer| issuer.0),
            algorithm: self.algorithm.map_or(usual.algorithm, Algorithm::from),
            digits: self.digits.map_or(usual.digits, |value| value.0),
            period: self.period.map_or(usual.period, |period| period.0),
            codes_line: self.codes.as_ref().map(|codes| Position::of(codes.span().start, bytes).line),
            codes: self.codes.map_or(usual.codes, |codes| codes.into_inner().0),
            recovery_codes: self.recovery_codes.map_or(usual.recovery_codes, |value| value.0),
        }
    }
}

impl RuleTable {
    /// Whether the keys of the rule fit together and its name is not in `names` yet.
    fn fits(&self, names: &mut BTreeSet<String>) -> bool {
        let name = self.name.as_ref();
        let is_new = !name.is_empty() && name != DEFAULT_RULE && names.insert(name.clone());
        is_new
            && (self.until.is_none() || self.mode == Word::Exempt)
            && (self.starts.is_none() || self.mode == Word::Mandatory)
    }
}

fn day(date: Spanned<Date>) -> Day {
    let Date { year, month, day } = date.into_inner();
    Day::new(year, month, day)
}

impl RuleTable {
    fn into_rule(self, text: &[u8]) -> Rule {
        Rule {
            line: Position::of(self.name.span().start, text).line,
            name: self.name.into_inner(),
            users: self.users.map(|names| names.0),
            groups: self.groups.map(|names| names.0),
            services: self.services.map(|names| names.0),
            origin: self.origin.map(Origin::from),
            from: self.from.map(|networks| networks.0),
            first_factor: self.first_factor.map(|methods| methods.0),
            until: self.until.map(day),
            starts: self.starts.map(day),
            mode: self.mode.into(),
            reason: self.reason,
        }
    }
}
