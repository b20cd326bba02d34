//! The administrator's rules: for whom the second step is mandatory, opt-in or not asked at all. The first rule that
//! matches decides.

mod check;
mod file;
mod network;
#[cfg(test)]
mod properties;
mod remarks;
mod rule;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::proof::totp::{self, Algorithm, Authenticator};
use crate::time::{Day, Period, UnixTime};

pub use file::{PolicyError, Position};
pub use network::Network;
pub use remarks::{Remark, Weight};
pub use rule::{Applies, Condition, Rule};

/// The methods that sshd reports as proved (RFC 4252, RFC 4256, RFC 4462).
pub const METHODS: [&str; 5] =
    ["publickey", "password", "hostbased", "gssapi-with-mic", "keyboard-interactive"];

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

impl Verification {
    /// When the last step of these authenticators' begins that could be accepted at `now`.
    pub fn window_end(&self, authenticators: &[Authenticator], now: UnixTime) -> UnixTime {
        totp::window_end(authenticators, now, self.skew_steps.into())
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

/// The policy, parsed and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    mode: Mode,
    /// The line on which `mode` stands.
    line: usize,
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

/// How somebody has proved who they are, before they are asked for a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Methods<'a> {
    /// By these of [`METHODS`], perhaps none.
    Known(Vec<&'a str>),
    /// Nobody says: sshd tells it in the auth phase alone.
    Unknown,
}

/// Who logs in, by which service, from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFacts<'a> {
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
    /// What was proved before.
    pub methods: Methods<'a>,
}

/// What the policy says of one subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision<'p> {
    /// What is asked for.
    pub mode: Mode,
    /// The deciding rule's name, `default` if none matched.
    pub rule: &'p str,
    /// The line on which that name stands, or the policy's own mode.
    pub line: usize,
    /// The day from which on it is mandatory, if that is still to come.
    pub starts: Option<Day>,
    /// Whether it is only assumed, because groups could not be looked up.
    pub is_assumed: bool,
}

impl Decision<'_> {
    /// What counts where it is not known whether this applies.
    fn assumed(self) -> Self {
        Self { mode: Mode::Mandatory, starts: None, is_assumed: true, ..self }
    }

    /// This, unless `other` asks for more.
    pub fn or_stricter(self, other: Self) -> Self {
        if other.mode > self.mode { other } else { self }
    }
}

