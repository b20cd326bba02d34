//! `twostep status`: who is enrolled, and whether codes are accepted.

use serde::Serialize;
use time::OffsetDateTime;
use twostep_core::attempts::{Budget, Count, State};
use twostep_core::machine::System;
use twostep_core::os::account::Account;
use twostep_core::policy::{Groups, Mode, Policy};
use twostep_core::store::{Store, check_state_owner};
use twostep_core::ticket::Ticket;
use twostep_core::time::UnixTime;
use twostep_core::totp::Authenticator;
use twostep_core::verdict::is_soon;
use twostep_core::world::Machine;

use crate::administrator::{Administrator, Target, window_end};
use crate::failure::Failure;
use crate::terminal::say;
use crate::ticket::moment;

/// Whom to show.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person, by name or uid
    #[arg(long, value_name = "USER", required_unless_present = "all", conflicts_with = "all")]
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
struct Status {
    user: Option<String>,
    uid: u32,
    enrolled: bool,
    /// Since when, as far as the secret file tells.
    enrolled_since: Option<u64>,
    /// What makes the second step mandatory for them in some login or other; nothing if it is their choice.
    required_by: Option<Obligation>,
    authenticators: Vec<AuthenticatorStatus>,
    failures: u16,
    codes: Codes,
    wait_until: Option<u64>,
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
}

#[derive(Serialize)]
struct Obligation {
    /// The rule of the policy, and its line.
    rule: String,
    line: usize,
    /// Whether that rule leaves the choice, and an administrator has taken it.
    administrator: bool,
}

#[derive(Serialize)]
struct AuthenticatorStatus {
    label: String,
    algorithm: String,
    digits: u8,
    period: u64,
    enrolled: Option<u64>,
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
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let store = administrator.store()?;
    let policy = administrator.policy()?;
    let now = administrator.now()?;
    let (targets, strays) = match &arguments.user {
        Some(user) => (vec![administrator.target(user)?], Vec::new()),
        None => {
            let (uids, strays) = store.uids()?;
            (uids.into_iter().map(Target::of).collect::<Result<_, _>>()?, strays)
        }
    };
    let desk = Desk { system: administrator.machine(), store, policy, now };
    let all: Vec<Status> = targets.iter().map(|target| Status::of(&desk, target)).collect();
    show(&all, arguments)?;
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

/// What every status is made of.
struct Desk<'a> {
    system: &'a System,
    store: Store,
    policy: Policy,
    now: UnixTime,
}

impl Desk<'_> {
    /// What makes the second step mandatory for `account`; of its names, the first that must counts.
    fn obligation(&self, account: &Account, required: bool) -> Option<Obligation> {
        let named = self.policy.groups();
        account.entries.iter().find_map(|entry| {
            let groups = self.system.memberships(entry, &named).map_or(Groups::Unknown, Groups::Known);
            let found = self.policy.obligation(&entry.name, &groups, required, self.now)?;
            let administrator = found.mode != Mode::Mandatory;
            Some(Obligation { rule: found.rule.to_owned(), line: found.line, administrator })
        })
    }
}

impl Status {
    fn of(desk: &Desk<'_>, target: &Target) -> Self {
        let mut status = Self {
            user: target.account.as_ref().map(|account| account.name.clone()),
            uid: target.uid,
            enrolled: desk.store.is_enrolled(target.uid).unwrap_or(true),
            enrolled_since: None,
            required_by: None,
            authenticators: Vec::new(),
            failures: 0,
            codes: Codes::Accepted,
            wait_until: None,
            last_use: None,
            recovery_codes: None,
            recovery_failures: 0,
            recovery_disabled: false,
            ticket_until: None,
            problem: None,
        };
        let problem = status.fill(desk, target).err();
        status.problem = problem.map(|failure| failure.what().to_owned());
        status
    }

