//! `twostep policy explain`: what the policy decides for a login, by the code of the login itself, and what happens then.

use std::collections::BTreeSet;
use std::path::PathBuf;

use twostep_core::login::audit::Value;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::{LocalMachine, Roster, System};
use twostep_core::manage::act::WithStore;
use twostep_core::os::account::Account;
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::policy::{Decision, LoginFacts, Methods, Mode, Policy};
use twostep_core::store::{Store, files};
use twostep_core::time::UnixTime;
use twostep_core::verdict::Denial;
use twostep_doctor::context::Context;
use twostep_doctor::login::pam::PamService;
use twostep_doctor::login::sshd::{SshLogin, Sshd};
use twostep_doctor::sudoers::explain::Sudo;

use crate::administrator::unknown;
use crate::failure::Failure;
use crate::naming::members_of_group;
use crate::progress::Progress;
use crate::terminal::{note, say};
use crate::words::policy_explain as words;

use super::arguments::Arguments;
use super::asked::{Asked, Newcomer};
use super::explanation::{Considered, Explanation, Lines, Stored, list};
use super::outcome::{Facts, Outcome};
use super::table::table;

/// Explains the policy of this machine: one login, or a table of several.
pub(crate) fn run(root: Root, arguments: &Arguments) -> Result<(), Failure> {
    let system = System::new(root.clone());
    let (file, text) = system.policy_text()?;
    let policy = Policy::parse(&text).map_err(|error| {
        Failure::unavailable(words::policy_error(file.display(), error), words::POLICY_ERROR_THEN)
    })?;
    let context = Context::of(&root)?;
    let users = Roster::new(&system, &context.names);
    let now = arguments.at.map_or_else(clock::now, Ok)?;
    let services: Vec<_> = arguments.service.iter().map(|name| Service::of(&context, &users, name)).collect();
    let accounts = accounts(&users, arguments)?;
    let store = || LocalMachine::new(root.clone()).store().map_err(Denial::from);
    let store = if root.is_ours() { Some(store()?) } else { None };
    let machine = Explained { store, users: &users, policy: &policy, file, now, arguments };
    let mut all = Vec::new();
    let mut progress = Progress::new(accounts.len(), arguments.json);
    for account in accounts {
        for service in &services {
            all.push(machine.explain(&account, service)?);
        }
        progress.step();
    }
    drop(progress);
    let is_table = arguments.group.is_some() || services.len() > 1;
    say(&match all.as_slice() {
        [one] if !is_table => {
            if arguments.json {
                one.json()?
            } else {
                one.text()
            }
        }
        all if arguments.json => list(all)?,
        all => table(all, services.len()),
    })
}

/// The user who is named, or the members of the group.
fn accounts(users: &Roster<'_>, arguments: &Arguments) -> Result<Vec<Account>, Failure> {
    let named = |name: &String| users.account(name)?.ok_or_else(|| unknown(name));
    if let Some(user) = arguments.user() {
        return Ok(vec![named(user)?]);
    }
    let group = arguments.group.as_deref().unwrap_or_default();
    let mut accounts = Vec::new();
    for name in members_of_group(group)?.into_iter().collect::<BTreeSet<_>>() {
        match users.account(&name)? {
            Some(account) => accounts.push(account),
            None => note(&words::unknown_member(group, Value(&name))),
        }
    }
    if accounts.is_empty() {
        return Err(Failure::refused(words::no_members(group), words::NO_MEMBERS_THEN));
    }
    Ok(accounts)
}

/// A service, with what is the same for all its users.
struct Service<'a> {
    name: &'a str,
    pam: Option<PamService>,
    /// The sshd that uses it.
    sshd: Option<Sshd<'a>>,
    /// What sudo asks, if this is a service of sudo.
    sudo: Option<Sudo<'a>>,
    /// Whether users can enroll in a login by it.
    can_enroll: bool,
}

impl<'a> Service<'a> {
    fn of(context: &'a Context<'a>, users: &Roster<'_>, name: &'a str) -> Self {
        Self {
            name,
            pam: PamService::of(context, name),
            sshd: Sshd::of(context, name),
            sudo: Sudo::of(context, name),
            can_enroll: users.check_account_phase(name).is_ok(),
        }
    }

