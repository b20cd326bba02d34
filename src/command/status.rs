//! `twostep status`: who is enrolled, and whether codes are accepted.

use serde::Serialize;
use twostep_core::helper::client;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::System;
use twostep_core::manage::act::Target;
use twostep_core::manage::obligation::Obligation;
use twostep_core::manage::status::{AuthenticatorSummary, StateSummary, Status};
use twostep_core::os::account::{self, Account};
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::policy::Policy;
use twostep_core::proof::state::Count;
use twostep_core::time::{Period, Step, UnixTime};
use twostep_core::verdict::is_soon;
use twostep_core::words::Reader;

use crate::administrator::Administrator;
use crate::caller::{Caller, check_own, named, unavailable};
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::words::{frame, moment, status as words};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Show this user, by name or uid (root only)
    #[arg(long, value_name = "USER", conflicts_with = "all")]
    user: Option<String>,
    /// All users with stored data (root only)
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is known of one account. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct AccountStatus {
    user: Option<String>,
    uid: u32,
    enrolled: bool,
    /// When the first authenticator was enrolled, if the secret file has that.
    enrolled_since: Option<u64>,
    /// What makes the second step mandatory in some login; none if it is optional in all.
    required_by: Option<RequiredBy>,
    authenticators: Vec<AuthenticatorStatus>,
    failures: u16,
    codes: Codes,
    wait_until: Option<u64>,
    /// The same where the helper checks codes: at screen lockers, and in this command if a user runs it.
    helper: HelperStatus,
    /// The mark.
    last_use: Option<u64>,
    /// How many recovery codes are left; none if there never were any.
    recovery_codes: Option<u8>,
    recovery_failures: u16,
    /// Whether no recovery code is accepted after too many wrong ones.
    recovery_disabled: bool,
    /// The end of the ticket, if there is a valid one.
    ticket_until: Option<u64>,
    /// Why the record cannot be used, and logins are denied.
    problem: Option<String>,
}

#[derive(Serialize)]
struct RequiredBy {
    rule: String,
    line: usize,
    administrator: bool,
}

impl From<Obligation> for RequiredBy {
    fn from(Obligation { rule, line, administrator }: Obligation) -> Self {
        Self { rule, line, administrator }
    }
}

#[derive(Serialize)]
struct AuthenticatorStatus {
    label: String,
    algorithm: String,
    digits: u8,
    period: u64,
    enrolled: Option<u64>,
}

impl From<AuthenticatorSummary> for AuthenticatorStatus {
    fn from(summary: AuthenticatorSummary) -> Self {
        let AuthenticatorSummary { label, algorithm, digits, period, enrolled } = summary;
        Self { label, algorithm, digits, period, enrolled }
    }
}

#[derive(Serialize)]
struct HelperStatus {
    failures: u16,
    codes: Codes,
    wait_until: Option<u64>,
    recovery_failures: u16,
    recovery_disabled: bool,
}

/// Whether a code would be accepted now.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Codes {
    Accepted,
    Waiting,
    Disabled,
    ClockAnomaly,
}

/// Shows one account, or all.
pub(crate) fn run(caller: &Caller, arguments: &Arguments) -> Result<(), Failure> {
    match caller {
        Caller::Administrator(administrator) => of_others(administrator, arguments),
        Caller::User => of_oneself(arguments),
    }
}

fn of_oneself(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.all {
        return Err(Failure::refused(words::ONLY_ROOT_SEES_ALL, words::ONLY_ROOT_SEES_ALL_THEN));
    }
    check_own(arguments.user.as_deref())?;
    let target = Target::of(account::real_uid())?;
    let system = System::new(Root::SYSTEM);
    let policy = system.policy().map_err(unavailable)?;
    let basis = Basis { system: &system, policy, now: clock::now()? };
    let status = client::status().map_err(unavailable)?;
    let status = AccountStatus::of(&basis, &target, status);
    show(std::slice::from_ref(&status), arguments, Whose::Own)?;
    match status.problem {
        Some(_) => Err(Failure::unavailable(words::UNUSABLE, frame::ASK_ADMINISTRATOR)),
        None => Ok(()),
    }
}

