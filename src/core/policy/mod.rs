//! The administrator's rules: for whom the second step is mandatory, opt-in or not asked at all. The first rule that
//! matches decides.

mod file;
mod network;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::time::Period;
use crate::totp::Algorithm;

pub use file::{Place, PolicyError};
pub use network::Network;

/// What a rule asks for, from the mildest to the strictest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nobody is asked.
    Exempt,
    /// Who has enrolled must prove it; the others get in without.
    OptIn,
    /// Everybody must prove a second step.
    Mandatory,
}

/// From where somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// At a console of this machine.
    Local,
    /// Everything that is not surely local.
    Remote,
}

/// How codes are judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verification {
    /// Steps tolerated to each side of the present one, 0 to 3.
    pub skew_steps: u8,
    /// Prompts in one conversation, 1 to 10.
    pub tries: u8,
    /// Failures in a row until codes are disabled, 3 to 100.
    pub lockout_after: u16,
}

impl Default for Verification {
    fn default() -> Self {
        Self { skew_steps: 1, tries: 3, lockout_after: 20 }
    }
}

/// How people enroll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrollment {
    /// The PAM services at which a mandatory user without a credential enrolls in the login itself.
    pub services: Vec<String>,
    /// Whether a ticket of an administrator's is asked for first.
    pub require_ticket: bool,
    /// What apps show beside the account; none: the host's name.
    pub issuer: Option<String>,
    /// The hash of new authenticators.
    pub algorithm: Algorithm,
    /// Digits of their codes, 6 to 8.
    pub digits: u8,
    /// Seconds per step of theirs, 30 or 60.
    pub period: Period,
    /// Recovery codes in a set, 0 to 16.
    pub recovery_codes: u8,
}

impl Default for Enrollment {
    fn default() -> Self {
        Self {
            services: vec!["sshd".to_owned(), "login".to_owned()],
            require_ticket: false,
            issuer: None,
            algorithm: Algorithm::SHA1,
            digits: 6,
            period: Period::DEFAULT,
            recovery_codes: 8,
        }
    }
}

/// Where the account phase refuses who skipped a required second step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    /// The PAM services.
    pub services: Vec<String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { services: vec!["sshd".to_owned()] }
    }
}

/// One rule: all conditions that are given must match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    name: String,
    users: Option<Vec<String>>,
    groups: Option<Vec<String>>,
    services: Option<Vec<String>>,
    origin: Option<Origin>,
    from: Option<Vec<Network>>,
    mode: Mode,
}

/// The policy, parsed and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    mode: Mode,
    rules: Vec<Rule>,
    /// How codes are judged.
    pub verification: Verification,
    /// How people enroll.
    pub enrollment: Enrollment,
    /// Where nobody gets by without.
    pub gate: Gate,
}

/// The groups of a person, as far as the policy names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Groups {
    /// Those of the named groups to which the person belongs.
    Known(BTreeSet<String>),
    /// The look-up failed.
    Unknown,
}

/// From which address somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// From none: PAM_RHOST is empty.
    None,
    /// From this one.
    Literal(IpAddr),
    /// From a name, whose address is what its owner says today.
    Unknown,
}

impl Address {
    /// The address in PAM_RHOST. A zone (RFC 4007 section 11) is dropped, an IPv4-mapped address is the IPv4 one.
    pub fn of(rhost: &str) -> Self {
        match network::literal(rhost) {
            _ if rhost.is_empty() => Self::None,
            Some(address) => Self::Literal(address),
            None => Self::Unknown,
        }
    }
}

/// Who logs in, by which service, from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject<'a> {
    /// A name of the account's.
    pub user: &'a str,
    /// The PAM service.
    pub service: &'a str,
    /// Console or network.
    pub origin: Origin,
    /// What PAM_RHOST says.
    pub address: Address,
    /// The person's groups.
    pub groups: Groups,
}

/// What the policy says of one subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision<'p> {
    /// What is asked for.
    pub mode: Mode,
    /// The deciding rule's name, `default` if none matched.
    pub rule: &'p str,
}

/// How sure it is that a rule applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Applies {
    Yes,
    No,
    /// It would, if the person were in one of its groups, and that could not be looked up.
    UnknownGroups,
    /// It would, if the remote host lay in one of its networks; but the remote host is a name.
    UnknownAddress,
}