    fn lines(&self) -> Option<Lines> {
        self.pam.as_ref().map(|pam| Lines {
            file: pam.file.clone(),
            has_auth_line: pam.has_auth_line,
            has_account_line: pam.has_account_line,
        })
    }
}

/// The machine and the login that is asked about.
struct Explained<'a> {
    /// None if the caller may not read it.
    store: Option<files::Store>,
    users: &'a Roster<'a>,
    policy: &'a Policy,
    file: PathBuf,
    now: UnixTime,
    arguments: &'a Arguments,
}

impl Explained<'_> {
    fn explain(&self, account: &Account, service: &Service<'_>) -> Result<Explanation, Failure> {
        let logins = self.arguments.logins(self.users, self.policy, account, service.name);
        let (decision, login) = self.strictest(&logins).ok_or_else(|| unknown(&account.name))?;
        let without_methods =
            logins.iter().map(|login| LoginFacts { methods: Methods::UNKNOWN, ..login.clone() });
        let at_gate: Vec<_> = without_methods.collect();
        let mode_at_gate = self.strictest(&at_gate).map_or(decision.mode, |(decision, _)| decision.mode);
        let stored = self.store.as_ref().map(|store| Stored::of(store, account)).transpose()?;
        let proved = self.arguments.proved();
        let ssh = service.sshd.as_ref().map(|sshd| {
            let (user, from) = (account.name.as_str(), self.arguments.from.as_str());
            sshd.ways(&SshLogin { user, is_root: account.uid == 0, from, methods: proved.as_ref() })
        });
        let lists = |services: &[String]| services.iter().any(|one| one == service.name);
        let outcome = Outcome::of(&Facts {
            service: service.name,
            asked: asked(self.policy, &decision, stored, service.name),
            mode: with_requirement(decision.mode, stored),
            mode_at_gate: with_requirement(mode_at_gate, stored),
            is_gate: lists(&self.policy.gate.services)
                || ssh.is_some() && self.policy.gate.services.iter().any(|one| one == "sshd"),
            enrolls: lists(&self.policy.enrollment.services),
            can_enroll: service.can_enroll,
            pam: service.pam.as_ref(),
            ssh: ssh.as_ref(),
            methods: proved.as_ref(),
        });
        Ok(Explanation {
            user: account.name.clone(),
            service: service.name.to_owned(),
            mode: decision.mode,
            rule: decision.rule.to_owned(),
            file: self.file.clone(),
            line: decision.line,
            starts: decision.starts,
            stored,
            outcome,
            lines: service.lines(),
            sshd_accepts: ssh.and_then(Result::ok).map(|ssh| ssh.ways),
            sudo: service.sudo.as_ref().map(|sudo| sudo.explain(&account.name)),
            considered: considered(self.policy, login, self.now),
        })
    }
}

impl<'a> Explained<'a> {
    /// The strictest decision on these logins, and the login.
    fn strictest<'l>(&self, logins: &'l [LoginFacts<'l>]) -> Option<(Decision<'a>, &'l LoginFacts<'l>)> {
        let decided = logins.iter().map(|login| (self.policy.decide(login, self.now), login));
        decided.reduce(|one, other| if other.0.mode > one.0.mode { other } else { one })
    }
}

impl Stored {
    fn of(store: &impl Store, account: &Account) -> Result<Self, Denial> {
        Ok(Self { enrolled: store.is_enrolled(account)?, required: store.is_required(account)? })
    }
}

fn considered(policy: &Policy, login: &LoginFacts<'_>, now: UnixTime) -> Vec<Considered> {
    let looked_at = policy.considered(login, now);
    looked_at
        .map(|(rule, applies)| Considered { rule: rule.name.clone(), line: rule.line, applies })
        .collect()
}

/// The mode, after `twostep require`.
fn with_requirement(mode: Mode, stored: Option<Stored>) -> Mode {
    let is_required = stored.is_some_and(|stored| stored.required);
    if is_required && mode == Mode::OptIn { Mode::Mandatory } else { mode }
}

/// What the policy asks.
fn asked(policy: &Policy, decision: &Decision<'_>, stored: Option<Stored>, service: &str) -> Asked {
    let mode = with_requirement(decision.mode, stored);
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
    use twostep_core::policy::{Address, Groups, Origin, Spellings};

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
