//! Rules of a valid policy that are probably not meant: they never match, their last day is over, they exempt root, or they exempt
//! users without an end, or anyone without a reason. And an enrollment that proves less than it could. The sentences are in `findings`.

use twostep_core::policy::{Condition, Mode, Network, Origin, Policy, Rule};
use twostep_core::time::{Day, UnixTime};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark<'p> {
    pub rule: &'p Rule,
    pub kind: RemarkKind<'p>,
}

/// What is remarkable about a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemarkKind<'p> {
    /// An earlier rule matches whatever this one matches.
    NeverDecides {
        earlier: &'p Rule,
    },
    /// `origin = "local"` excludes its other condition.
    NeverMatches(Condition),
    /// This was its last day.
    IsOver(Day),
    ExemptsRoot,
    /// The account line does not learn of a key, so the exemption does not apply there.
    KeyUnknownAtGate,
    NoEnd,
    NoReason,
}

impl RemarkKind<'_> {
    /// Whether the rule has no effect.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::NeverDecides { .. } | Self::NeverMatches(_) | Self::IsOver(_))
    }

    /// Whether the policy probably does not do what was meant. Otherwise a reviewer may ask about the rule.
    pub fn is_warning(&self) -> bool {
        self.is_idle() || matches!(self, Self::ExemptsRoot)
    }
}

/// The remarks on all rules of `policy`, in their order.
pub fn remarks(policy: &Policy, now: UnixTime) -> Vec<Remark<'_>> {
    let mut remarks = Vec::new();
    let mut earlier: &[Rule] = &[];
    for (index, rule) in policy.rules().iter().enumerate() {
        let all = [
            never_matches(rule, earlier),
            rule.until.filter(|_| rule.is_over(now)).map(RemarkKind::IsOver),
            exempts_root(rule).then_some(RemarkKind::ExemptsRoot),
            relies_on_a_key(rule, policy).then_some(RemarkKind::KeyUnknownAtGate),
            is_endless(rule).then_some(RemarkKind::NoEnd),
            (is_exempt(rule) && rule.reason.is_none()).then_some(RemarkKind::NoReason),
        ];
        remarks.extend(all.into_iter().flatten().map(|kind| Remark { rule, kind }));
        earlier = policy.rules().get(..=index).unwrap_or_default();
    }
    remarks
}

/// The line that lets one code prove a new authenticator. None if two codes must.
pub fn one_code(policy: &Policy) -> Option<usize> {
    policy.enrollment.codes_line.filter(|_| policy.enrollment.codes == 1)
}

fn is_exempt(rule: &Rule) -> bool {
    rule.mode() == Mode::Exempt
}

/// An exemption of users usually has an end. One of a service, such as the console, or of a network has none.
fn is_endless(rule: &Rule) -> bool {
    is_exempt(rule) && rule.until.is_none() && (rule.users.is_some() || rule.groups.is_some())
}

fn never_matches<'p>(rule: &Rule, earlier: &'p [Rule]) -> Option<RemarkKind<'p>> {
    if let Some(earlier) = earlier.iter().find(|earlier| covers_all_of(earlier, rule)) {
        return Some(RemarkKind::NeverDecides { earlier });
    }
    let is_local = rule.origin == Some(Origin::Local);
    let other = match (is_local, &rule.from, &rule.first_factor) {
        (true, Some(_), _) => Condition::From,
        (true, None, Some(methods)) if !methods.iter().any(|method| method == "password") => {
            Condition::FirstFactor
        }
        (true, None, Some(_)) | (true, None, None) | (false, _, _) => return None,
    };
    Some(RemarkKind::NeverMatches(other))
}

/// A rule for all users includes root. For the console alone, that is the way back in.
fn exempts_root(rule: &Rule) -> bool {
    let names_root = |names: &Vec<String>| names.iter().any(|name| name == "root");
    let means_root = match (&rule.users, &rule.groups) {
        (Some(users), _) => names_root(users),
        (None, Some(groups)) => names_root(groups),
        (None, None) => rule.origin != Some(Origin::Local),
    };
    is_exempt(rule) && means_root
}

