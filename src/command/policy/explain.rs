//! `twostep policy explain`: what the policy decides for one login, by the same code as the login itself.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use clap::ValueEnum;
use serde::Serialize;
use twostep_core::login::machine::{Machine, Surroundings};
use twostep_core::login::spellings::names_with_spellings;
use twostep_core::machine::{LocalMachine, System};
use twostep_core::os::account::{Account, NssName};
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::policy::{
    Address, Applies, Decision, Groups, LoginFacts, METHODS, Methods, Mode, Origin, Policy, Spellings,
};
use twostep_core::time::UnixTime;
use twostep_doctor::sudoers::explain::{self as sudoers, CallersCode, SudoExplanation};

use crate::administrator::unknown;
use crate::failure::Failure;
use crate::terminal::{note, say};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Who logs in
    #[arg(long, value_name = "USER")]
    user: String,
    /// By which PAM service, such as sshd or login
    #[arg(long, value_name = "SERVICE")]
    service: String,
    /// Remote address, or host name; none at a console
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    from: String,
    /// local (a console of this machine) or remote;
    /// by default local at login without --from
    #[arg(long, value_enum, hide_possible_values = true, verbatim_doc_comment)]
    origin: Option<Where>,
    /// What was proved before: a method of sshd's, such
    /// as publickey; none; or unknown, as to the
    /// account line after a key
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "password",
        value_parser = parse_method,
        verbatim_doc_comment
    )]
    first_factor: Vec<String>,
    /// When, in UTC: 2027-01-15 or
    /// '2027-01-15 08:00:00'; now if it is not given
    #[arg(long, value_name = "TIME", value_parser = parse_time, verbatim_doc_comment)]
    at: Option<UnixTime>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Where {
    Local,
    Remote,
}

fn parse_method(method: &str) -> Result<String, String> {
    if METHODS.contains(&method) || ["none", "unknown"].contains(&method) {
        return Ok(method.to_owned());
    }
    Err(format!("it is one of {}, none, unknown", METHODS.join(", ")))
}

fn parse_time(text: &str) -> Result<UnixTime, String> {
    let whole = if text.len() == "2027-01-15".len() { format!("{text} 00:00:00") } else { text.to_owned() };
    let moment = humantime::parse_rfc3339_weak(&whole).map_err(|error| error.to_string())?;
    let since = moment.duration_since(UNIX_EPOCH).map_err(|_| "it lies before 1970".to_owned())?;
    Ok(UnixTime::new(since.as_secs()))
}

/// The explanation. The names of the fields are those of the JSON.
#[derive(Serialize)]
struct Explanation {
    user: String,
    service: String,
    mode: &'static str,
    rule: String,
    file: PathBuf,
    line: usize,
    /// The day from which on it is mandatory, if that is still to come.
    starts: Option<String>,
    /// Whether an administrator requires it of this account; none if that may not be read.
    required: Option<bool>,
    /// Whether the account has a credential; none if that may not be read.
    enrolled: Option<bool>,
    what_happens: String,
    /// What sudoers(5) changes about that; empty at other services than sudo's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sudoers: Vec<String>,
    considered: Vec<Considered>,
}

/// A rule that was looked at, in the order of the file.
#[derive(Serialize)]
struct Considered {
    rule: String,
    line: usize,
    applies: &'static str,
    /// The key of the condition that does not hold, or of which nobody knows.
    condition: Option<String>,
}

/// Explains the policy in force.
pub(crate) fn run(root: Root, arguments: &Arguments) -> Result<(), Failure> {
    let system = System::new(root.clone());
    let (file, text) = system.policy_text()?;
    let policy = Policy::parse(&text).map_err(|error| {
        Failure::unavailable(
            format!("{}:{error}", file.display()),
            "As it is, every login is refused: 'twostep policy check' says what to do.",
        )
    })?;
    let account = system.account(&arguments.user)?.ok_or_else(|| unknown(&arguments.user))?;
    let now = arguments.at.map_or_else(clock::now, Ok)?;
    let logins = arguments.logins(&system, &policy, &account);
    let strictest = logins
        .iter()
        .map(|login| (policy.decide(login, now), login))
        .reduce(|one, other| if other.0.mode > one.0.mode { other } else { one });
    let (decision, login) = strictest.ok_or_else(|| unknown(&arguments.user))?;
    let stored = if root.is_ours() { Some(Stored::of(&root, &account)?) } else { None };
    let sudo = sudoers::explain(&root, &account.name, &arguments.service);
    let explanation = Explanation {
        user: account.name.clone(),
        service: arguments.service.clone(),
        mode: decision.mode.word(),
        rule: decision.rule.to_owned(),
        file,
        line: decision.line,
        starts: decision.starts.map(|day| day.to_string()),
        required: stored.map(|stored| stored.required),
        enrolled: stored.map(|stored| stored.enrolled),
        what_happens: with_sudo(what_happens(&policy, &decision, stored, &arguments.service), sudo.as_ref()),
        sudoers: sudo.map(|sudo| sudo.notes).unwrap_or_default(),
        considered: considered(&policy, login, now),
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&explanation);
        return say(&json.map_err(|error| Failure::unavailable(error.to_string(), ""))?);
    }
    say(&explanation.text())
}

/// What is stored of a person, as far as it decides.
#[derive(Clone, Copy)]
struct Stored {
    enrolled: bool,
    required: bool,
}