fn of_others(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let store = administrator.store()?;
    let (found, strays) = if arguments.all {
        let (uids, strays) = store.uids()?;
        (uids.into_iter().map(Target::of).collect(), strays)
    } else {
        (vec![Ok(administrator.target(named(arguments.user.as_deref())?)?)], Vec::new())
    };
    let (targets, failures) = parted(found);
    let now = administrator.now()?;
    let basis = Basis { system: administrator.machine().system(), policy: administrator.policy()?, now };
    let status = |target: &Target| Status::of(store.snapshot(target.uid), target.account.as_ref(), now);
    let all: Vec<AccountStatus> =
        targets.iter().map(|target| AccountStatus::of(&basis, target, status(target))).collect();
    if failures.is_empty() || !all.is_empty() || arguments.json {
        show(&all, arguments, Whose::Others)?;
    }
    failures.iter().for_each(|failure| note(failure.what()));
    if !failures.is_empty() {
        return Err(Failure::unavailable(words::not_shown(failures.len()), words::NOT_SHOWN_THEN));
    }
    if let Some(problem) = all.iter().find_map(|status| status.problem.as_ref()) {
        return Err(Failure::unavailable(problem.clone(), words::DENIED_THEN));
    }
    match strays.first() {
        Some(stray) => Err(Failure::unavailable(words::stray(stray.display()), words::STRAY_THEN)),
        None => Ok(()),
    }
}

/// The accounts that can be shown, and why the others cannot.
fn parted(found: Vec<Result<Target, Failure>>) -> (Vec<Target>, Vec<Failure>) {
    let (mut targets, mut failures) = (Vec::new(), Vec::new());
    for target in found {
        match target {
            Ok(target) => targets.push(target),
            Err(failure) => failures.push(failure),
        }
    }
    (targets, failures)
}

/// What each status is computed from.
struct Basis<'a> {
    system: &'a System,
    policy: Policy,
    now: UnixTime,
}

impl Basis<'_> {
    fn obligation(&self, account: &Account, required: bool) -> Option<Obligation> {
        Obligation::of(account, required, self.system, &self.policy, self.now)
    }

    /// Whether a code would be accepted now by this counter, and when that ends.
    fn codes(
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
    fn of(basis: &Basis<'_>, target: &Target, status: Status) -> Self {
        let Status { enrolled, problem, authenticators, state } = status;
        let duty = |required| target.account.as_ref().and_then(|account| basis.obligation(account, required));
        let mut status = Self {
            user: target.account.as_ref().map(|account| account.name.clone()),
            uid: target.uid,
            enrolled,
            enrolled_since: authenticators.iter().filter_map(|one| one.enrolled).min(),
            required_by: duty(state.as_ref().is_some_and(|state| state.required && problem.is_none()))
                .map(RequiredBy::from),
            failures: 0,
            codes: Codes::Accepted,
            wait_until: None,
            helper: HelperStatus {
                failures: 0,
                codes: Codes::Accepted,
                wait_until: None,
                recovery_failures: 0,
                recovery_disabled: false,
            },
            last_use: None,
            recovery_codes: None,
            recovery_failures: 0,
            recovery_disabled: false,
            ticket_until: None,
            authenticators: Vec::new(),
            problem,
        };
        if let Some(state) = state {
            status.fill(basis, &state, &authenticators);
        }
        status.authenticators = authenticators.into_iter().map(AuthenticatorStatus::from).collect();
        status
    }

    fn fill(&mut self, basis: &Basis<'_>, state: &StateSummary, authenticators: &[AuthenticatorSummary]) {
        self.failures = state.hosts.codes;
        self.last_use = Some(state.mark).filter(|&mark| mark > 0);
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
    }
}

