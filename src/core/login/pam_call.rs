//! One call of libpam: the user in question, the application and the machine. The phases of a login share it.

use std::collections::BTreeSet;

use crate::login::application::{Application, PamItems};
use crate::login::audit::{self, Who};
use crate::login::machine::Machine;
use crate::login::spellings::names_with_spellings;
use crate::os::account::{Account, NssName};
use crate::policy::{Address, DEFAULT_RULE, Decision, Groups, LoginFacts, Methods, Mode, Origin, Policy};
use crate::time::Day;
use crate::verdict::{Denial, Priority, Verdict};
use crate::words;

/// What the policy requires of a user.
pub(crate) struct Required {
    /// The mode of the deciding rule.
    pub mode: Mode,
    /// The deciding rule's name.
    pub rule: String,
    /// The day on which the second step becomes mandatory, if it is in the future.
    pub starts: Option<Day>,
    /// Whether the mode is only assumed, because groups or names could not be looked up.
    pub is_assumed: bool,
}

impl From<Decision<'_>> for Required {
    fn from(decision: Decision<'_>) -> Self {
        let Decision { mode, rule, starts, is_assumed, line: _ } = decision;
        Self { mode, rule: rule.to_owned(), starts, is_assumed }
    }
}

impl Required {
    /// The text for a user who has not enrolled, if there is one.
    pub(crate) fn text(&self) -> Option<String> {
        self.starts.map(words::login::starts)
    }
}

/// One call under way.
pub(crate) struct PamCall<'a, A, M> {
    pub application: &'a mut A,
    pub machine: &'a M,
    /// The PAM items and environment of the login.
    pub items: PamItems,
    /// The names of the login in the log, filled in as they become known.
    pub who: Who,
}

impl<'a, A: Application, M: Machine> PamCall<'a, A, M> {
    /// A call that `application` makes on `machine`.
    pub(crate) fn new(application: &'a mut A, machine: &'a M) -> Self {
        let items = application.items();
        let who = items.who();
        Self { application, machine, items, who }
    }

    /// The account that PAM_USER names, if there is one.
    pub(crate) fn account(&mut self) -> Result<Option<Account>, Denial> {
        let account = self.items.user.as_deref().map_or(Ok(None), |name| self.machine.account(name))?;
        self.who.user = account.as_ref().map(|account| account.name.clone());
        Ok(account)
    }

    /// What the policy requires of `account` now, with the methods that the user proved before. If an account has
    /// several names, the strictest decision counts.
    pub(crate) fn decide(
        &mut self,
        policy: &Policy,
        account: &Account,
        methods: &Methods<'_>,
    ) -> Result<Required, Denial> {
        let now = self.machine.now()?;
        let named = policy.groups();
        let mut strictest: Option<Decision<'_>> = None;
        let machine = self.machine;
        let names = names_with_spellings(machine, policy, account, |doubt| self.remark(doubt));
        for (name, spellings) in names {
            let groups = self.groups_of(name, &named);
            let decision = policy.decide(
                &LoginFacts {
                    user: &name.name,
                    spellings,
                    service: &self.items.service,
                    origin: origin(&self.items),
                    address: Address::of(&self.items.rhost),
                    groups,
                    methods: methods.clone(),
                },
                now,
            );
            strictest = strictest.map(|strictest| strictest.or_stricter(decision)).or(Some(decision));
        }
        // Every account has a name. If one had none, it must not be exempt.
        let nameless = || Required {
            mode: Mode::Mandatory,
            rule: DEFAULT_RULE.to_owned(),
            starts: None,
            is_assumed: true,
        };
        let required = strictest.map_or_else(nameless, Required::from);
        self.who.rule = Some(required.rule.clone());
        Ok(required)
    }

    /// Changes opt-in to mandatory if an administrator requires a second step of this account.
    pub(crate) fn heed_requirement(
        &mut self,
        required: Required,
        account: &Account,
    ) -> Result<Required, Denial> {
        if required.mode != Mode::OptIn || !self.machine.is_required(account)? {
            return Ok(required);
        }
        self.who.required = true;
        Ok(Required { mode: Mode::Mandatory, starts: None, is_assumed: false, ..required })
    }

    fn groups_of(&mut self, name: &NssName, named: &BTreeSet<&str>) -> Groups {
        if named.is_empty() {
            return Groups::Known(BTreeSet::new());
        }
        self.machine.memberships(name, named).map_or_else(
            |fault| {
                self.remark(&format!("{fault}; treating rules with groups as mandatory"));
                Groups::Unknown
            },
            Groups::Known,
        )
    }

    /// Writes the line for `verdict` to the log.
    pub(crate) fn log(&mut self, verdict: &Verdict) {
        self.application.log(&audit::line(&self.who, verdict));
    }

    /// Writes another fact for an administrator to the log.
    pub(crate) fn remark(&mut self, what: &str) {
        self.application.log(&audit::remark(&self.who, Priority::Warning, what));
    }
}

/// Local is only what is certainly local: no remote host, a console, no sign of sshd (which gives no address over a
/// socket), and no setuid program, to which its caller may give any terminal as standard input. A display such as `:0`
/// is not local, because a display manager also gives it for a remote client.
fn origin(items: &PamItems) -> Origin {
    let tty = items.tty.strip_prefix("/dev/").unwrap_or(&items.tty);
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let console = ["tty", "ttyS", "hvc"].iter().any(|kind| tty.strip_prefix(kind).is_some_and(number));
    if console && items.rhost.is_empty() && items.called_by_root && !items.is_sshd() {
        Origin::Local
    } else {
        Origin::Remote
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_certain_consoles_for_local() {
        let table = [
            ("tty1", "", None, Origin::Local),
            ("/dev/tty1", "", None, Origin::Local),
            ("ttyS0", "", None, Origin::Local),
            ("hvc0", "", None, Origin::Local),
            (":0", "", None, Origin::Remote),
            ("/dev/:0", "", None, Origin::Remote),
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
            let items = PamItems {
                tty: tty.to_owned(),
                rhost: rhost.to_owned(),
                ssh_methods: methods.map(str::to_owned),
                called_by_root: true,
                ..PamItems::default()
            };
            assert_eq!(origin(&items), expected, "{tty} {rhost} {methods:?}");
            let from_a_user = PamItems { called_by_root: false, ..items };
            assert_eq!(origin(&from_a_user), Origin::Remote, "su of a user's");
        }
    }
}
