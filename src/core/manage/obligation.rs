//! The obligation to have a second step.

use crate::login::machine::Surroundings;
use crate::login::spellings::names_with_spellings;
use crate::os::account::{Account, NssName};
use crate::paths::POLICY;
use crate::policy::{Exemption, Groups, Mode, Policy, Spellings};
use crate::time::UnixTime;
use crate::words::account as words;

/// What makes a second step mandatory for a user in some login.
#[derive(Debug, PartialEq, Eq)]
pub struct Obligation {
    /// The rule of the policy.
    pub rule: String,
    /// The line of that rule in the policy file.
    pub line: usize,
    /// Whether that rule makes the second step optional, and an administrator requires it.
    pub administrator: bool,
}

/// An account as the rules of a policy see it.
pub struct PolicySubject<'a> {
    policy: &'a Policy,
    /// Each name of the account, with its other spellings in the policy, and its groups.
    names: Vec<(&'a NssName, Spellings<'a>, Groups)>,
}

impl<'a> PolicySubject<'a> {
    /// `account`, with the groups that it has on `machine`.
    pub fn of(account: &'a Account, machine: &impl Surroundings, policy: &'a Policy) -> Self {
        let named = policy.groups();
        let names = names_with_spellings(machine, policy, account, |_| ()).into_iter();
        let grouped = names.map(|(name, spellings)| {
            let groups = machine.memberships(name, &named).map_or(Groups::Unknown, Groups::Known);
            (name, spellings, groups)
        });
        Self { policy, names: grouped.collect() }
    }

    /// The obligation at `now`. If the account has several names, the first that is obliged counts. `required` says
    /// whether an administrator requires a second step of it.
    pub fn obligation(&self, required: bool, now: UnixTime) -> Option<Obligation> {
        self.names.iter().find_map(|(name, spellings, groups)| {
            let found = self.policy.obligation(&name.name, spellings, groups, required, now)?;
            let administrator = found.mode != Mode::Mandatory;
            Some(Obligation { rule: found.rule.to_owned(), line: found.line, administrator })
        })
    }

    /// What exempts the account in some login. If it has several names, each must be exempt by it.
    pub fn exemptions(&self, now: UnixTime) -> Vec<Exemption<'a>> {
        let of_names = self
            .names
            .iter()
            .map(|(name, spellings, groups)| self.policy.exemptions(&name.name, spellings, groups, now));
        let in_both = |mut some: Vec<_>, others: Vec<_>| {
            some.retain(|one| others.contains(one));
            some
        };
        of_names.reduce(in_both).unwrap_or_default()
    }
}

impl Obligation {
    /// The obligation of `account` on `machine` ([`PolicySubject::obligation`]).
    pub fn of(
        account: &Account,
        required: bool,
        machine: &impl Surroundings,
        policy: &Policy,
        now: UnixTime,
    ) -> Option<Self> {
        PolicySubject::of(account, machine, policy).obligation(required, now)
    }

    /// The text for the user whom it obliges.
    pub(super) fn text(&self) -> String {
        if self.administrator {
            words::REQUIRED_BY_ADMIN.to_owned()
        } else {
            words::required_by_rule(&self.rule, self.line, POLICY)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::enrolled;

    /// The obligation of root, who is also called toor, and belongs to the group wheel as toor.
    fn obligation(rules: &str, required: bool) -> Option<Obligation> {
        let policy = Policy::parse(format!("version = 1\n{rules}").as_bytes()).unwrap();
        let machine = enrolled(&[]);
        let account = machine.account("toor").unwrap().unwrap();
        Obligation::of(&account, required, &machine, &policy, UnixTime::new(0))
    }

    fn by(rule: &str, line: usize, administrator: bool) -> Option<Obligation> {
        Some(Obligation { rule: rule.to_owned(), line, administrator })
    }

    #[test]
    fn obliges_nobody_without_rule_or_administrator() {
        assert_eq!(obligation("mode = \"opt-in\"", false), None);
        assert_eq!(obligation("mode = \"exempt\"", true), None, "a requirement is for opt-in alone");
    }

    #[test]
    fn tells_obligation_by_rule_from_one_by_an_administrator() {
        let rule = obligation("mode = \"mandatory\"", true);
        assert_eq!(rule, by("default", 2, false));
        assert_eq!(
            rule.unwrap().text(),
            "rule 'default' (line 2 of /etc/twostep/policy.toml) requires a second step of you"
        );
        let administrator = obligation("mode = \"opt-in\"", true);
        assert_eq!(administrator, by("default", 2, true));
        assert_eq!(administrator.unwrap().text(), words::REQUIRED_BY_ADMIN);
    }

    #[test]
    fn obliges_account_by_any_of_its_names() {
        let wheel =
            "mode = \"opt-in\"\n[[rule]]\nname = \"admins\"\ngroups = [\"wheel\"]\nmode = \"mandatory\"";
        assert_eq!(obligation(wheel, false), by("admins", 4, false));
        assert_eq!(obligation(&wheel.replace("wheel", "staff"), false), None);
    }

    /// The name service answers ROOT with root, root@other with another user, and Root not at all.
    #[test]
    fn obliges_account_by_any_spelling_that_may_be_its_name() {
        let rule = |listed, mode| {
            format!(
                "mode = \"opt-in\"\n[[rule]]\nname = \"named\"\nusers = [\"{listed}\"]\nmode = \"{mode}\"\n"
            )
        };
        for (listed, is_obliged) in [("ROOT", true), ("Root", true), ("root@other", false), ("ada", false)] {
            assert_eq!(obligation(&rule(listed, "mandatory"), false).is_some(), is_obliged, "{listed}");
        }
        let all = "[[rule]]\nname = \"all\"\nmode = \"mandatory\"\n";
        for (listed, is_obliged) in [("Root", true), ("root@other", true)] {
            let exempt = rule(listed, "exempt") + all;
            assert_eq!(obligation(&exempt, false).is_some(), is_obliged, "{listed}");
        }
    }

    #[test]
    fn exempts_account_only_if_each_of_its_names_is_exempt() {
        let exemptions = |rules: &str| {
            let policy = Policy::parse(format!("version = 1\n{rules}").as_bytes()).unwrap();
            let machine = enrolled(&[]);
            let account = machine.account("toor").unwrap().unwrap();
            let subject = PolicySubject::of(&account, &machine, &policy);
            subject
                .exemptions(UnixTime::new(0))
                .iter()
                .map(|one| (one.rule.to_owned(), one.line))
                .collect::<Vec<_>>()
        };
        let rule = |users: &str| {
            format!("mode = \"opt-in\"\n[[rule]]\nname = \"some\"\nusers = [{users}]\nmode = \"exempt\"")
        };
        assert_eq!(exemptions(&rule("\"root\"")), []);
        assert_eq!(exemptions(&rule("\"toor\"")), []);
        assert_eq!(exemptions(&rule("\"toor\", \"root\"")), [("some".to_owned(), 4)]);
        assert_eq!(exemptions("mode = \"exempt\""), [("default".to_owned(), 2)]);
    }

    #[test]
    fn assumes_obligation_where_groups_cannot_be_looked_up() {
        let lost = "mode = \"opt-in\"\n[[rule]]\nname = \"staff\"\ngroups = [\"lost\"]\nmode = \"opt-in\"";
        assert_eq!(obligation(lost, false), by("staff", 4, false));
    }
}
