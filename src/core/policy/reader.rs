//! The reader of the policy file: from TOML to a [`Policy`] or its errors.

use std::collections::BTreeSet;

use crate::document::{self, At, Document, MOST_ERRORS, Position, Table, Value};
use crate::proof::totp::HASHES;
use crate::time::{Day, Period};

use super::error::{PolicyError, PolicyErrorKind};
use super::model::{DEFAULT_RULE, Enrollment, Gate, METHODS, Mode, Origin, Verification};
use super::network::Network;
use super::rules::{Policy, Rule};

const MODES: [(&str, Mode); 3] = [
    (Mode::Exempt.word(), Mode::Exempt),
    (Mode::OptIn.word(), Mode::OptIn),
    (Mode::Mandatory.word(), Mode::Mandatory),
];

const ORIGINS: [(&str, Origin); 2] = [("local", Origin::Local), ("remote", Origin::Remote)];

/// The periods that apps accept, in seconds.
const PERIODS: [u64; 2] = [30, 60];

type Read<T> = Result<T, At<PolicyErrorKind>>;

impl Policy {
    /// Parses the text of a policy file. Every part that the reader does not know is an error. Fails with the first
    /// error.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let (policy, mut errors) = read(bytes);
        errors.next().map_or(Ok(policy), Err)
    }

    /// All errors in the text of a policy file, in its order: all syntax errors, or if there are none, all others.
    /// Empty if and only if [`Self::parse`] reads the text.
    pub fn errors(bytes: &[u8]) -> Vec<PolicyError> {
        read(bytes).1.collect()
    }
}

/// The policy and its errors. If there is an error, the policy must not be used.
fn read(bytes: &[u8]) -> (Policy, impl Iterator<Item = PolicyError>) {
    let mut errors = Errors::default();
    let policy = of_bytes(bytes, &mut errors);
    let located =
        move |At { offset, what: kind }| PolicyError { position: Position::of(offset, bytes), kind };
    (policy, errors.in_order().into_iter().map(located))
}

/// The errors found so far.
#[derive(Default)]
struct Errors(Vec<At<PolicyErrorKind>>);

impl Errors {
    fn add(&mut self, errors: impl IntoIterator<Item = At<PolicyErrorKind>>) {
        let room = MOST_ERRORS.saturating_sub(self.0.len());
        self.0.extend(errors.into_iter().take(room));
    }

    /// The value, if it was read. If not, keeps the error.
    fn keep<T>(&mut self, read: Read<T>) -> Option<T> {
        read.map_err(|error| self.add([error])).ok()
    }

    /// The value, if the optional key is there and was read. Keeps an error.
    fn keep_any<T>(&mut self, read: Read<Option<T>>) -> Option<T> {
        self.keep(read).flatten()
    }

    fn in_order(mut self) -> Vec<At<PolicyErrorKind>> {
        self.0.sort_by_key(|error| error.offset);
        self.0
    }
}

fn of_bytes(bytes: &[u8], errors: &mut Errors) -> Policy {
    let mut policy = Policy {
        mode: Mode::Mandatory,
        line: 1,
        rules: Vec::new(),
        verification: Verification::default(),
        enrollment: Enrollment::default(),
        gate: Gate::default(),
    };
    let Some(text) = errors.keep(document::text_of(bytes)) else { return policy };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(first) => {
            errors.add(document::syntax_errors(text));
            errors.add(errors.0.is_empty().then_some(first));
            return policy;
        }
    };
    let mut table = document.table();
    errors.keep(table.need("version", version));
    if let Some(mode) = errors.keep(table.need("mode", mode)) {
        policy.line = Position::of(mode.offset, bytes).line;
        policy.mode = mode.what;
    }
    if let Some(table) = errors.keep_any(table.read("verification", Table::of)) {
        policy.verification = verification(table, errors);
    }
    if let Some(table) = errors.keep_any(table.read("enrollment", Table::of)) {
        policy.enrollment = enrollment(table, bytes, errors);
    }
    if let Some(table) = errors.keep_any(table.read("gate", Table::of)) {
        policy.gate = gate(table, errors);
    }
    let rules = errors.keep_any(table.read("rule", document::list)).into_iter().flatten();
    let mut names = BTreeSet::new();
    policy.rules = rules.filter_map(|value| rule(value, &mut names, bytes, errors)).collect();
    errors.add(table.unknown_keys());
    policy
}