impl Policy {
    /// Parses the text of a policy file. Everything that is not understood is an error.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        file::parse(text)
    }

    /// The verdict on `who`: the first rule that applies decides. Groups that cannot be looked up count as mandatory. A remote
    /// host that is a name may lie in a rule's networks or not: of the two verdicts that follow, the stricter counts, so that
    /// whoever chooses the name neither reaches an exemption nor evades a rule.
    pub fn decide(&self, who: &Subject<'_>) -> Decision<'_> {
        let mut strictest_perhaps: Option<Decision<'_>> = None;
        let mut sure = Decision { mode: self.mode, rule: DEFAULT_RULE };
        for rule in &self.rules {
            let this = Decision { mode: rule.mode, rule: &rule.name };
            match rule.applies(who) {
                Applies::No => continue,
                Applies::UnknownAddress => {
                    strictest_perhaps =
                        strictest_perhaps.filter(|perhaps| perhaps.mode >= this.mode).or(Some(this));
                    continue;
                }
                Applies::Yes => sure = this,
                Applies::UnknownGroups => sure = Decision { mode: Mode::Mandatory, ..this },
            }
            break;
        }
        strictest_perhaps.filter(|perhaps| perhaps.mode > sure.mode).unwrap_or(sure)
    }

    /// Whether somebody must have a second step at `service`, as far as one can say without knowing whom.
    pub fn may_require(&self, service: &str) -> bool {
        let reaches = |rule: &&Rule| {
            rule.services.as_ref().is_none_or(|services| services.iter().any(|one| one == service))
        };
        let mut modes = self.rules.iter().filter(reaches).map(|rule| rule.mode);
        self.mode == Mode::Mandatory || modes.any(|mode| mode == Mode::Mandatory)
    }

    /// The groups that any rule names: only these are looked up.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| rule.groups.iter().flatten()).map(String::as_str).collect()
    }
}

/// What stands for the policy's own `mode` where a rule is named.
pub const DEFAULT_RULE: &str = "default";