impl Stored {
    fn of(root: &Root, account: &Account) -> Result<Self, Failure> {
        let machine = LocalMachine::new(root.clone());
        Ok(Self { enrolled: machine.is_enrolled(account)?, required: machine.is_required(account)? })
    }
}

impl Arguments {
    /// The login, once under each name of the account.
    fn logins<'a>(
        &'a self,
        system: &System,
        policy: &'a Policy,
        account: &'a Account,
    ) -> Vec<LoginFacts<'a>> {
        let named = policy.groups();
        let names = names_with_spellings(system, policy, account, |doubt| note(&format!("{doubt}.")));
        let login = |(name, spellings)| self.login(name, spellings, groups(system, name, &named));
        names.into_iter().map(login).collect()
    }

    fn login<'a>(&'a self, name: &'a NssName, spellings: Spellings<'a>, groups: Groups) -> LoginFacts<'a> {
        let origin = match self.origin {
            Some(Where::Local) => Origin::Local,
            Some(Where::Remote) => Origin::Remote,
            None if self.service == "login" && self.from.is_empty() => Origin::Local,
            None => Origin::Remote,
        };
        LoginFacts {
            user: &name.name,
            spellings,
            service: &self.service,
            origin,
            address: Address::of(&self.from),
            groups,
            methods: self.methods(),
        }
    }

    fn methods(&self) -> Methods<'_> {
        if self.first_factor.iter().any(|method| method == "unknown") {
            return Methods::UNKNOWN;
        }
        let named = self.first_factor.iter().map(String::as_str);
        Methods::Known(named.filter(|method| *method != "none").collect())
    }
}

fn groups(system: &System, name: &NssName, named: &std::collections::BTreeSet<&str>) -> Groups {
    if named.is_empty() {
        return Groups::Known(Default::default());
    }
    system.memberships(name, named).map_or_else(
        |fault| {
            note(&format!("{fault}: rules with groups count as mandatory."));
            Groups::Unknown
        },
        Groups::Known,
    )
}

fn considered(policy: &Policy, login: &LoginFacts<'_>, now: UnixTime) -> Vec<Considered> {
    let looked_at = policy.considered(login, now);
    looked_at
        .map(|(rule, applies)| {
            let (applies, condition) = match applies {
                Applies::Yes => ("yes", None),
                Applies::No(condition) => ("no", Some(condition.to_string())),
                Applies::Perhaps(condition) => ("perhaps", Some(condition.to_string())),
                Applies::UnknownGroups => ("perhaps", Some("groups".to_owned())),
            };
            Considered { rule: rule.name.clone(), line: rule.line, applies, condition }
        })
        .collect()
}

fn what_happens(policy: &Policy, decision: &Decision<'_>, stored: Option<Stored>, service: &str) -> String {
    let required = stored.is_some_and(|stored| stored.required);
    let mode = if required && decision.mode == Mode::OptIn { Mode::Mandatory } else { decision.mode };
    let enrolls = policy.enrollment.services.iter().any(|named| named == service);
    let newcomer =
        if enrolls { "they enroll in this login" } else { "they are refused here: they cannot enroll" };
    match (mode, stored.map(|stored| stored.enrolled)) {
        (Mode::Exempt, _) => "nothing is asked".to_owned(),
        (_, Some(true)) => "they are enrolled: a code is asked for".to_owned(),
        (Mode::OptIn, Some(false)) => "they are not enrolled: nothing is asked".to_owned(),
        (Mode::OptIn, None) => "a code is asked for if they are enrolled".to_owned(),
        (Mode::Mandatory, Some(false)) => format!("they are not enrolled: {newcomer}"),
        (Mode::Mandatory, None) => format!("a code is asked for; if they are not enrolled, {newcomer}"),
    }
}

/// What happens, if sudoers does not say otherwise.
fn with_sudo(what_happens: String, sudo: Option<&SudoExplanation>) -> String {
    match sudo.map(|sudo| sudo.callers_code) {
        Some(CallersCode::NotAsked) => "their code is not asked for".to_owned(),
        Some(CallersCode::Perhaps) => format!("{what_happens}, in some cases"),
        Some(CallersCode::Asked) | None => what_happens,
    }
}

impl Explanation {
    fn text(&self) -> String {
        let mut lines = vec![
            format!("{} at {}: {}", self.user, self.service, self.mode),
            format!("    by rule '{}', {}:{}", self.rule, self.file.display(), self.line),
        ];
        lines.extend(self.starts.as_ref().map(|day| format!("    mandatory from {day} on")));
        if self.required == Some(true) && self.mode == "opt-in" {
            lines.push("    and mandatory for this person: 'twostep require'".to_owned());
        }
        lines.push(format!("    {}", self.what_happens));
        lines.extend(self.sudoers.iter().map(|note| format!("    {note}")));
        lines.extend(self.considered.iter().filter_map(Considered::text));
        lines.join("\n")
    }
}

impl Considered {
    /// Why it did not decide; nothing if it did.
    fn text(&self) -> Option<String> {
        let condition = self.condition.as_ref()?;
        let why = match self.applies {
            "no" => format!("its '{condition}' does not hold"),
            _ => format!("whether its '{condition}' holds is not known, so the stricter verdict counts"),
        };
        Some(format!("rule '{}', line {}: {why}", self.rule, self.line))
    }
}