fn version(value: Value<'_>) -> Read<()> {
    document::checked(value, document::any_integer, |version| match version {
        1 => Ok(()),
        other => Err(PolicyErrorKind::UnknownVersion(other)),
    })
}

fn mode(value: Value<'_>) -> Read<At<Mode>> {
    let offset = value.offset();
    document::word(value, &MODES).map(|mode| At { offset, what: mode })
}

fn verification(mut table: Table<'_>, errors: &mut Errors) -> Verification {
    let usual = Verification::default();
    let skew_steps = table.read("skew-steps", |value| document::integer(value, 0..=3));
    let tries = table.read("tries", |value| document::integer(value, 1..=10));
    let lockout_after = table.read("lockout-after", |value| document::integer(value, 3..=100));
    errors.add(table.unknown_keys());
    Verification {
        skew_steps: errors.keep_any(skew_steps).unwrap_or(usual.skew_steps),
        tries: errors.keep_any(tries).unwrap_or(usual.tries),
        lockout_after: errors.keep_any(lockout_after).unwrap_or(usual.lockout_after),
    }
}

fn enrollment(mut table: Table<'_>, bytes: &[u8], errors: &mut Errors) -> Enrollment {
    let usual = Enrollment::default();
    let services = table.read("services", |value| each(value, service));
    let require_ticket = table.read("require-ticket", document::boolean);
    let issuer = table.read("issuer", issuer);
    let algorithm = table.read("algorithm", |value| document::word(value, &HASHES));
    let digits = table.read("digits", |value| document::integer(value, 6..=8));
    let period = table.read("period", period);
    let codes = table.read("codes", |value| {
        let offset = value.offset();
        document::integer(value, 1..=2).map(|what| At { offset, what })
    });
    let codes = errors.keep_any(codes);
    let recovery_codes = table.read("recovery-codes", |value| document::integer(value, 0..=16));
    errors.add(table.unknown_keys());
    Enrollment {
        services: errors.keep_any(services).unwrap_or(usual.services),
        require_ticket: errors.keep_any(require_ticket).unwrap_or(usual.require_ticket),
        issuer: errors.keep_any(issuer),
        algorithm: errors.keep_any(algorithm).unwrap_or(usual.algorithm),
        digits: errors.keep_any(digits).unwrap_or(usual.digits),
        period: errors.keep_any(period).unwrap_or(usual.period),
        codes: codes.as_ref().map_or(usual.codes, |codes| codes.what),
        codes_line: codes.map(|codes| Position::of(codes.offset, bytes).line),
        recovery_codes: errors.keep_any(recovery_codes).unwrap_or(usual.recovery_codes),
    }
}

fn gate(mut table: Table<'_>, errors: &mut Errors) -> Gate {
    let services = table.read("services", |value| each(value, service));
    errors.add(table.unknown_keys());
    Gate { services: errors.keep_any(services).unwrap_or(Gate::default().services) }
}