/// Whose accounts are shown.
#[derive(Clone, Copy)]
enum Whose {
    Own,
    Others,
}

fn show(all: &[AccountStatus], arguments: &Arguments, whose: Whose) -> Result<(), Failure> {
    if all.is_empty() && !arguments.json {
        return say(words::NONE_ENROLLED);
    }
    if !arguments.json {
        return all.iter().try_for_each(|status| say(&status.text(whose)));
    }
    let json = match all {
        [one] if !arguments.all => serde_json::to_string_pretty(one),
        _ => serde_json::to_string_pretty(all),
    };
    say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?)
}

impl AccountStatus {
    fn text(&self, whose: Whose) -> String {
        let uid = self.uid.to_string();
        // What a command takes for an account, also for one that is deleted.
        let argument = self.user.as_deref().unwrap_or(&uid);
        let reader = match whose {
            Whose::Own => Reader::You,
            Whose::Others => Reader::Admin(argument),
        };
        let name = self.user.as_deref().unwrap_or(words::NO_SUCH_ACCOUNT);
        let head = if self.enrolled { words::enrolled } else { words::not_enrolled };
        let mut lines = vec![head(name, self.uid)];
        lines.extend(self.authenticators.iter().map(AuthenticatorStatus::text));
        lines.extend(self.required_by.as_ref().map(RequiredBy::text));
        if self.enrolled || self.failures > 0 || self.problem.is_some() {
            lines.push(words::at_hosts(self.codes_text(reader, argument)));
        }
        if self.helper.codes != Codes::Accepted || self.helper.failures > 0 {
            lines.push(words::at_helper(self.helper.codes_text(reader, argument)));
        }
        if self.helper.recovery_disabled {
            lines.push(words::at_helper(words::recovery_disabled(reader, argument)));
        }
        lines.extend(self.recovery_codes.map(words::recovery_left));
        if self.recovery_disabled {
            lines.push(words::at_hosts(words::recovery_disabled(reader, argument)));
        }
        lines.extend(self.ticket_until.map(|until| words::ticket(moment::text(UnixTime::new(until)))));
        if !self.enrolled && reader == Reader::You {
            lines.push(words::TO_ENROLL.to_owned());
        }
        lines.join("\n")
    }

    fn codes_text(&self, reader: Reader<'_>, argument: &str) -> String {
        match &self.problem {
            Some(problem) => words::denied(problem),
            None => codes_text(self.codes, self.wait_until, self.failures, reader, argument),
        }
    }
}

impl HelperStatus {
    fn codes_text(&self, reader: Reader<'_>, argument: &str) -> String {
        codes_text(self.codes, self.wait_until, self.failures, reader, argument)
    }
}

fn codes_text(
    codes: Codes,
    wait_until: Option<u64>,
    failures: u16,
    reader: Reader<'_>,
    argument: &str,
) -> String {
    match (codes, wait_until) {
        (Codes::Disabled, _) => words::disabled(reader, argument),
        (_, Some(until)) => words::waiting(UnixTime::new(until)),
        (Codes::ClockAnomaly, None) => words::ahead(reader, argument),
        (Codes::Accepted | Codes::Waiting, None) => words::accepted(failures),
    }
}

impl RequiredBy {
    fn text(&self) -> String {
        let Self { rule, line, administrator } = self;
        if *administrator {
            return words::REQUIRED_BY_ADMINISTRATOR.to_owned();
        }
        words::required_by_rule(rule, line)
    }
}

impl AuthenticatorStatus {
    fn text(&self) -> String {
        let Self { label, algorithm, digits, period, .. } = self;
        match self.enrolled.and_then(moment::date) {
            Some(date) => words::authenticator_since(label, algorithm, digits, period, date),
            None => words::authenticator(label, algorithm, digits, period),
        }
    }
}
