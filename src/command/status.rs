//! `twostep status`: who is enrolled, and whether codes are accepted.

use serde::Serialize;
use time::OffsetDateTime;
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

use crate::administrator::Administrator;
use crate::caller::{ASK, Caller, check_own, named, unavailable};
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::ticket::moment;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by name or uid, where root looks
    #[arg(long, value_name = "USER", conflicts_with = "all")]
    user: Option<String>,
    /// Everybody of whom something is stored
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
    /// Since when, as far as the secret file tells.
    enrolled_since: Option<u64>,
    /// What makes the second step mandatory for them in some login or other; nothing if it is their choice.
    required_by: Option<RequiredBy>,
    authenticators: Vec<AuthenticatorStatus>,
    failures: u16,
    codes: Codes,
    wait_until: Option<u64>,
    /// The same for programs that are not root: screen lockers, and this command where people run it.
    helper: HelperStatus,
    /// The mark: the last code that is used up began then.
    last_use: Option<u64>,
    /// Recovery codes that are left, if the person ever had any.
    recovery_codes: Option<u8>,
    recovery_failures: u16,
    /// Whether so many were wrong in a row that none is looked at any more.
    recovery_disabled: bool,
    /// Until when a ticket lets them enroll, if one does.
    ticket_until: Option<u64>,
    /// Why logins are denied, if what is stored cannot be used.
    problem: Option<String>,
    #[serde(skip)]
    you: You,
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

/// What happens to a code now.
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
        Caller::Person => of_oneself(arguments),
    }
}

fn of_oneself(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.all {
        return Err(Failure::refused(
            "only root can see everybody.",
            "Run it with sudo, or without --all for yourself.",
        ));
    }
    check_own(arguments.user.as_deref())?;
    let target = Target::of(account::real_uid())?;
    let system = System::new(Root::SYSTEM);
    let policy = system.policy().map_err(unavailable)?;
    let basis = Basis { system: &system, policy, now: clock::now()? };
    let status = client::status().map_err(unavailable)?;
    let status = AccountStatus::of(&basis, &target, status, You::Yes);
    show(std::slice::from_ref(&status), arguments)?;
    match status.problem {
        Some(_) => Err(Failure::unavailable("what is stored of you cannot be used: logins are denied.", ASK)),
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
        targets.iter().map(|target| AccountStatus::of(&basis, target, status(target), You::No)).collect();
    if failures.is_empty() || !all.is_empty() || arguments.json {
        show(&all, arguments)?;
    }
    failures.iter().for_each(|failure| note(failure.what()));
    if !failures.is_empty() {
        let what = format!("{} of those of whom something is stored cannot be shown.", failures.len());
        return Err(Failure::unavailable(what, "See why the name service does not answer."));
    }
    if let Some(problem) = all.iter().find_map(|status| status.problem.as_ref()) {
        return Err(Failure::unavailable(problem.clone(), "Until this is mended, logins are denied."));
    }
    match strays.first() {
        Some(stray) => Err(Failure::unavailable(
            format!("{} is not a file of twostep's.", stray.display()),
            "It is ignored: remove it.",
        )),
        None => Ok(()),
    }
}

/// Those who can be shown, and why the others cannot.
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

/// Whether the person who is shown is the one who looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum You {
    Yes,
    No,
}

/// What every status is made of.
struct Basis<'a> {
    system: &'a System,
    policy: Policy,
    now: UnixTime,
}

impl Basis<'_> {
    fn obligation(&self, account: &Account, required: bool) -> Option<Obligation> {
        Obligation::of(account, required, self.system, &self.policy, self.now)
    }

    /// What happens to a code now by this counter, and until when.
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

    /// The last moment at which a step begins that could be accepted now.
    fn window_end(&self, authenticators: &[AuthenticatorSummary]) -> UnixTime {
        let skew = self.policy.verification.skew_steps.into();
        let end = |period| Step::at(self.now, period).later(skew).begins();
        let periods = authenticators.iter().filter_map(|one| Period::new(one.period));
        periods.map(end).max().unwrap_or_else(|| end(Period::DEFAULT))
    }
}

