//! The reader of the policy file: from TOML to a [`Policy`] or its errors.

use std::collections::BTreeSet;

use crate::document::{self, At, Document, Position, Table, Value};
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

const ORIGINS: [(&str, Origin); 2] =
    [(Origin::Local.word(), Origin::Local), (Origin::Remote.word(), Origin::Remote)];

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
    (policy, errors.0.into_iter().map(located))
}

/// The errors found so far, in the order of the text.
#[derive(Default)]
struct Errors(Vec<At<PolicyErrorKind>>);

impl Errors {
    fn add(&mut self, errors: impl IntoIterator<Item = At<PolicyErrorKind>>) {
        errors.into_iter().for_each(|error| document::keep_in_order(&mut self.0, error));
    }

    /// The value, if it was read. If not, keeps the error.
    fn keep<T>(&mut self, read: Read<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                document::keep_in_order(&mut self.0, error);
                None
            }
        }
    }

    /// The value of `key`, if the optional key is there and was read. Keeps an error.
    fn read<'d, T>(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Read<T>,
    ) -> Option<T> {
        table.value(key).and_then(|value| self.keep(read(value)))
    }

    /// Replaces `usual` by the value of `key`, if the optional key is there and was read. Keeps an error.
    fn read_into<'d, T>(
        &mut self,
        usual: &mut T,
        table: &mut Table<'d>,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Read<T>,
    ) {
        if let Some(value) = self.read(table, key, read) {
            *usual = value;
        }
    }
}

/// Counts lines once, if they are asked for in the order of the text.
struct Lines<'t> {
    bytes: &'t [u8],
    offset: usize,
    /// The line of `offset`, from 1.
    line: usize,
}

impl Lines<'_> {
    /// The line of the byte at `offset`.
    fn of(&mut self, offset: usize) -> usize {
        if offset < self.offset {
            (self.offset, self.line) = (0, 1);
        }
        let between = self.bytes.get(self.offset..offset).unwrap_or_default();
        self.line = self.line.saturating_add(between.iter().filter(|byte| **byte == b'\n').count());
        self.offset = offset;
        self.line
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
    let (mut table, mut lines) = (document.table(), Lines { bytes, offset: 0, line: 1 });
    errors.keep(table.need("version", version));
    if let Some(mode) = errors.keep(table.need("mode", mode)) {
        policy.line = lines.of(mode.offset);
        policy.mode = mode.what;
    }
    if let Some(table) = errors.read(&mut table, "verification", Table::of) {
        verification(table, &mut policy.verification, errors);
    }
    if let Some(table) = errors.read(&mut table, "enrollment", Table::of) {
        enrollment(table, &mut policy.enrollment, &mut lines, errors);
    }
    if let Some(table) = errors.read(&mut table, "gate", Table::of) {
        gate(table, &mut policy.gate, errors);
    }
    let rules = errors.read(&mut table, "rule", document::list).into_iter().flatten();
    let mut names = BTreeSet::new();
    policy.rules = rules.filter_map(|value| rule(value, &mut names, &mut lines, errors)).collect();
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

fn verification(mut table: Table<'_>, into: &mut Verification, errors: &mut Errors) {
    let within = |range| move |value: Value<'_>| document::integer(value, range);
    errors.read_into(&mut into.skew_steps, &mut table, "skew-steps", within(0..=3));
    errors.read_into(&mut into.tries, &mut table, "tries", within(1..=10));
    errors.read_into(&mut into.lockout_after, &mut table, "lockout-after", |value| {
        document::integer(value, 3..=100)
    });
    errors.add(table.unknown_keys());
}

fn enrollment(mut table: Table<'_>, into: &mut Enrollment, lines: &mut Lines<'_>, errors: &mut Errors) {
    let within = |range| move |value: Value<'_>| document::integer(value, range);
    errors.read_into(&mut into.services, &mut table, "services", services);
    errors.read_into(&mut into.require_ticket, &mut table, "require-ticket", document::boolean);
    into.issuer = errors.read(&mut table, "issuer", issuer);
    errors.read_into(&mut into.algorithm, &mut table, "algorithm", |value| document::word(value, &HASHES));
    errors.read_into(&mut into.digits, &mut table, "digits", within(6..=8));
    errors.read_into(&mut into.period, &mut table, "period", period);
    errors.read_into(&mut into.codes, &mut table, "codes", |value| {
        into.codes_line = Some(lines.of(value.offset()));
        document::integer(value, 1..=2)
    });
    errors.read_into(&mut into.recovery_codes, &mut table, "recovery-codes", within(0..=16));
    errors.add(table.unknown_keys());
}

fn gate(mut table: Table<'_>, into: &mut Gate, errors: &mut Errors) {
    errors.read_into(&mut into.services, &mut table, "services", services);
    errors.add(table.unknown_keys());
}

fn services(value: Value<'_>) -> Read<Vec<String>> {
    each(value, service)
}

fn rule<'d>(
    value: Value<'d>,
    names: &mut BTreeSet<&'d str>,
    lines: &mut Lines<'_>,
    errors: &mut Errors,
) -> Option<Rule> {
    let mut table = errors.keep(Table::of(value))?;
    let name = errors.keep(table.need("name", |value| named(value, names)));
    let mode = errors.keep(table.need("mode", mode)).map(|mode| mode.what);
    let until = errors.read(&mut table, "until", |value| day_of_mode(value, mode, "until", Mode::Exempt));
    let starts =
        errors.read(&mut table, "starts", |value| day_of_mode(value, mode, "starts", Mode::Mandatory));
    let users = errors.read(&mut table, "users", |value| some(value, some_name));
    let groups = errors.read(&mut table, "groups", |value| some(value, some_name));
    let services = errors.read(&mut table, "services", |value| some(value, service));
    let origin = errors.read(&mut table, "origin", |value| document::word(value, &ORIGINS));
    let from = errors.read(&mut table, "from", |value| some(value, network));
    let first_factor = errors.read(&mut table, "first-factor", |value| some(value, method));
    let reason = errors.read(&mut table, "reason", document::string);
    errors.add(table.unknown_keys());
    let At { offset, what: name } = name?;
    let (line, mode) = (lines.of(offset), mode?);
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
fn named<'d>(value: Value<'d>, names: &mut BTreeSet<&'d str>) -> Read<At<String>> {
    let offset = value.offset();
    document::checked(value, document::characters, |name| match name {
        "" => Err(PolicyErrorKind::UnnamedRule),
        DEFAULT_RULE => Err(PolicyErrorKind::ReservedName),
        _ if names.insert(name) => Ok(At { offset, what: name.to_owned() }),
        _ => Err(PolicyErrorKind::NameTaken(name.to_owned())),
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
    let parse = |text: &str| Network::parse(text).map_err(PolicyErrorKind::Network);
    document::checked(value, document::characters, parse)
}

fn method(value: Value<'_>) -> Read<String> {
    document::checked(value, document::string, |method| {
        let is_known = METHODS.contains(&method.as_str());
        if is_known { Ok(method) } else { Err(PolicyErrorKind::UnknownMethod(method)) }
    })
}

#[cfg(test)]
mod tests;
