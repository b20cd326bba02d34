//! What is known of one account.

use serde::Serialize;
use twostep_core::machine::Roster;
use twostep_core::manage::act::Target;
use twostep_core::manage::obligation::Obligation;
use twostep_core::manage::status::{AuthenticatorSummary, StateSummary, Status};
use twostep_core::os::account::Account;
use twostep_core::policy::Policy;
use twostep_core::proof::state::Count;
use twostep_core::time::{Period, Step, UnixTime};
use twostep_core::verdict::{Occasion, is_soon};

use crate::words::moment::rfc_3339;

/// What is known of one account. The names of the fields are those of the JSON.
#[derive(Serialize)]
pub(super) struct AccountStatus {
    pub user: Option<String>,
    pub uid: u32,
    pub enrolled: bool,
    /// When the first authenticator was enrolled, if the secret file has that.
    pub enrolled_since: Option<u64>,
    /// What makes the second step mandatory in some login; none if it is optional in all.
    pub required_by: Option<RequiredBy>,
    /// When an administrator ran `twostep require`; none if nobody did, or in a record of format 1.
    pub required_since: Option<u64>,
    pub authenticators: Vec<AuthenticatorStatus>,
    pub failures: u16,
    pub codes: Codes,
    pub wait_until: Option<u64>,
    /// The same where the helper checks codes: at screen lockers, and in this command if a user runs it.
    pub helper: HelperStatus,
    /// The mark.
    pub last_use: Option<u64>,
    /// When and where a code was last accepted; none in a record of format 1.
    pub last_granted: Option<OccasionStatus>,
    /// The same for the last failure in the count of programs that run as root.
    pub last_refused: Option<OccasionStatus>,
    /// How many recovery codes are left; none if there never were any.
    pub recovery_codes: Option<u8>,
    pub recovery_failures: u16,
    /// Whether no recovery code is accepted after too many wrong ones.
    pub recovery_disabled: bool,
    /// The end of the ticket, if there is a valid one.
    pub ticket_until: Option<u64>,
    /// Why the record cannot be used, and logins are denied.
    pub problem: Option<String>,
    #[serde(flatten)]
    pub utc: Utc,
}

/// The moments of the account again, as RFC 3339 writes them.
#[derive(Serialize, Default)]
pub(super) struct Utc {
    enrolled_since_utc: Option<String>,
    required_since_utc: Option<String>,
    wait_until_utc: Option<String>,
    last_use_utc: Option<String>,
    ticket_until_utc: Option<String>,
}

/// `service` is empty for a program that does not run as root. `host` is empty if the code was typed at the machine itself.
#[derive(Serialize)]
pub(super) struct OccasionStatus {
    pub at: u64,
    at_utc: Option<String>,
    pub service: String,
    pub host: String,
}

impl From<Occasion> for OccasionStatus {
    fn from(Occasion { at, from }: Occasion) -> Self {
        let at = at.seconds();
        let (service, host) = (from.service().to_owned(), from.host().to_owned());
        Self { at, at_utc: rfc_3339(at), service, host }
    }
}

#[derive(Serialize)]
pub(super) struct RequiredBy {
    pub rule: String,
    pub line: usize,
    pub administrator: bool,
}

impl From<Obligation> for RequiredBy {
    fn from(Obligation { rule, line, administrator }: Obligation) -> Self {
        Self { rule, line, administrator }
    }
}

#[derive(Serialize)]
pub(super) struct AuthenticatorStatus {
    pub label: String,
    pub algorithm: String,
    pub digits: u8,
    pub period: u64,
    pub enrolled: Option<u64>,
    enrolled_utc: Option<String>,
}

impl From<AuthenticatorSummary> for AuthenticatorStatus {
    fn from(summary: AuthenticatorSummary) -> Self {
        let AuthenticatorSummary { label, algorithm, digits, period, enrolled } = summary;
        Self { label, algorithm, digits, period, enrolled, enrolled_utc: enrolled.and_then(rfc_3339) }
    }
}

#[derive(Serialize)]
pub(super) struct HelperStatus {
    pub failures: u16,
    pub codes: Codes,
    pub wait_until: Option<u64>,
    pub wait_until_utc: Option<String>,
    pub recovery_failures: u16,
    pub recovery_disabled: bool,
}

/// Whether a code would be accepted now.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Codes {
    Accepted,
    Waiting,
    Disabled,
    ClockAnomaly,
}