fn relies_on_a_key(rule: &Rule, policy: &Policy) -> bool {
    is_exempt(rule) && rule.first_factor.is_some() && !policy.gate.services.is_empty()
}

/// Whether `rule` matches whatever `other` matches, and for as long.
fn covers_all_of(rule: &Rule, other: &Rule) -> bool {
    let lasts = match (rule.until, other.until) {
        (None, _) => true,
        (Some(end), Some(other)) => other.ends() <= end.ends(),
        (Some(_), None) => false,
    };
    let origin = rule.origin.is_none() || rule.origin == other.origin;
    lasts
        && origin
        && holds_all_of(rule.users.as_deref(), other.users.as_deref())
        && holds_all_of(rule.groups.as_deref(), other.groups.as_deref())
        && holds_all_of(rule.services.as_deref(), other.services.as_deref())
        && holds_all_of(rule.first_factor.as_deref(), other.first_factor.as_deref())
        && covers_networks(rule.from.as_deref(), other.from.as_deref())
}

fn holds_all_of(list: Option<&[String]>, other: Option<&[String]>) -> bool {
    match (list, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(list), Some(other)) => other.iter().all(|value| list.contains(value)),
    }
}

fn covers_networks(networks: Option<&[Network]>, other: Option<&[Network]>) -> bool {
    match (networks, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(networks), Some(other)) => {
            other.iter().all(|inner| networks.iter().any(|network| network.holds_network(inner)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::new(1_800_000_000); // 2027-01-15

    /// The remarks on these rules, each with the name of its rule.
    fn remarked(rules: &str) -> Vec<String> {
        let policy = Policy::parse(format!("version = 1\nmode = \"opt-in\"\n{rules}").as_bytes()).unwrap();
        let name = |kind: RemarkKind<'_>| match kind {
            RemarkKind::NeverDecides { earlier } => format!("never decides after {}", earlier.name),
            RemarkKind::NeverMatches(condition) => format!("never matches {condition}"),
            RemarkKind::IsOver(day) => format!("is over since {day}"),
            RemarkKind::ExemptsRoot => "exempts root".to_owned(),
            RemarkKind::KeyUnknownAtGate => "key unknown".to_owned(),
            RemarkKind::NoEnd => "no end".to_owned(),
            RemarkKind::NoReason => "no reason".to_owned(),
        };
        let all = remarks(&policy, NOW).into_iter();
        all.map(|remark| format!("{} {}", remark.rule.name, name(remark.kind))).collect()
    }

    fn two(first: &str, second: &str) -> String {
        format!(
            "[[rule]]\nname = \"a\"\nmode = \"mandatory\"\n{first}\n[[rule]]\nname = \"b\"\nmode = \"opt-in\"\n{second}\n"
        )
    }

    fn exempt(more: &str) -> String {
        format!("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nreason = \"r\"\n{more}\n")
    }

    #[test]
    fn notices_rule_that_earlier_one_covers() {
        let table = [
            ("", "", true),
            ("", "users = [\"ada\"]", true),
            ("users = [\"ada\", \"bob\"]", "users = [\"bob\"]", true),
            ("users = [\"ada\"]", "users = [\"ada\", \"bob\"]", false),
            ("users = [\"ada\"]", "", false),
            ("groups = [\"staff\"]", "groups = [\"staff\"]\nusers = [\"ada\"]", true),
            ("services = [\"sshd\"]", "services = [\"sshd\"]\norigin = \"remote\"", true),
            ("origin = \"remote\"", "origin = \"local\"", false),
            ("from = [\"192.0.2.0/24\"]", "from = [\"192.0.2.128/25\", \"192.0.2.7\"]", true),
            ("from = [\"192.0.2.0/25\"]", "from = [\"192.0.2.0/24\"]", false),
            ("from = [\"::/0\"]", "from = [\"192.0.2.0/24\"]", false),
            ("first-factor = [\"password\"]", "first-factor = [\"password\"]", true),
            ("first-factor = [\"publickey\"]", "", false),
        ];
        for (first, second, covered) in table {
            let expected: &[&str] = if covered { &["b never decides after a"] } else { &[] };
            assert_eq!(remarked(&two(first, second)), expected, "{first} / {second}");
        }
    }

    #[test]
    fn rule_that_ends_first_covers_none() {
        let until = |name: &str, day: &str| {
            let rule = exempt(&format!("users = [\"ada\"]\nuntil = {day}"));
            rule.replace("\"a\"\nmode", &format!("\"{name}\"\nmode"))
        };
        assert_eq!(remarked(&[until("a", "2027-02-01"), until("b", "2027-03-01")].concat()), [""; 0]);
        let covered = remarked(&[until("a", "2027-03-01"), until("b", "2027-02-01")].concat());
        assert_eq!(covered, ["b never decides after a"]);
    }

    #[test]
    fn notices_conditions_that_exclude_each_other() {
        let local = |more: &str| {
            remarked(&format!("[[rule]]\nname = \"a\"\nmode = \"mandatory\"\norigin = \"local\"\n{more}\n"))
        };
        assert_eq!(local("from = [\"192.0.2.7\"]"), ["a never matches from"]);
        assert_eq!(local("first-factor = [\"publickey\"]"), ["a never matches first-factor"]);
        assert_eq!(local("first-factor = [\"password\"]"), [""; 0]);
    }

    #[test]
    fn notices_exemption_that_is_over_or_includes_root() {
        let table: [(&str, &[&str]); 7] = [
            ("users = [\"ada\"]\nuntil = 2027-01-14", &["a is over since 2027-01-14"]),
            ("users = [\"ada\"]\nuntil = 2027-01-15", &[]),
            ("users = [\"root\"]\nuntil = 2027-01-15", &["a exempts root"]),
            ("from = [\"192.0.2.7\"]\nuntil = 2027-01-15", &["a exempts root"]),
            ("groups = [\"root\"]\nuntil = 2027-01-15", &["a exempts root"]),
            ("groups = [\"staff\"]\nuntil = 2027-01-15", &[]),
            ("origin = \"local\"\nuntil = 2027-01-15", &[]),
        ];
        for (more, expected) in table {
            assert_eq!(remarked(&exempt(more)), expected, "{more}");
        }
    }

    #[test]
    fn notices_exemption_by_key_where_there_is_gate() {
        let rule = |gate: &str, mode: &str, key: &str| {
            let rule = format!("[[rule]]\nname = \"a\"\nusers = [\"ada\"]\nmode = \"{mode}\"\n{key}\n");
            remarked(&format!("{gate}\n{rule}")).contains(&"a key unknown".to_owned())
        };
        let (none, key) = ("[gate]\nservices = []", "first-factor = [\"publickey\"]");
        assert!(rule("", "exempt", key));
        assert!(!rule("", "exempt", ""));
        assert!(!rule("", "mandatory", key));
        assert!(!rule(none, "exempt", key));
    }

    #[test]
    fn notices_enrollment_by_one_code() {
        let line = |text: &str| {
            let text = format!("version = 1\nmode = \"opt-in\"\n[enrollment]\n{text}");
            one_code(&Policy::parse(text.as_bytes()).unwrap())
        };
        assert_eq!([line("codes = 1\n"), line("codes = 2\n"), line("")], [Some(4), None, None]);
    }

    #[test]
    fn notices_exemption_without_end_or_reason() {
        let rule = |more: &str| {
            remarked(&format!("[[rule]]\nname = \"a\"\nusers = [\"b\"]\nmode = \"exempt\"\n{more}\n"))
        };
        assert_eq!(rule(""), ["a no end", "a no reason"]);
        assert_eq!(rule("until = 2027-06-30"), ["a no reason"]);
        assert_eq!(rule("until = 2027-06-30\nreason = \"because\""), [""; 0]);
        let others = |more: &str| remarked(&exempt(more)).contains(&"a no end".to_owned());
        assert!(others("groups = [\"staff\"]\nservices = [\"cups\"]"));
        assert!(!others("services = [\"cups\"]"));
        assert!(!others("from = [\"192.0.2.0/24\"]"));
    }
}
