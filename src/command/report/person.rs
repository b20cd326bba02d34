//! What the report says of one person.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

use serde::{Serialize, Serializer};
use twostep_core::manage::obligation::{Obligation, PolicySubject};
use twostep_core::manage::status::{Failures, StateSummary, Status};
use twostep_core::os::account::Account;
use twostep_core::policy::{self, Policy, Rule};
use twostep_core::store::Snapshot;
use twostep_core::time::{Day, UnixTime};
use twostep_core::verdict::Occasion;

use crate::status::{Basis, Codes};

/// One person. The names of the fields are those of the JSON.
#[derive(Serialize)]
pub(super) struct Person {
    pub user: String,
    pub uid: u32,
    pub required: Required,
    /// The rules that exempt this person in some login.
    pub exempt: Vec<Exemption>,
    pub enrolled: bool,
    /// The day of the first authenticator that is still there, if the secret file has it.
    pub enrolled_since: Option<Date>,
    pub used: Used,
    pub codes: Codes,
    /// The same where the helper checks codes.
    pub helper_codes: Codes,
    /// None without a second step.
    pub recovery_codes: Option<Recovery>,
    pub has_ticket: bool,
    /// Those of the groups that have totals.
    pub groups: Vec<Rc<str>>,
    /// Why the record cannot be used, and logins are denied.
    pub problem: Option<String>,
}

/// Whether a second step is mandatory in some login.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub(super) enum Required {
    No,
    /// From this day on.
    Later {
        from: Date,
    },
    Now {
        rule: String,
        line: usize,
        /// Whether an administrator requires it where the rule is opt-in.
        administrator: bool,
        /// The first day, if that is known.
        since: Option<Date>,
    },
}

/// An exemption from the policy.
#[derive(Serialize)]
pub(super) struct Exemption {
    pub rule: Rc<str>,
    pub line: usize,
    /// The last day; none if it does not end.
    pub until: Option<Date>,
}

/// When and where a code was last accepted.
#[derive(Serialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub(super) enum Used {
    Never,
    /// The record cannot hold it (format 1).
    Unknown,
    /// `service` is empty for a program that does not run as root, `host` if the code was typed at the machine itself.
    At {
        at: u64,
        date: Option<Date>,
        service: Box<str>,
        host: Box<str>,
    },
}

/// How many recovery codes are left.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Recovery {
    None,
    /// 1 or 2.
    Few,
    Enough,
}

/// The most recovery codes that are few.
const FEW: u8 = 2;

impl Recovery {
    fn of(left: u8) -> Self {
        match left {
            0 => Self::None,
            1..=FEW => Self::Few,
            _ => Self::Enough,
        }
    }
}

/// A day, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Date(pub Day);

impl Date {
    /// The day of this moment, in seconds since the epoch; none after the year 9999.
    fn of(seconds: u64) -> Option<Self> {
        Day::of(UnixTime::new(seconds)).map(Self)
    }
}

/// As ISO 8601 writes it.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Person {
    /// What is stored of `account`, and what the policy asks of it now and from the days `coming` on.
    pub(super) fn of(
        basis: &Basis<'_>,
        coming: &BTreeSet<Day>,
        account: &Account,
        stored: Snapshot,
        groups: Vec<Rc<str>>,
    ) -> Self {
        let holds_grants = stored.holds_grants;
        let Status { enrolled, problem, authenticators, state } =
            Status::of(stored, Some(account), basis.now);
        let state = state.filter(|_| problem.is_none());
        let subject = PolicySubject::of(account, basis.machine, &basis.policy);
        let codes = |count: fn(&StateSummary) -> Failures| {
            let codes = |state| basis.codes(state, count(state).count(), &authenticators).0;
            state.as_ref().map_or(Codes::Accepted, codes)
        };
        let left = state.as_ref().and_then(|state| state.recovery_left);
        Self {
            user: account.name.clone(),
            uid: account.uid,
            required: Required::of(&subject, basis, coming, state.as_ref()),
            exempt: subject.exemptions(basis.now).into_iter().map(Exemption::of).collect(),
            enrolled,
            enrolled_since: authenticators.iter().filter_map(|one| one.enrolled).min().and_then(Date::of),
            used: match state.as_ref().map(|state| state.granted) {
                Some(Some(occasion)) => Used::of(occasion),
                Some(None) if !holds_grants => Used::Unknown,
                Some(None) | None => Used::Never,
            },
            codes: codes(|state| state.hosts),
            helper_codes: codes(|state| state.helper),
            recovery_codes: enrolled.then(|| Recovery::of(left.unwrap_or(0))),
            has_ticket: state.as_ref().is_some_and(|state| state.ticket_until.is_some()),
            groups,
            problem,
        }
    }

    /// Whether this person must have a second step now, and has none.
    pub(super) fn is_missing(&self) -> bool {
        !self.enrolled && self.required.is_now()
    }

    /// Whether a right code is refused, somewhere.
    pub(super) fn is_locked(&self) -> bool {
        self.codes != Codes::Accepted || self.helper_codes != Codes::Accepted
    }

    /// First those who must have a second step and have none, then by name.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let key = |person: &Self| !person.is_missing();
        key(self).cmp(&key(other)).then_with(|| self.user.cmp(&other.user))
    }
}

impl Required {
    fn of(
        subject: &PolicySubject<'_>,
        basis: &Basis<'_>,
        coming: &BTreeSet<Day>,
        state: Option<&StateSummary>,
    ) -> Self {
        let required = state.is_some_and(|state| state.required);
        if let Some(Obligation { rule, line, administrator }) = subject.obligation(required, basis.now) {
            let since = if administrator {
                state.and_then(|state| state.required_since).and_then(Date::of)
            } else {
                starts_of(&basis.policy, line).map(Date)
            };
            return Self::Now { rule, line, administrator, since };
        }
        let first = coming.iter().find(|day| subject.obligation(required, day.begins()).is_some());
        first.map_or(Self::No, |&from| Self::Later { from: Date(from) })
    }

    pub(super) fn is_now(&self) -> bool {
        matches!(self, Self::Now { .. })
    }
}

/// When the rule in this line started to require a second step.
fn starts_of(policy: &Policy, line: usize) -> Option<Day> {
    policy.rules().iter().find(|rule| rule.line == line).and_then(Rule::starts)
}

impl Exemption {
    fn of(policy::Exemption { rule, line, until }: policy::Exemption<'_>) -> Self {
        Self { rule: rule.into(), line, until: until.map(Date) }
    }
}

impl Used {
    fn of(Occasion { at, from }: Occasion) -> Self {
        let at = at.seconds();
        Self::At { at, date: Date::of(at), service: from.service().into(), host: from.host().into() }
    }
}
