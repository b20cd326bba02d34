//! What a policy may say, and an administrator would want to hear of before it holds: rules that never match, exemptions that
//! are over or never end.

use crate::time::UnixTime;

use super::model::{Mode, Origin};
use super::network::Network;
use super::rules::{Policy, Rule};

/// How much it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// The policy does something else than it seems to.
    Warning,
    /// It does what it says; somebody who reviews it would ask.
    Note,
}

/// Something in the policy that is allowed, and probably not meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The line of the policy file.
    pub line: usize,
    /// How much it matters.
    pub weight: Weight,
    /// What is remarkable, in one line.
    pub what: String,
    /// What to do about it, as a sentence.
    pub then: String,
    /// Whether the rule decides nothing.
    pub is_idle: bool,
    /// Whether it is idle because its last day is over: taking it out changes nothing.
    pub is_over: bool,
}

impl Policy {
    /// What is allowed, and probably not meant, rule by rule.
    pub fn remarks(&self, now: UnixTime) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut before: &[Rule] = &[];
        for (index, rule) in self.rules.iter().enumerate() {
            let all = [
                never_matches(rule, before),
                is_over(rule, now),
                exempts_root(rule),
                relies_on_a_key(rule, self),
            ];
            remarks.extend(all.into_iter().flatten());
            remarks.extend(unexplained(rule));
            before = self.rules.get(..=index).unwrap_or_default();
        }
        remarks
    }
}

fn remark(rule: &Rule, weight: Weight, what: &str, then: &str) -> Remark {
    Remark {
        line: rule.line,
        weight,
        what: format!("rule '{}' {what}", rule.name),
        then: then.to_owned(),
        is_idle: false,
        is_over: false,
    }
}

fn idle(rule: &Rule, what: &str, then: &str) -> Remark {
    Remark { is_idle: true, ..remark(rule, Weight::Warning, what, then) }
}

fn never_matches(rule: &Rule, before: &[Rule]) -> Option<Remark> {
    if let Some(shadow) = before.iter().find(|other| other.covers_all_of(rule)) {
        let what = format!("never decides: rule '{}' on line {} matches first", shadow.name, shadow.line);
        return Some(idle(rule, &what, "Put it before that rule, or take it out."));
    }
    let is_local = rule.origin == Some(Origin::Local);
    let other = match (is_local, &rule.from, &rule.first_factor) {
        (true, Some(_), _) => "from",
        (true, None, Some(methods)) if !methods.iter().any(|method| method == "password") => "first-factor",
        (true, None, Some(_)) | (true, None, None) | (false, _, _) => return None,
    };
    let what = format!("never matches: what is local has no '{other}'");
    Some(idle(rule, &what, "Take one of the two conditions out."))
}

fn is_over(rule: &Rule, now: UnixTime) -> Option<Remark> {
    let day = rule.until.filter(|_| rule.is_over(now))?;
    let what = format!("ended with {day}, and matches nobody any more");
    Some(Remark { is_over: true, ..idle(rule, &what, "Take it out, or write a later day.") })
}

/// Whoever is meant to be no person in particular, root is, too. At the console alone that is the way back in.
fn exempts_root(rule: &Rule) -> Option<Remark> {
    let names_root = |names: &Vec<String>| names.iter().any(|name| name == "root");
    let means_root = match (&rule.users, &rule.groups) {
        (Some(users), _) => names_root(users),
        (None, Some(groups)) => names_root(groups),
        (None, None) => rule.origin != Some(Origin::Local),
    };
    let then = "If root shall prove a second step, put a mandatory rule for root before it.";
    (rule.mode == Mode::Exempt && means_root).then(|| remark(rule, Weight::Warning, "exempts root", then))
}

/// The gate does not learn of a key: there, who has come by a key alone is not exempt.
fn relies_on_a_key(rule: &Rule, policy: &Policy) -> Option<Remark> {
    let relies = rule.mode == Mode::Exempt && rule.first_factor.is_some() && !policy.gate.services.is_empty();
    let what = "does not hold at the gate: who comes by a key alone is judged as if it had not matched";
    let then = "Let sshd ask both (AuthenticationMethods publickey,keyboard-interactive:pam), or exempt by users, groups or from.";
    relies.then(|| remark(rule, Weight::Note, what, then))
}

fn unexplained(rule: &Rule) -> Vec<Remark> {
    if rule.mode != Mode::Exempt {
        return Vec::new();
    }
    let endless = rule.until.is_none().then(|| {
        remark(
            rule,
            Weight::Note,
            "exempts without an end",
            "If it shall end, write its last day: until = 2027-06-30.",
        )
    });
    let silent = rule.reason.is_none().then(|| {
        remark(
            rule,
            Weight::Note,
            "exempts without a reason",
            "Write for whoever reads it next: reason = \"…\".",
        )
    });
    endless.into_iter().chain(silent).collect()
}

impl Rule {
    /// Whether it matches whatever `other` matches, and for as long.
    fn covers_all_of(&self, other: &Self) -> bool {
        let lasts = match (self.until, other.until) {
            (None, _) => true,
            (Some(end), Some(other)) => other.ends() <= end.ends(),
            (Some(_), None) => false,
        };
        let origin = self.origin.is_none() || self.origin == other.origin;
        lasts
            && origin
            && holds_all_of(self.users.as_deref(), other.users.as_deref())
            && holds_all_of(self.groups.as_deref(), other.groups.as_deref())
            && holds_all_of(self.services.as_deref(), other.services.as_deref())
            && holds_all_of(self.first_factor.as_deref(), other.first_factor.as_deref())
            && covers_networks(self.from.as_deref(), other.from.as_deref())
    }
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