impl Rule {
    fn applies(&self, who: &Subject<'_>) -> Applies {
        let listed = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref().is_none_or(|l| l.iter().any(|v| v == value))
        };
        let here = listed(&self.users, who.user)
            && listed(&self.services, who.service)
            && self.origin.is_none_or(|origin| origin == who.origin);
        match (here, self.grouped(&who.groups), self.covers(who.address)) {
            (false, _, _) | (_, Applies::No, _) | (_, _, Applies::No) => Applies::No,
            (true, Applies::UnknownGroups, _) => Applies::UnknownGroups,
            (true, _, covers) => covers,
        }
    }

    fn covers(&self, address: Address) -> Applies {
        match (&self.from, address) {
            (None, _) => Applies::Yes,
            (Some(from), Address::Literal(address)) if from.iter().any(|network| network.holds(address)) => {
                Applies::Yes
            }
            (Some(_), Address::Unknown) => Applies::UnknownAddress,
            (Some(_), Address::None | Address::Literal(_)) => Applies::No,
        }
    }

    fn grouped(&self, groups: &Groups) -> Applies {
        match (&self.groups, groups) {
            (None, _) => Applies::Yes,
            (Some(_), Groups::Unknown) => Applies::UnknownGroups,
            (Some(named), Groups::Known(mine)) if named.iter().any(|name| mine.contains(name)) => {
                Applies::Yes
            }
            (Some(_), Groups::Known(_)) => Applies::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        version = 1
        mode = "opt-in"
        [[rule]]
        name = "office"
        groups = ["staff"]
        services = ["sshd"]
        from = ["192.0.2.0/24", "2001:db8::/32"]
        mode = "exempt"
        reason = "jump hosts"
        [[rule]]
        name = "console"
        origin = "local"
        users = ["ada"]
        mode = "exempt"
        [[rule]]
        name = "admins"
        groups = ["sudo", "wheel"]
        mode = "mandatory"
    "#;

    fn subject<'a>(user: &'a str, service: &'a str, rhost: &str, groups: &[&str]) -> Subject<'a> {
        let origin = if rhost.is_empty() { Origin::Local } else { Origin::Remote };
        let groups = Groups::Known(groups.iter().map(|&name| name.to_owned()).collect());
        Subject { user, service, origin, address: Address::of(rhost), groups }
    }

    #[test]
    fn the_first_rule_whose_conditions_all_match_decides() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        let table = [
            // user, service, from, groups                        rule        mode
            ("bob", "sshd", "192.0.2.7", &["staff"][..], "office", Mode::Exempt),
            ("bob", "sshd", "2001:db8::1", &["staff"], "office", Mode::Exempt),
            ("bob", "sshd", "::ffff:192.0.2.7", &["staff"], "office", Mode::Exempt),
            ("bob", "sshd", "192.0.3.7", &["staff"], "default", Mode::OptIn),
            ("bob", "sshd", "office.example.org", &["staff"], "default", Mode::OptIn),
            ("bob", "sshd", "", &["staff"], "default", Mode::OptIn),
            ("bob", "sudo", "192.0.2.7", &["staff"], "default", Mode::OptIn),
            ("bob", "sshd", "192.0.2.7", &["staff", "sudo"], "office", Mode::Exempt),
            ("bob", "sudo", "", &["wheel"], "admins", Mode::Mandatory),
            ("ada", "login", "", &["wheel"], "console", Mode::Exempt),
            ("ada", "sshd", "192.0.2.7", &["wheel"], "admins", Mode::Mandatory),
            ("ada", "sshd", "198.51.100.1", &[], "default", Mode::OptIn),
        ];
        for (user, service, from, groups, rule, mode) in table {
            let decision = policy.decide(&subject(user, service, from, groups));
            assert_eq!(decision, Decision { mode, rule }, "{user} {service} {from} {groups:?}");
        }
    }

    #[test]
    fn groups_that_cannot_be_looked_up_count_as_mandatory_even_for_an_exemption() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        let lost = Subject { groups: Groups::Unknown, ..subject("bob", "sshd", "192.0.2.7", &[]) };
        assert_eq!(policy.decide(&lost), Decision { mode: Mode::Mandatory, rule: "office" });
        let ada = Subject { groups: Groups::Unknown, ..subject("ada", "login", "", &[]) };
        assert_eq!(policy.decide(&ada).rule, "console");
    }

    #[test]
    fn a_remote_name_neither_reaches_an_exemption_nor_evades_a_mandatory_rule() {
        let policy = |default, mode| {
            let text = format!(
                "version = 1\nmode = \"{default}\"\n[[rule]]\nname = \"net\"\nfrom = [\"0.0.0.0/0\", \"::/0\"]\nmode = \"{mode}\""
            );
            Policy::parse(text.as_bytes()).unwrap()
        };
        for rhost in ["host.example.org", "UNKNOWN", "010.0.0.1"] {
            let ada = subject("ada", "sshd", rhost, &[]);
            assert_eq!(policy("exempt", "mandatory").decide(&ada).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "exempt").decide(&ada).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "opt-in").decide(&ada).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("exempt", "opt-in").decide(&ada).mode, Mode::OptIn, "{rhost}");
            assert_eq!(policy("opt-in", "exempt").decide(&ada).rule, "default", "{rhost}");
        }
        for rhost in ["192.0.2.1", "fe80::1%eth0", "2001:db8::1"] {
            let ada = subject("ada", "sshd", rhost, &[]);
            assert_eq!(policy("exempt", "mandatory").decide(&ada).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "exempt").decide(&ada).mode, Mode::Exempt, "{rhost}");
        }
        let console = subject("ada", "login", "", &[]);
        assert_eq!(policy("exempt", "mandatory").decide(&console).mode, Mode::Exempt);
    }

    #[test]
    fn a_mandatory_rule_counts_at_the_services_it_names() {
        let may_require = |default: &str, rules: &str, service: &str| {
            let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
            Policy::parse(text.as_bytes()).unwrap().may_require(service)
        };
        let rule = "[[rule]]\nname = \"a\"\nservices = [\"sshd\"]\nmode = \"mandatory\"\n";
        assert!(may_require("mandatory", "", "login"));
        assert!(may_require("opt-in", rule, "sshd"));
        assert!(!may_require("opt-in", rule, "login"));
        assert!(!may_require("exempt", "", "sshd"));
    }

    #[test]
    fn only_the_groups_that_rules_name_are_looked_up() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        assert_eq!(policy.groups().into_iter().collect::<Vec<_>>(), ["staff", "sudo", "wheel"]);
    }
}
