//! One call of libpam's: who is asked about, by which application, on which machine. What the phases of a login share.

use std::collections::BTreeSet;

use crate::login::application::{Host, Request};
use crate::login::audit::{self, Who};
use crate::login::machine::Machine;
use crate::os::account::{Account, Entry};
use crate::policy::{Address, DEFAULT_RULE, Decision, Groups, Methods, Mode, Origin, Policy, Subject};
use crate::time::Day;
use crate::verdict::{Denial, Priority, Verdict};

/// What the policy wants of somebody.
pub struct Wanted {
    /// What is asked for.
    pub mode: Mode,
    /// The deciding rule's name.
    pub rule: String,
    /// The day from which on it is mandatory, if that is still to come.
    pub starts: Option<Day>,
    /// Whether it is only assumed, because groups could not be looked up.
    pub is_assumed: bool,
}

impl From<Decision<'_>> for Wanted {
    fn from(decision: Decision<'_>) -> Self {
        let Decision { mode, rule, starts, is_assumed, line: _ } = decision;
        Self { mode, rule: rule.to_owned(), starts, is_assumed }
    }
}

impl Wanted {
    /// What somebody who has not enrolled should know, if anything.
    pub fn text(&self) -> Option<String> {
        let day = self.starts?;
        Some(format!(
            "From {day} on, a second step is required here, and you have none yet.\n\
             To set one up, run 'twostep enroll'."
        ))
    }
}

/// One call under way.
pub struct Visit<'a, H, M> {
    /// The application.
    pub host: &'a mut H,
    /// The machine.
    pub machine: &'a M,
    /// What the application says of the login.
    pub request: Request,
    /// Who logs in, as the log names them: filled in as it becomes known.
    pub who: Who,
}

impl<'a, H: Host, M: Machine> Visit<'a, H, M> {
    /// The call of `host`'s.
    pub fn new(host: &'a mut H, machine: &'a M) -> Self {
        let request = host.request();
        let who = request.who();
        Self { host, machine, request, who }
    }

    /// The account that PAM_USER names, if there is one.
    pub fn account(&mut self) -> Result<Option<Account>, Denial> {
        let account = self.request.user.as_deref().map_or(Ok(None), |name| self.machine.account(name))?;
        self.who.user = account.as_ref().map(|account| account.name.clone());
        Ok(account)
    }

    /// What the policy wants now of `account`, with the methods that came first. Of an account's names, the one with the
    /// strictest verdict counts.
    pub fn decide(
        &mut self,
        policy: &Policy,
        account: &Account,
        methods: &Methods<'_>,
    ) -> Result<Wanted, Denial> {
        let now = self.machine.now()?;
        let named = policy.groups();
        let mut strictest: Option<Decision<'_>> = None;
        for entry in &account.entries {
            let groups = self.groups_of(entry, &named);
            let decision = policy.decide(
                &Subject {
                    user: &entry.name,
                    service: &self.request.service,
                    origin: origin(&self.request),
                    address: Address::of(&self.request.rhost),
                    groups,
                    methods: methods.clone(),
                },
                now,
            );
            strictest = strictest.map(|strictest| strictest.or_stricter(decision)).or(Some(decision));
        }
        // Every account has a name; if one had none, nothing would speak for an exemption.
        let nameless = || Wanted {
            mode: Mode::Mandatory,
            rule: DEFAULT_RULE.to_owned(),
            starts: None,
            is_assumed: true,
        };
        let wanted = strictest.map_or_else(nameless, Wanted::from);
        self.who.rule = Some(wanted.rule.clone());
        Ok(wanted)
    }

    /// Makes what is opt-in mandatory where an administrator requires it of this account.
    pub fn heed_requirement(&mut self, wanted: Wanted, account: &Account) -> Result<Wanted, Denial> {
        if wanted.mode != Mode::OptIn || !self.machine.is_required(account)? {
            return Ok(wanted);
        }
        self.who.required = true;
        Ok(Wanted { mode: Mode::Mandatory, starts: None, ..wanted })
    }

    fn groups_of(&mut self, entry: &Entry, named: &BTreeSet<&str>) -> Groups {
        if named.is_empty() {
            return Groups::Known(BTreeSet::new());
        }
        self.machine.memberships(entry, named).map_or_else(
            |fault| {
                self.remark(&format!("{fault}: rules with groups count as mandatory"));
                Groups::Unknown
            },
            Groups::Known,
        )
    }

    /// Writes the line for `verdict` to the log.
    pub fn log(&mut self, verdict: &Verdict) {
        self.host.log(&audit::line(&self.who, verdict));
    }

    /// Writes to the log what else an administrator must know.
    pub fn remark(&mut self, what: &str) {
        self.host.log(&audit::remark(&self.who, Priority::Warning, what));
    }
}

/// Local is only what surely is: no remote host, a console, no sign of sshd, which over a socket gives no address, and no
/// setuid program, to which its caller may give any terminal as standard input.
fn origin(request: &Request) -> Origin {
    let tty = request.tty.strip_prefix("/dev/").unwrap_or(&request.tty);
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let console = ["tty", "ttyS", "hvc"].iter().any(|kind| tty.strip_prefix(kind).is_some_and(number));
    let here = (console || tty == ":0") && request.rhost.is_empty();
    if here && request.called_by_root && !request.is_sshd() { Origin::Local } else { Origin::Remote }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_is_only_what_surely_is() {
        let table = [
            ("tty1", "", None, Origin::Local),
            ("/dev/tty1", "", None, Origin::Local),
            ("ttyS0", "", None, Origin::Local),
            ("hvc0", "", None, Origin::Local),
            (":0", "", None, Origin::Local),
            (":10", "", None, Origin::Remote),
            ("", "", None, Origin::Remote),
            ("ssh", "", None, Origin::Remote),
            ("pts/0", "", None, Origin::Remote),
            ("/dev/pts/0", "", None, Origin::Remote),
            ("tty", "", None, Origin::Remote),
            ("ttyUSB", "", None, Origin::Remote),
            ("tty1x", "", None, Origin::Remote),
            ("tty1", "192.0.2.7", None, Origin::Remote),
            ("tty1", "", Some(""), Origin::Remote),
        ];
        for (tty, rhost, methods, expected) in table {
            let request = Request {
                tty: tty.to_owned(),
                rhost: rhost.to_owned(),
                ssh_methods: methods.map(str::to_owned),
                called_by_root: true,
                ..Request::default()
            };
            assert_eq!(origin(&request), expected, "{tty} {rhost} {methods:?}");
            let from_a_user = Request { called_by_root: false, ..request };
            assert_eq!(origin(&from_a_user), Origin::Remote, "su of a user's");
        }
    }
}