fn rule(value: Value<'_>, names: &mut BTreeSet<String>, bytes: &[u8], errors: &mut Errors) -> Option<Rule> {
    let mut table = errors.keep(Table::of(value))?;
    let name = errors.keep(table.need("name", |value| named(value, names)));
    let mode = errors.keep(table.need("mode", mode)).map(|mode| mode.what);
    let until = table.read("until", |value| day_of_mode(value, mode, "until", Mode::Exempt));
    let starts = table.read("starts", |value| day_of_mode(value, mode, "starts", Mode::Mandatory));
    let users = table.read("users", |value| some(value, some_name));
    let groups = table.read("groups", |value| some(value, some_name));
    let services = table.read("services", |value| some(value, service));
    let origin = table.read("origin", |value| document::word(value, &ORIGINS));
    let from = table.read("from", |value| some(value, network));
    let first_factor = table.read("first-factor", |value| some(value, method));
    let reason = table.read("reason", document::string);
    errors.add(table.unknown_keys());
    let (users, groups) = (errors.keep_any(users), errors.keep_any(groups));
    let (services, origin, from) =
        (errors.keep_any(services), errors.keep_any(origin), errors.keep_any(from));
    let first_factor = errors.keep_any(first_factor);
    let (until, starts, reason) = (errors.keep_any(until), errors.keep_any(starts), errors.keep_any(reason));
    let At { offset, what: name } = name?;
    let (line, mode) = (Position::of(offset, bytes).line, mode?);
    Some(Rule {
        line,
        name,
        users,
        groups,
        services,
        origin,
        from,
        first_factor,
        until,
        starts,
        mode,
        reason,
    })
}

/// The name of a rule. The log and explanations name rules, so names must be unique.
fn named(value: Value<'_>, names: &mut BTreeSet<String>) -> Read<At<String>> {
    let offset = value.offset();
    document::checked(value, document::string, |name| match name.as_str() {
        "" => Err(PolicyErrorKind::UnnamedRule),
        DEFAULT_RULE => Err(PolicyErrorKind::ReservedName),
        _ if names.insert(name.clone()) => Ok(At { offset, what: name }),
        _ => Err(PolicyErrorKind::NameTaken(name)),
    })
}

/// A day, whose key is allowed only in a rule of the mode `needed`.
fn day_of_mode(value: Value<'_>, is: Option<Mode>, key: &'static str, needed: Mode) -> Read<Day> {
    document::checked(value, document::day, |day| {
        let fits = is.is_none_or(|mode| mode == needed);
        if fits { Ok(day) } else { Err(PolicyErrorKind::NeedsMode { key, mode: needed }) }
    })
}

/// The name that apps show: it is drawn on terminals and written into a URI.
fn issuer(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |issuer| {
        let fits = (1..=64).contains(&issuer.chars().count()) && !issuer.contains(char::is_control);
        if fits { Ok(issuer) } else { Err(PolicyErrorKind::Issuer) }
    })
}

fn period(value: Value<'_>) -> Read<Period> {
    document::checked(value, document::any_integer, |seconds| {
        let known = PERIODS.contains(&seconds).then(|| Period::new(seconds)).flatten();
        known.ok_or(PolicyErrorKind::Period(seconds))
    })
}

/// The values of a list, perhaps none.
fn each<T>(value: Value<'_>, read: impl Fn(Value<'_>) -> Read<T>) -> Read<Vec<T>> {
    document::list(value)?.map(read).collect()
}

/// The values of a list, one or more: an empty list would match no user, which is always a mistake.
fn some<T>(value: Value<'_>, read: impl Fn(Value<'_>) -> Read<T>) -> Read<Vec<T>> {
    let read_each = |value| each(value, read);
    document::checked(value, read_each, |values| {
        if values.is_empty() { Err(PolicyErrorKind::EmptyList) } else { Ok(values) }
    })
}

fn some_name(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |name| {
        if name.is_empty() { Err(PolicyErrorKind::EmptyName) } else { Ok(name) }
    })
}

fn service(value: Value<'_>) -> Read<String> {
    document::checked(value, some_name, |name| {
        let has_capitals = name.contains(|c: char| c.is_ascii_uppercase());
        if has_capitals { Err(PolicyErrorKind::ServiceInCapitals(name)) } else { Ok(name) }
    })
}

fn network(value: Value<'_>) -> Read<Network> {
    let parse = |text: String| Network::parse(&text).map_err(PolicyErrorKind::Network);
    document::checked(value, document::string, parse)
}

fn method(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |method| {
        let is_known = METHODS.contains(&method.as_str());
        if is_known { Ok(method) } else { Err(PolicyErrorKind::UnknownMethod(method)) }
    })
}

#[cfg(test)]
mod tests;
