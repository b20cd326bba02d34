//! The status of one account's second step, without secrets and without hashes of them.

use std::fmt::Write;

use crate::document::{self, At, Document, DocumentError, Table, Value};
use crate::os::account::Account;
use crate::proof::state::{AttemptCounter, Count, State};
use crate::proof::ticket::Ticket;
use crate::proof::totp::Authenticator;
use crate::store::files::credential::{Credential, quoted};
use crate::store::not_theirs::check_state;
use crate::store::{Snapshot, StoreError};
use crate::time::UnixTime;
use crate::verdict::{Occasion, Origin};

/// The record of one account, as far as it may be shown.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Status {
    /// Whether the account has a credential.
    pub enrolled: bool,
    /// Why logins are denied, if the record cannot be used.
    pub problem: Option<String>,
    /// The authenticators, as far as they can be read.
    pub authenticators: Vec<AuthenticatorSummary>,
    /// The state, if there is one.
    pub state: Option<StateSummary>,
}

/// The facts of one authenticator that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthenticatorSummary {
    /// The user's name for it.
    pub label: String,
    /// The name of the hash.
    pub algorithm: String,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds of a step.
    pub period: u64,
    /// When it was enrolled, in seconds since the epoch.
    pub enrolled: Option<u64>,
}

/// The state, as far as it may be shown. Moments are seconds since the epoch.
#[derive(Debug, PartialEq, Eq)]
pub struct StateSummary {
    /// The mark: codes whose step begins at or before it are used up.
    pub mark: u64,
    /// Whether an administrator requires a second step.
    pub required: bool,
    /// When that began, if the record has it.
    pub required_since: Option<u64>,
    /// How many recovery codes are left; none if there never were any.
    pub recovery_left: Option<u8>,
    /// Until when a ticket lets the account enroll.
    pub ticket_until: Option<u64>,
    /// Failures at programs that run as root.
    pub hosts: Failures,
    /// Failures at the helper.
    pub helper: Failures,
    /// When and where a code was last accepted, if the record has that.
    pub granted: Option<Occasion>,
    /// When and where the last failure of `hosts` was, if the record has that.
    pub refused: Option<Occasion>,
}

/// Failures in a row at one counter.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Failures {
    /// Wrong codes in a row.
    pub codes: u16,
    /// Wrong recovery codes in a row.
    pub recovery: u16,
    /// Whether so many recovery codes failed that they are disabled.
    pub recovery_disabled: bool,
    /// When the last failure was, in seconds since the epoch.
    pub last: u64,
}

impl Failures {
    fn of(state: &State, by: AttemptCounter) -> Self {
        let Count { codes, recovery, last, .. } = state.count(by);
        let recovery_disabled = state.has_disabled_recovery(by);
        Self { codes, recovery, recovery_disabled, last: last.seconds() }
    }

    fn read(value: Value<'_>) -> Read<Self> {
        let mut table = Table::of(value)?;
        Ok(Self {
            codes: table.need("codes", document::any_integer)?,
            recovery: table.need("recovery", document::any_integer)?,
            recovery_disabled: table.need("recovery_disabled", document::boolean)?,
            last: table.need("last", document::any_integer)?,
        })
    }

    /// The failures as the state counts them.
    pub fn count(self) -> Count {
        Count { codes: self.codes, recovery: self.recovery, last: UnixTime::new(self.last), tried: None }
    }
}

impl Status {
    /// The status of `stored`, which is the record of `account` if that exists. A part that cannot be read becomes a
    /// problem.
    pub fn of(stored: Snapshot, account: Option<&Account>, now: UnixTime) -> Self {
        let mut status = Self { enrolled: true, ..Self::default() };
        status.problem = status.fill(stored, account, now).err().map(|error| error.to_string());
        status
    }

    /// Fills in the parts that can be read, up to the first that cannot.
    fn fill(&mut self, stored: Snapshot, account: Option<&Account>, now: UnixTime) -> Result<(), StoreError> {
        let credential = stored.credential?;
        self.enrolled = credential.is_some();
        if let Some(Credential { authenticators, .. }) = &credential {
            self.authenticators = authenticators.iter().map(AuthenticatorSummary::of).collect();
        }
        if let (Some(credential), Some(account)) = (&credential, account) {
            credential.check_owner(account)?;
        }
        let Some(state) = stored.state? else { return Ok(()) };
        self.state = Some(StateSummary::of(&state, now));
        if let Some(account) = account {
            check_state(&state, account)?;
        }
        Ok(())
    }