impl AccountStatus {
    fn of(basis: &Basis<'_>, target: &Target, status: Status, you: You) -> Self {
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
            you,
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

fn show(all: &[AccountStatus], arguments: &Arguments) -> Result<(), Failure> {
    if all.is_empty() && !arguments.json {
        return say("Nobody is enrolled.");
    }
    if !arguments.json {
        return all.iter().try_for_each(|status| say(&status.text()));
    }
    let json = match all {
        [one] if !arguments.all => serde_json::to_string_pretty(one),
        _ => serde_json::to_string_pretty(all),
    };
    say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?)
}

impl AccountStatus {
    fn text(&self) -> String {
        let name = self.user.as_deref().unwrap_or("(no such account)");
        let enrolled = if self.enrolled { "enrolled" } else { "not enrolled" };
        let mut lines = vec![format!("{name} (uid {}): {enrolled}", self.uid)];
        lines.extend(self.authenticators.iter().map(authenticator_text));
        lines.extend(self.required_by.as_ref().map(obligation_text));
        if self.enrolled || self.failures > 0 || self.problem.is_some() {
            lines.push(format!("  {}", self.codes_text(name)));
        }
        if self.helper.codes != Codes::Accepted || self.helper.failures > 0 {
            lines.push(format!("{AT_HELPER}: {}", self.helper.text(self.you, name)));
        }
        if self.helper.recovery_disabled {
            lines.push(format!(
                "{AT_HELPER}: recovery codes are disabled: {}",
                self.you.remedy(&format!("unlock {name}"))
            ));
        }
        lines.extend(self.recovery_codes.map(|left| format!("  recovery codes left: {left}")));
        if self.recovery_disabled {
            lines.push(format!(
                "  recovery codes are disabled: {}",
                self.you.remedy(&format!("unlock {name}"))
            ));
        }
        lines.extend(self.ticket_until.map(|until| self.you.ticket(UnixTime::new(until))));
        if !self.enrolled && self.you == You::Yes {
            lines.push("To set up a second step, run 'twostep enroll'.".to_owned());
        }
        lines.join("\n")
    }

    fn codes_text(&self, name: &str) -> String {
        match &self.problem {
            Some(problem) => format!("logins are denied: {problem}"),
            None => codes_text(self.codes, self.wait_until, self.failures, self.you, name),
        }
    }
}

/// Where the helper judges.
const AT_HELPER: &str = "  at screen lockers and this command";

impl HelperStatus {
    fn text(&self, you: You, name: &str) -> String {
        codes_text(self.codes, self.wait_until, self.failures, you, name)
    }
}

impl You {
    /// What ends something: a command of root's.
    fn remedy(self, command: &str) -> String {
        match self {
            Self::Yes => format!("ask your administrator to run 'twostep {command}'"),
            Self::No => format!("'twostep {command}' ends that"),
        }
    }

    fn ticket(self, until: UnixTime) -> String {
        let whom = match self {
            Self::Yes => "you",
            Self::No => "them",
        };
        format!("  a ticket lets {whom} enroll, before {}", moment(until))
    }
}

fn codes_text(codes: Codes, wait_until: Option<u64>, failures: u16, you: You, name: &str) -> String {
    match (codes, wait_until) {
        (Codes::Disabled, _) => format!("codes are disabled: {}", you.remedy(&format!("unlock {name}"))),
        (_, Some(until)) => format!("no code is accepted before {} UTC", UnixTime::new(until)),
        (Codes::ClockAnomaly, None) => format!(
            "the last code lies in the future: set the clock; then {}",
            you.remedy(&format!("unlock {name} --reset-clock"))
        ),
        (Codes::Accepted | Codes::Waiting, None) => {
            format!("codes are accepted; failures in a row: {failures}")
        }
    }
}

fn obligation_text(required_by: &RequiredBy) -> String {
    let RequiredBy { rule, line, administrator } = required_by;
    if *administrator {
        return "  a second step is required by an administrator: 'twostep require'".to_owned();
    }
    format!("  a second step is required by rule '{rule}', line {line} of the policy")
}

fn authenticator_text(one: &AuthenticatorStatus) -> String {
    let AuthenticatorStatus { label, algorithm, digits, period, .. } = one;
    let since = one.enrolled.and_then(date).map_or_else(String::new, |date| format!(", since {date}"));
    format!("  {label}: {algorithm}, {digits} digits, {period} s{since}")
}

fn date(seconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(moment.date().to_string())
}