    fn warnings(rules: &str) -> Vec<(usize, String)> {
        let text = format!("version = 1\nmode = \"opt-in\"\n{rules}");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let all = policy.remarks(NOW).into_iter().filter(|remark| remark.weight == Weight::Warning);
        all.map(|remark| (remark.line, remark.what)).collect()
    }

    fn two(first: &str, second: &str) -> String {
        format!(
            "[[rule]]\nname = \"a\"\nmode = \"mandatory\"\n{first}\n[[rule]]\nname = \"b\"\nmode = \"opt-in\"\n{second}\n"
        )
    }

    #[test]
    fn a_rule_that_an_earlier_one_always_precedes_is_told() {
        let table = [
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
        for (first, second, shadowed) in table {
            let found = warnings(&two(first, second));
            assert_eq!(!found.is_empty(), shadowed, "{first} / {second}: {found:?}");
        }
        let what = "rule 'b' never decides: rule 'a' on line 4 matches first".to_owned();
        assert_eq!(warnings(&two("", "")), [(8, what)]);
    }

    #[test]
    fn who_ends_first_does_not_shadow() {
        let exempt = |name: &str, until: &str| {
            format!(
                "[[rule]]\nname = \"{name}\"\nusers = [\"ada\"]\nmode = \"exempt\"\nreason = \"r\"\n{until}\n"
            )
        };
        let until = |day: &str| format!("until = {day}");
        assert!(warnings(&[exempt("a", &until("2027-03-01")), exempt("b", "")].concat()).is_empty());
        assert_eq!(
            warnings(&[exempt("a", &until("2027-03-01")), exempt("b", &until("2027-02-01"))].concat()).len(),
            1
        );
    }

    #[test]
    fn conditions_that_exclude_each_other_are_told() {
        for more in ["from = [\"192.0.2.7\"]", "first-factor = [\"publickey\"]"] {
            let rule = format!("[[rule]]\nname = \"a\"\nmode = \"mandatory\"\norigin = \"local\"\n{more}\n");
            assert!(warnings(&rule)[0].1.contains("never matches"), "{more}");
        }
        assert!(warnings("[[rule]]\nname = \"a\"\nmode = \"mandatory\"\norigin = \"local\"\nfirst-factor = [\"password\"]\n").is_empty());
    }

    #[test]
    fn an_exemption_that_is_over_or_means_root_is_told() {
        let rule = |more: &str| format!("[[rule]]\nname = \"a\"\nmode = \"exempt\"\n{more}\n");
        let table = [
            ("users = [\"ada\"]\nuntil = 2027-01-14", "ended with 2027-01-14"),
            ("users = [\"root\"]", "exempts root"),
            ("from = [\"192.0.2.7\"]", "exempts root"),
            ("groups = [\"root\"]", "exempts root"),
        ];
        for (more, expected) in table {
            let found = warnings(&rule(more));
            assert!(found.len() == 1 && found[0].1.contains(expected), "{more}: {found:?}");
        }
        for more in ["users = [\"ada\"]\nuntil = 2027-01-15", "origin = \"local\"", "groups = [\"staff\"]"] {
            assert_eq!(warnings(&rule(more)), [], "{more}");
        }
    }

    #[test]
    fn calls_rule_idle_that_decides_nothing_and_over_after_until() {
        let remarks = |rules: &str| {
            let text = format!("version = 1\nmode = \"opt-in\"\n{rules}");
            Policy::parse(text.as_bytes()).unwrap().remarks(NOW)
        };
        let exempt =
            |more: &str| format!("[[rule]]\nname = \"a\"\nmode = \"exempt\"\nreason = \"r\"\n{more}\n");
        let table = [
            (two("", ""), (true, false)),
            (exempt("users = [\"ada\"]\nuntil = 2027-01-14"), (true, true)),
            (exempt("users = [\"root\"]\nuntil = 2027-01-15"), (false, false)),
        ];
        for (rules, expected) in table {
            let found = remarks(&rules);
            assert_eq!((found[0].is_idle, found[0].is_over), expected, "{rules}");
        }
    }

    #[test]
    fn an_exemption_by_key_is_noted_where_there_is_a_gate() {
        let told = |gate: &str, mode: &str, key: &str| {
            let text = format!(
                "version = 1\nmode = \"opt-in\"\n{gate}\n[[rule]]\nname = \"a\"\nusers = [\"ada\"]\nmode = \"{mode}\"\n{key}\n"
            );
            let all = Policy::parse(text.as_bytes()).unwrap().remarks(NOW);
            all.iter().any(|remark| remark.what.contains("does not hold at the gate"))
        };
        let (none, key) = ("[gate]\nservices = []", "first-factor = [\"publickey\"]");
        assert!(told("", "exempt", key));
        assert!(!told("", "exempt", ""));
        assert!(!told("", "mandatory", key));
        assert!(!told(none, "exempt", key));
    }

    #[test]
    fn an_exemption_without_end_or_reason_is_noted() {
        let rule = |more: &str| {
            let text = format!(
                "version = 1\nmode = \"opt-in\"\n[[rule]]\nname = \"a\"\nusers = [\"b\"]\nmode = \"exempt\"\n{more}"
            );
            Policy::parse(text.as_bytes()).unwrap().remarks(NOW).len()
        };
        assert_eq!(rule(""), 2);
        assert_eq!(rule("until = 2027-06-30\n"), 1);
        assert_eq!(rule("until = 2027-06-30\nreason = \"because\"\n"), 0);
        assert_eq!(rule("until = 2027-06-30\nreason = \"because\"\nfirst-factor = [\"publickey\"]\n"), 1);
    }
}