    /// The text that [`Status::parse`] reads: TOML.
    pub fn to_toml(&self) -> String {
        let mut text = format!("enrolled = {}\n", self.enrolled);
        // Writing to a string cannot fail.
        if let Some(problem) = &self.problem {
            let _ = writeln!(text, "problem = {}", quoted(problem));
        }
        if let Some(state) = &self.state {
            state.write(&mut text);
        }
        for AuthenticatorSummary { label, algorithm, digits, period, enrolled } in &self.authenticators {
            let _ = write!(
                text,
                "[[authenticator]]\nlabel = {}\nalgorithm = {}\ndigits = {digits}\nperiod = {period}\n",
                quoted(label),
                quoted(algorithm),
            );
            write_if_known(&mut text, "enrolled", *enrolled);
        }
        text
    }

    /// Reads the text of [`Status::to_toml`]. Unknown keys are ignored, because a newer helper may add some.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Self::read(text).map_err(|error| error.what)
    }

    fn read(text: &str) -> Read<Self> {
        let document = Document::parse(text)?;
        let mut table = document.table();
        let authenticators = table.read("authenticator", document::list)?;
        Ok(Self {
            enrolled: table.need("enrolled", document::boolean)?,
            problem: table.read("problem", document::string)?,
            authenticators: authenticators
                .into_iter()
                .flatten()
                .map(AuthenticatorSummary::read)
                .collect::<Read<_>>()?,
            state: table.read("state", StateSummary::read)?,
        })
    }
}

type Read<T> = Result<T, At<DocumentError>>;

impl StateSummary {
    fn of(state: &State, now: UnixTime) -> Self {
        let usable = |ticket: &Ticket| ticket.tries > 0 && now < ticket.expires;
        Self {
            mark: state.mark.seconds(),
            required: state.requirement.is_some(),
            required_since: state.requirement.and_then(|one| one.since).map(UnixTime::seconds),
            recovery_left: state.recovery.left(),
            ticket_until: state.ticket.filter(usable).map(|ticket| ticket.expires.seconds()),
            hosts: Failures::of(state, AttemptCounter::Hosts),
            helper: Failures::of(state, AttemptCounter::Helper),
            granted: state.granted,
            refused: state.hosts.tried,
        }
    }

    fn read(value: Value<'_>) -> Read<Self> {
        let mut table = Table::of(value)?;
        Ok(Self {
            mark: table.need("mark", document::any_integer)?,
            required: table.need("required", document::boolean)?,
            required_since: table.read("required_since", document::any_integer)?,
            recovery_left: table.read("recovery_left", document::any_integer)?,
            ticket_until: table.read("ticket_until", document::any_integer)?,
            hosts: table.need("hosts", Failures::read)?,
            helper: table.need("helper", Failures::read)?,
            granted: table.read("granted", read_occasion)?,
            refused: table.read("refused", read_occasion)?,
        })
    }

    fn write(&self, text: &mut String) {
        let _ = write!(text, "[state]\nmark = {}\nrequired = {}\n", self.mark, self.required);
        write_if_known(text, "required_since", self.required_since);
        write_if_known(text, "recovery_left", self.recovery_left.map(u64::from));
        write_if_known(text, "ticket_until", self.ticket_until);
        for (name, Failures { codes, recovery, recovery_disabled, last }) in
            [("hosts", self.hosts), ("helper", self.helper)]
        {
            let _ = writeln!(
                text,
                "{name} = {{ codes = {codes}, recovery = {recovery}, recovery_disabled = {recovery_disabled}, last = {last} }}",
            );
        }
        let occasions = [("granted", &self.granted), ("refused", &self.refused)];
        for (name, Occasion { at, from }) in
            occasions.into_iter().filter_map(|(name, one)| Some((name, (*one)?)))
        {
            let (at, service, host) = (at.seconds(), quoted(from.service()), quoted(from.host()));
            let _ = writeln!(text, "{name} = {{ at = {at}, service = {service}, host = {host} }}");
        }
    }
}

fn read_occasion(value: Value<'_>) -> Read<Occasion> {
    let mut table = Table::of(value)?;
    let at = UnixTime::new(table.need("at", document::any_integer)?);
    let service: String = table.need("service", document::string)?;
    let host: String = table.need("host", document::string)?;
    Ok(Occasion { at, from: Origin::new(&service, &host) })
}

impl AuthenticatorSummary {
    fn of(one: &Authenticator) -> Self {
        Self {
            label: one.label.clone(),
            algorithm: one.algorithm().as_str().to_owned(),
            digits: one.digits(),
            period: one.period.seconds(),
            enrolled: one.enrolled.map(UnixTime::seconds),
        }
    }

    fn read(value: Value<'_>) -> Read<Self> {
        let mut table = Table::of(value)?;
        Ok(Self {
            label: table.need("label", document::string)?,
            algorithm: table.need("algorithm", document::string)?,
            digits: table.need("digits", document::any_integer)?,
            period: table.need("period", document::any_integer)?,
            enrolled: table.read("enrolled", document::any_integer)?,
        })
    }
}

fn write_if_known(text: &mut String, key: &str, number: Option<u64>) {
    if let Some(number) = number {
        let _ = writeln!(text, "{key} = {number}");
    }
}

#[cfg(test)]
mod tests;