impl Policy {
    /// Parses the text of a policy file. Everything that is not understood is an error.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        file::parse(text)
    }

    /// Everything that is wrong with the text of a policy file: every syntax error, or else one error of each table. Empty
    /// if and only if [`Self::parse`] reads it.
    pub fn errors(text: &[u8]) -> Vec<PolicyError> {
        check::errors(text)
    }

    /// What is allowed, and probably not meant.
    pub fn remarks(&self, now: UnixTime) -> Vec<Remark> {
        remarks::remarks(self, now)
    }

    /// The verdict on `who` at `now`: the first rule that applies decides. Groups that cannot be looked up count as mandatory.
    /// Where a condition cannot be known, as with a remote host that is a name, the stricter of the two verdicts counts, so
    /// that whoever chooses the name neither reaches an exemption nor evades a rule.
    pub fn decide(&self, who: &LoginFacts<'_>, now: UnixTime) -> Decision<'_> {
        let mut strictest_perhaps: Option<Decision<'_>> = None;
        let mut sure = self.otherwise();
        for (rule, applies) in self.considered(who, now) {
            let this = rule.decision(now);
            match applies {
                Applies::No(_) => {}
                Applies::Perhaps(_) => {
                    strictest_perhaps = strictest_perhaps.map(|that| that.or_stricter(this)).or(Some(this));
                }
                Applies::Yes => sure = this,
                Applies::UnknownGroups => sure = this.assumed(),
            }
        }
        strictest_perhaps.map_or(sure, |perhaps| sure.or_stricter(perhaps))
    }

    /// The rules that [`Self::decide`] looks at, each with whether it applies, up to the first that decides.
    pub fn considered(&self, who: &LoginFacts<'_>, now: UnixTime) -> impl Iterator<Item = (&Rule, Applies)> {
        let mut is_decided = false;
        self.rules.iter().map_while(move |rule| {
            if is_decided {
                return None;
            }
            let applies = rule.applies(who, now);
            is_decided = applies.decides();
            Some((rule, applies))
        })
    }

    /// What makes the second step mandatory for `user`, with these groups, in some login or other: every condition but those
    /// on people is taken as possible. None if it is mandatory nowhere; then they may give it up. `required`: whether an
    /// administrator requires it of this account.
    pub fn obligation(
        &self,
        user: &str,
        groups: &Groups,
        required: bool,
        now: UnixTime,
    ) -> Option<Decision<'_>> {
        let obliges = |mode| mode == Mode::Mandatory || (mode == Mode::OptIn && required);
        for rule in self.rules.iter().filter(|rule| rule.can_mean(user, groups, now)) {
            let verdict = rule.decision(now);
            if matches!(groups, Groups::Unknown) && rule.groups.is_some() {
                return Some(verdict.assumed());
            }
            if obliges(verdict.mode) {
                return Some(verdict);
            }
            if rule.is_about_people_alone() {
                return None;
            }
        }
        Some(self.otherwise()).filter(|verdict| obliges(verdict.mode))
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The verdict where no rule applies.
    fn otherwise(&self) -> Decision<'_> {
        Decision { mode: self.mode, rule: DEFAULT_RULE, line: self.line, starts: None, is_assumed: false }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::phone;

    const NOW: UnixTime = UnixTime::new(1_800_000_000); // 2027-01-15 08:00:00 UTC

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

    fn subject<'a>(user: &'a str, service: &'a str, rhost: &str, groups: &[&str]) -> LoginFacts<'a> {
        let origin = if rhost.is_empty() { Origin::Local } else { Origin::Remote };
        let groups = Groups::Known(groups.iter().map(|&name| name.to_owned()).collect());
        let methods = Methods::Known(Vec::new());
        LoginFacts { user, service, origin, address: Address::of(rhost), groups, methods }
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
            let decision = policy.decide(&subject(user, service, from, groups), NOW);
            assert_eq!((decision.mode, decision.rule), (mode, rule), "{user} {service} {from} {groups:?}");
        }
    }

    #[test]
    fn groups_that_cannot_be_looked_up_count_as_mandatory_even_for_an_exemption() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        let lost = LoginFacts { groups: Groups::Unknown, ..subject("bob", "sshd", "192.0.2.7", &[]) };
        let decision = policy.decide(&lost, NOW);
        assert_eq!((decision.mode, decision.rule, decision.line), (Mode::Mandatory, "office", 5));
        assert!(decision.is_assumed);
        assert!(!policy.decide(&subject("bob", "sshd", "192.0.2.7", &["staff"]), NOW).is_assumed);
        let ada = LoginFacts { groups: Groups::Unknown, ..subject("ada", "login", "", &[]) };
        assert_eq!(policy.decide(&ada, NOW).rule, "console");
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
            assert_eq!(policy("exempt", "mandatory").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "exempt").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "opt-in").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("exempt", "opt-in").decide(&ada, NOW).mode, Mode::OptIn, "{rhost}");
            assert_eq!(policy("opt-in", "exempt").decide(&ada, NOW).rule, "default", "{rhost}");
        }
        for rhost in ["192.0.2.1", "fe80::1%eth0", "2001:db8::1"] {
            let ada = subject("ada", "sshd", rhost, &[]);
            assert_eq!(policy("exempt", "mandatory").decide(&ada, NOW).mode, Mode::Mandatory, "{rhost}");
            assert_eq!(policy("mandatory", "exempt").decide(&ada, NOW).mode, Mode::Exempt, "{rhost}");
        }
        let console = subject("ada", "login", "", &[]);
        assert_eq!(policy("exempt", "mandatory").decide(&console, NOW).mode, Mode::Exempt);
    }

    #[test]
    fn of_several_rules_that_perhaps_apply_the_strictest_counts() {
        let rule =
            |mode| format!("[[rule]]\nname = \"{mode}\"\nfrom = [\"192.0.2.0/24\"]\nmode = \"{mode}\"\n");
        for [first, second] in [["opt-in", "mandatory"], ["mandatory", "opt-in"], ["mandatory", "exempt"]] {
            let text = format!("version = 1\nmode = \"exempt\"\n{}{}", rule(first), rule(second));
            let policy = Policy::parse(text.as_bytes()).unwrap();
            let decision = policy.decide(&subject("ada", "sshd", "host.example.org", &[]), NOW);
            assert_eq!((decision.mode, decision.rule), (Mode::Mandatory, "mandatory"), "{first} {second}");
        }
    }

    /// A policy of one rule, `some`, with these conditions.
    fn one_rule(default: &str, mode: &str, conditions: &str) -> Policy {
        let text = format!(
            "version = 1\nmode = \"{default}\"\n[[rule]]\nname = \"some\"\nmode = \"{mode}\"\n{conditions}\n"
        );
        Policy::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_first_factor_is_one_that_was_proved() {
        let exempt = one_rule("mandatory", "exempt", "first-factor = [\"publickey\", \"hostbased\"]");
        let table = [
            (&[][..], Mode::Mandatory),
            (&["password"], Mode::Mandatory),
            (&["publickey"], Mode::Exempt),
            (&["password", "hostbased"], Mode::Exempt),
        ];
        for (proved, mode) in table {
            let methods = Methods::Known(proved.to_vec());
            let ada = LoginFacts { methods, ..subject("ada", "sshd", "192.0.2.7", &[]) };
            assert_eq!(exempt.decide(&ada, NOW).mode, mode, "{proved:?}");
        }
    }

    #[test]
    fn a_first_factor_that_nobody_tells_satisfies_a_mandatory_rule_and_no_exemption() {
        let ada = LoginFacts { methods: Methods::Unknown, ..subject("ada", "sshd", "192.0.2.7", &[]) };
        for (default, mode, verdict) in [
            ("exempt", "mandatory", Mode::Mandatory),
            ("mandatory", "exempt", Mode::Mandatory),
            ("opt-in", "exempt", Mode::OptIn),
            ("exempt", "opt-in", Mode::OptIn),
        ] {
            let policy = one_rule(default, mode, "first-factor = [\"publickey\"]");
            assert_eq!(policy.decide(&ada, NOW).mode, verdict, "{default} {mode}");
        }
    }

    #[test]
    fn an_exemption_ends_with_its_last_day() {
        let ada = subject("ada", "sshd", "192.0.2.7", &[]);
        let policy = one_rule("mandatory", "exempt", "until = 2027-01-15");
        for (now, mode) in [
            (0, Mode::Exempt),
            (1_799_971_199, Mode::Exempt),
            (1_800_057_599, Mode::Exempt),
            (1_800_057_600, Mode::Mandatory),
            (u64::MAX, Mode::Mandatory),
        ] {
            assert_eq!(policy.decide(&ada, UnixTime::new(now)).mode, mode, "{now}");
        }
    }

    #[test]
    fn what_starts_later_is_opt_in_until_then_and_says_when() {
        let ada = subject("ada", "sshd", "192.0.2.7", &[]);
        let policy = one_rule("exempt", "mandatory", "starts = 2027-01-15");
        let day = Some(Day::new(2027, 1, 15));
        for (now, mode, starts) in [
            (0, Mode::OptIn, day),
            (1_799_971_199, Mode::OptIn, day),
            (1_799_971_200, Mode::Mandatory, None),
            (u64::MAX, Mode::Mandatory, None),
        ] {
            let decision = policy.decide(&ada, UnixTime::new(now));
            assert_eq!((decision.mode, decision.starts, decision.rule), (mode, starts, "some"), "{now}");
        }
    }

    #[test]
    fn where_groups_are_lost_even_what_starts_later_is_mandatory_now() {
        let lost = LoginFacts { groups: Groups::Unknown, ..subject("ada", "sshd", "192.0.2.7", &[]) };
        let policy = one_rule("exempt", "mandatory", "groups = [\"staff\"]\nstarts = 2027-02-01");
        let decision = policy.decide(&lost, NOW);
        assert_eq!((decision.mode, decision.starts, decision.is_assumed), (Mode::Mandatory, None, true));
    }

    #[test]
    fn of_two_verdicts_alike_the_sure_one_is_named() {
        let policy = one_rule("mandatory", "mandatory", "from = [\"192.0.2.0/24\"]");
        let decision = policy.decide(&subject("ada", "sshd", "host.example.org", &[]), NOW);
        assert_eq!((decision.mode, decision.rule), (Mode::Mandatory, "default"));
    }

    #[test]
    fn the_window_ends_with_the_last_step_that_is_tolerated() {
        let end = Verification::default().window_end(&[phone("phone")], UnixTime::new(100));
        assert_eq!(end, UnixTime::new(120));
    }

    #[test]
    fn the_rules_are_told_in_their_order_with_all_that_they_name() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        let named: Vec<(&str, Vec<String>)> = policy
            .rules()
            .iter()
            .map(|rule| {
                let names = rule.names().map(|(condition, name)| format!("{condition} {name}"));
                (rule.name.as_str(), names.collect())
            })
            .collect();
        let expected = [
            ("office", &["groups staff", "services sshd"][..]),
            ("console", &["users ada"]),
            ("admins", &["groups sudo", "groups wheel"]),
        ];
        assert_eq!(
            named,
            expected.map(|(rule, names)| (rule, names.iter().map(|&name| name.to_owned()).collect()))
        );
    }

    #[test]
    fn each_rule_that_was_looked_at_says_why_it_did_not_match() {
        let policy = Policy::parse(POLICY.as_bytes()).unwrap();
        let who = subject("bob", "sshd", "host.example.org", &["staff", "sudo"]);
        let considered: Vec<_> = policy
            .considered(&who, NOW)
            .map(|(rule, applies)| (rule.name.as_str(), rule.line, applies))
            .collect();
        let expected = [
            ("office", 5, Applies::Perhaps(Condition::From)),
            ("console", 12, Applies::No(Condition::Users)),
            ("admins", 17, Applies::Yes),
        ];
        assert_eq!(considered, expected);
    }

    #[test]
    fn who_must_prove_a_second_step_somewhere_may_not_give_it_up() {
        let known = |names: &[&str]| Groups::Known(names.iter().map(|&name| name.to_owned()).collect());
        let somewhere = "[[rule]]\nname = \"web\"\nservices = [\"sshd\"]\nmode = \"mandatory\"\n";
        let staff = "[[rule]]\nname = \"staff\"\ngroups = [\"staff\"]\nmode = \"exempt\"\n";
        let later = "[[rule]]\nname = \"later\"\nmode = \"mandatory\"\nstarts = 2027-02-01\n";
        let over = "[[rule]]\nname = \"over\"\nmode = \"exempt\"\nuntil = 2027-01-01\n";
        let exempt = |condition| format!("[[rule]]\nname = \"some\"\nmode = \"exempt\"\n{condition}\n");
        let table = [
            // default, rules, groups, required by an administrator, obliged by
            ("opt-in", String::new(), known(&[]), false, None),
            ("opt-in", String::new(), known(&[]), true, Some("default")),
            ("exempt", String::new(), known(&[]), true, None),
            ("mandatory", String::new(), known(&[]), false, Some("default")),
            ("opt-in", somewhere.to_owned(), known(&[]), false, Some("web")),
            ("opt-in", format!("{staff}{somewhere}"), known(&["staff"]), false, None),
            ("opt-in", format!("{staff}{somewhere}"), known(&["staff"]), true, None),
            ("opt-in", format!("{staff}{somewhere}"), known(&[]), false, Some("web")),
            ("opt-in", staff.to_owned(), Groups::Unknown, false, Some("staff")),
            ("opt-in", later.to_owned(), known(&[]), false, None),
            ("mandatory", later.to_owned(), known(&[]), false, None),
            ("mandatory", over.to_owned(), known(&[]), false, Some("default")),
            ("mandatory", exempt("users = [\"ada\"]"), known(&[]), false, None),
            ("mandatory", exempt("users = [\"bob\"]"), known(&[]), false, Some("default")),
            ("mandatory", exempt("services = [\"sshd\"]"), known(&[]), false, Some("default")),
            ("mandatory", exempt("origin = \"local\""), known(&[]), false, Some("default")),
            ("mandatory", exempt("from = [\"192.0.2.0/24\"]"), known(&[]), false, Some("default")),
            ("mandatory", exempt("first-factor = [\"publickey\"]"), known(&[]), false, Some("default")),
            ("mandatory", exempt("users = [\"ada\"]"), Groups::Unknown, false, None),
        ];
        for (default, rules, groups, required, expected) in table {
            let text = format!("version = 1\nmode = \"{default}\"\n{rules}");
            let policy = Policy::parse(text.as_bytes()).unwrap();
            let obligation = policy.obligation("ada", &groups, required, NOW);
            assert_eq!(obligation.map(|verdict| verdict.rule), expected, "{text} {groups:?} {required}");
        }
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
