//! `twostep policy explain`: what the policy decides for one login, by the code of the login itself.

use std::time::UNIX_EPOCH;

use clap::ValueEnum;
use twostep_core::login::machine::{Machine, Surroundings};
use twostep_core::login::spellings::names_with_spellings;
use twostep_core::machine::{LocalMachine, System};
use twostep_core::os::account::{Account, NssName};
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::policy::{
    Address, Decision, Groups, LoginFacts, METHODS, Methods, Mode, Origin, Policy, Spellings,
};
use twostep_core::time::UnixTime;
use twostep_doctor::sudoers::explain as sudoers;

use crate::administrator::unknown;
use crate::candidates::{services, users};
use crate::failure::Failure;
use crate::terminal::{note, say};
use crate::words::policy_explain as words;

use super::explanation::{Asked, Considered, Explanation, Newcomer, Stored};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user who logs in
    #[arg(long, value_name = "USER", add = users())]
    user: String,
    /// The PAM service, such as sshd or login
    #[arg(long, value_name = "SERVICE", add = services())]
    service: String,
    /// Remote address or host name; none at a console
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    from: String,
    /// local (a console of this machine) or remote;
    /// by default local at login without --from
    #[arg(long, value_enum, hide_possible_values = true, verbatim_doc_comment)]
    origin: Option<Where>,
    /// What was proved before: a method of sshd, such as
    /// publickey; none; or unknown, as for the account
    /// line after a key
    #[arg(
        long,
        value_name = "METHOD",
        default_value = "password",
        value_parser = parse_method,
        verbatim_doc_comment
    )]
    first_factor: Vec<String>,
    /// The moment, in UTC: 2027-01-15 or
    /// '2027-01-15 08:00:00'; by default now
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
    Err(words::unknown_method(METHODS.join(", ")))
}

fn parse_time(text: &str) -> Result<UnixTime, String> {
    let whole = if text.len() == "2027-01-15".len() { format!("{text} 00:00:00") } else { text.to_owned() };
    let moment = humantime::parse_rfc3339_weak(&whole).map_err(|error| error.to_string())?;
    let since = moment.duration_since(UNIX_EPOCH).map_err(|_| words::BEFORE_1970.to_owned())?;
    Ok(UnixTime::new(since.as_secs()))
}

/// Explains the policy of this machine.
pub(crate) fn run(root: Root, arguments: &Arguments) -> Result<(), Failure> {
    let system = System::new(root.clone());
    let (file, text) = system.policy_text()?;
    let policy = Policy::parse(&text).map_err(|error| {
        Failure::unavailable(words::policy_error(file.display(), error), words::POLICY_ERROR_THEN)
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
    let explanation = Explanation {
        user: account.name.clone(),
        service: arguments.service.clone(),
        mode: decision.mode,
        rule: decision.rule.to_owned(),
        file,
        line: decision.line,
        starts: decision.starts,
        stored,
        asked: asked(&policy, &decision, stored, &arguments.service),
        sudo: sudoers::explain(&root, &account.name, &arguments.service),
        considered: considered(&policy, login, now),
    };
    say(&if arguments.json { explanation.json()? } else { explanation.text() })
}

impl Stored {
    fn of(root: &Root, account: &Account) -> Result<Self, Failure> {
        let machine = LocalMachine::new(root.clone());
        Ok(Self { enrolled: machine.is_enrolled(account)?, required: machine.is_required(account)? })
    }
}

impl Arguments {
    /// The login, once for each name of the account.
    fn logins<'a>(
        &'a self,
        system: &System,
        policy: &'a Policy,
        account: &'a Account,
    ) -> Vec<LoginFacts<'a>> {
        let named = policy.groups();
        let names = names_with_spellings(system, policy, account, |doubt| note(&words::names_unknown(doubt)));
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
            note(&words::groups_unknown(fault));
            Groups::Unknown
        },
        Groups::Known,
    )
}

fn considered(policy: &Policy, login: &LoginFacts<'_>, now: UnixTime) -> Vec<Considered> {
    let looked_at = policy.considered(login, now);
    looked_at
        .map(|(rule, applies)| Considered { rule: rule.name.clone(), line: rule.line, applies })
        .collect()
}

fn asked(policy: &Policy, decision: &Decision<'_>, stored: Option<Stored>, service: &str) -> Asked {
    let required = stored.is_some_and(|stored| stored.required);
    let mode = if required && decision.mode == Mode::OptIn { Mode::Mandatory } else { decision.mode };
    let enrolls = policy.enrollment.services.iter().any(|named| named == service);
    let newcomer = if enrolls { Newcomer::Enrolls } else { Newcomer::IsRefused };
    match (mode, stored.map(|stored| stored.enrolled)) {
        (Mode::Exempt, _) => Asked::Nothing,
        (_, Some(true)) => Asked::Code,
        (Mode::OptIn, Some(false)) => Asked::NothingBeforeEnrollment,
        (Mode::OptIn, None) => Asked::CodeIfEnrolled,
        (Mode::Mandatory, Some(false)) => Asked::Enrollment(newcomer),
        (Mode::Mandatory, None) => Asked::CodeOrEnrollment(newcomer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(mode: &str, stored: Option<(bool, bool)>, service: &str) -> Asked {
        let text = format!("version = 1\nmode = \"{mode}\"\n[enrollment]\nservices = [\"sshd\"]\n");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let login = LoginFacts {
            user: "ada",
            spellings: Spellings::default(),
            service,
            origin: Origin::Remote,
            address: Address::of(""),
            groups: Groups::Known(Default::default()),
            methods: Methods::UNKNOWN,
        };
        let decision = policy.decide(&login, UnixTime::new(1_800_000_000));
        asked(&policy, &decision, stored.map(|(enrolled, required)| Stored { enrolled, required }), service)
    }

    #[test]
    fn explains_what_login_asks_of_each_user() {
        let (none, enrolled, required) = (Some((false, false)), Some((true, false)), Some((false, true)));
        let table = [
            ("exempt", enrolled, "sshd", Asked::Nothing),
            ("exempt", required, "sshd", Asked::Nothing),
            ("opt-in", enrolled, "sshd", Asked::Code),
            ("opt-in", none, "sshd", Asked::NothingBeforeEnrollment),
            ("opt-in", None, "sshd", Asked::CodeIfEnrolled),
            ("opt-in", required, "sshd", Asked::Enrollment(Newcomer::Enrolls)),
            ("opt-in", required, "su", Asked::Enrollment(Newcomer::IsRefused)),
            ("mandatory", enrolled, "su", Asked::Code),
            ("mandatory", none, "sshd", Asked::Enrollment(Newcomer::Enrolls)),
            ("mandatory", none, "su", Asked::Enrollment(Newcomer::IsRefused)),
            ("mandatory", None, "sshd", Asked::CodeOrEnrollment(Newcomer::Enrolls)),
            ("mandatory", None, "su", Asked::CodeOrEnrollment(Newcomer::IsRefused)),
        ];
        for (mode, stored, service, expected) in table {
            assert_eq!(asks(mode, stored, service), expected, "{mode} {stored:?} {service}");
        }
    }
}