    /// Fills in what can be read, until something cannot.
    fn fill(&mut self, desk: &Desk<'_>, target: &Target) -> Result<(), Failure> {
        let Desk { store, policy, now, .. } = desk;
        self.required_by = target.account.as_ref().and_then(|account| desk.obligation(account, false));
        let credential = store.credential(target.uid)?;
        if let Some(credential) = &credential {
            self.authenticators = credential.authenticators.iter().map(AuthenticatorStatus::of).collect();
            self.enrolled_since = self.authenticators.iter().filter_map(|one| one.enrolled).min();
        }
        if let (Some(credential), Some(account)) = (&credential, &target.account) {
            let misplaced = |problem| Failure::unavailable(format!("the secret file {problem}"), "");
            credential.check_owner(account).map_err(misplaced)?;
        }
        let Some(state) = store.state(target.uid)? else { return Ok(()) };
        self.failures = state.hosts.codes;
        self.last_use = Some(state.mark.seconds());
        self.recovery_codes = state.recovery.left();
        self.recovery_failures = state.hosts.recovery;
        self.recovery_disabled = state.charge_recovery(Budget::Hosts).is_err();
        let usable = |ticket: &Ticket| ticket.tries > 0 && *now < ticket.expires;
        self.ticket_until = state.ticket.filter(usable).map(|ticket| ticket.expires.seconds());
        if let Some(account) = &target.account {
            check_state_owner(&state, account)?;
            self.required_by = desk.obligation(account, state.required);
        }
        let rules = &policy.verification;
        let ahead = state.is_ahead_of(window_end(store, target.uid, rules, *now)?);
        (self.codes, self.wait_until) = codes(&state, rules.lockout_after, ahead, *now);
        Ok(())
    }
}

/// What happens to a code now, and until when.
fn codes(state: &State, limit: u16, ahead: bool, now: UnixTime) -> (Codes, Option<u64>) {
    let Count { codes: failures, .. } = state.hosts;
    match state.hosts.waits_until(now) {
        _ if failures >= limit => (Codes::Disabled, None),
        Some(until) => (Codes::Waiting, Some(until.seconds())),
        None if ahead => (Codes::ClockAnomaly, is_soon(state.mark, now).then(|| state.mark.seconds())),
        None => (Codes::Accepted, None),
    }
}

impl Obligation {
    fn line(&self) -> String {
        let Self { rule, line, administrator } = self;
        if *administrator {
            return "  a second step is required by an administrator: 'twostep require'".to_owned();
        }
        format!("  a second step is required by rule '{rule}', line {line} of the policy")
    }
}

impl AuthenticatorStatus {
    fn of(one: &Authenticator) -> Self {
        Self {
            label: one.label.clone(),
            algorithm: one.algorithm().as_str().to_owned(),
            digits: one.digits(),
            period: one.period.seconds(),
            enrolled: one.enrolled.map(UnixTime::seconds),
        }
    }

    fn line(&self) -> String {
        let Self { label, algorithm, digits, period, .. } = self;
        let since = self.enrolled.and_then(date).map_or_else(String::new, |date| format!(", since {date}"));
        format!("  {label}: {algorithm}, {digits} digits, {period} s{since}")
    }
}

fn show(all: &[Status], arguments: &Arguments) -> Result<(), Failure> {
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

impl Status {
    fn text(&self) -> String {
        let name = self.user.as_deref().unwrap_or("(no such account)");
        let enrolled = if self.enrolled { "enrolled" } else { "not enrolled" };
        let mut lines = vec![format!("{name} (uid {}): {enrolled}", self.uid)];
        lines.extend(self.authenticators.iter().map(AuthenticatorStatus::line));
        lines.extend(self.required_by.as_ref().map(Obligation::line));
        if self.enrolled || self.failures > 0 || self.problem.is_some() {
            lines.push(format!("  {}", self.codes_text(name)));
        }
        lines.extend(self.recovery_codes.map(|left| format!("  recovery codes left: {left}")));
        if self.recovery_disabled {
            lines.push(format!("  recovery codes are disabled: 'twostep unlock {name}' ends that"));
        }
        let until = self.ticket_until.map(|until| moment(UnixTime::new(until)));
        lines.extend(until.map(|until| format!("  a ticket lets them enroll, before {until}")));
        lines.join("\n")
    }

    fn codes_text(&self, name: &str) -> String {
        match (&self.problem, self.codes, self.wait_until) {
            (Some(problem), ..) => format!("logins are denied: {problem}"),
            (None, Codes::Disabled, _) => format!("codes are disabled: 'twostep unlock {name}' ends that"),
            (None, _, Some(until)) => format!("no code is accepted before {} UTC", UnixTime::new(until)),
            (None, Codes::ClockAnomaly, None) => format!(
                "the last code lies in the future: set the clock, then 'twostep unlock {name} --reset-clock'"
            ),
            (None, Codes::Accepted | Codes::Waiting, None) => {
                format!("codes are accepted; failures in a row: {}", self.failures)
            }
        }
    }
}

fn date(seconds: u64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(moment.date().to_string())
}