/// What each status is computed from.
pub(crate) struct Basis<'a> {
    pub machine: &'a Roster<'a>,
    pub policy: Policy,
    pub now: UnixTime,
}

impl Basis<'_> {
    fn obligation(&self, account: &Account, required: bool) -> Option<Obligation> {
        Obligation::of(account, required, self.machine, &self.policy, self.now)
    }

    /// Whether a code would be accepted now by this counter, and when that ends.
    pub(crate) fn codes(
        &self,
        state: &StateSummary,
        count: Count,
        authenticators: &[AuthenticatorSummary],
    ) -> (Codes, Option<u64>) {
        let (mark, now) = (UnixTime::new(state.mark), self.now);
        match count.waits_until(now) {
            _ if count.codes >= self.policy.verification.lockout_after => (Codes::Disabled, None),
            Some(until) => (Codes::Waiting, Some(until.seconds())),
            None if mark > self.window_end(authenticators) => {
                (Codes::ClockAnomaly, is_soon(mark, now).then_some(state.mark))
            }
            None => (Codes::Accepted, None),
        }
    }

    /// When the last step begins that could be accepted now.
    fn window_end(&self, authenticators: &[AuthenticatorSummary]) -> UnixTime {
        let skew = self.policy.verification.skew_steps.into();
        let end = |period| Step::at(self.now, period).later(skew).begins();
        let periods = authenticators.iter().filter_map(|one| Period::new(one.period));
        periods.map(end).max().unwrap_or_else(|| end(Period::DEFAULT))
    }
}

impl AccountStatus {
    pub(super) fn of(basis: &Basis<'_>, target: &Target, status: Status) -> Self {
        let Status { enrolled, problem, authenticators, state } = status;
        let duty = |required| target.account.as_ref().and_then(|account| basis.obligation(account, required));
        let mut status = Self {
            user: target.account.as_ref().map(|account| account.name.clone()),
            uid: target.uid,
            enrolled,
            enrolled_since: authenticators.iter().filter_map(|one| one.enrolled).min(),
            required_by: duty(state.as_ref().is_some_and(|state| state.required && problem.is_none()))
                .map(RequiredBy::from),
            required_since: None,
            failures: 0,
            codes: Codes::Accepted,
            wait_until: None,
            helper: HelperStatus {
                failures: 0,
                codes: Codes::Accepted,
                wait_until: None,
                wait_until_utc: None,
                recovery_failures: 0,
                recovery_disabled: false,
            },
            last_use: None,
            last_granted: None,
            last_refused: None,
            recovery_codes: None,
            recovery_failures: 0,
            recovery_disabled: false,
            ticket_until: None,
            authenticators: Vec::new(),
            problem,
            utc: Utc::default(),
        };
        if let Some(state) = state {
            status.fill(basis, &state, &authenticators);
        }
        status.authenticators = authenticators.into_iter().map(AuthenticatorStatus::from).collect();
        status.utc = status.in_utc();
        status
    }

    fn in_utc(&self) -> Utc {
        Utc {
            enrolled_since_utc: self.enrolled_since.and_then(rfc_3339),
            required_since_utc: self.required_since.and_then(rfc_3339),
            wait_until_utc: self.wait_until.and_then(rfc_3339),
            last_use_utc: self.last_use.and_then(rfc_3339),
            ticket_until_utc: self.ticket_until.and_then(rfc_3339),
        }
    }

    fn fill(&mut self, basis: &Basis<'_>, state: &StateSummary, authenticators: &[AuthenticatorSummary]) {
        self.failures = state.hosts.codes;
        self.required_since = state.required_since;
        self.last_use = Some(state.mark).filter(|&mark| mark > 0);
        self.last_granted = state.granted.map(OccasionStatus::from);
        self.last_refused = state.refused.map(OccasionStatus::from);
        self.recovery_codes = state.recovery_left;
        self.recovery_failures = state.hosts.recovery;
        self.recovery_disabled = state.hosts.recovery_disabled;
        self.ticket_until = state.ticket_until;
        (self.codes, self.wait_until) = basis.codes(state, state.hosts.count(), authenticators);
        self.helper.failures = state.helper.codes;
        self.helper.recovery_failures = state.helper.recovery;
        self.helper.recovery_disabled = state.helper.recovery_disabled;
        (self.helper.codes, self.helper.wait_until) =
            basis.codes(state, state.helper.count(), authenticators);
        self.helper.wait_until_utc = self.helper.wait_until.and_then(rfc_3339);
    }
}
