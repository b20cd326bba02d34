//! Whom the policy asks at a service: its rules, in their own words.

use serde::{Serialize, Serializer};
use twostep_core::policy::{Condition, DEFAULT_RULE, Mode, Policy, Rule};
use twostep_core::time::{Day, UnixTime};

/// A rule that may decide at a service, or the policy's own mode for all other users. Its lists are empty, and its fields none, where
/// it has no such condition. The names of the fields are those of the JSON.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Clause {
    /// The name of the rule; `default` for the policy's own mode.
    pub rule: String,
    /// The line of that name, or of the mode.
    pub line: usize,
    /// What it asks for, from `starts` on.
    #[serde(serialize_with = "word")]
    pub mode: Mode,
    /// The day from which on it is mandatory, if that is still to come. Before, it is opt-in.
    #[serde(serialize_with = "date")]
    pub starts: Option<Day>,
    /// The last day on which it applies.
    #[serde(serialize_with = "date")]
    pub until: Option<Day>,
    pub users: Vec<String>,
    pub groups: Vec<String>,
    pub origin: Option<&'static str>,
    pub from: Vec<String>,
    pub first_factor: Vec<String>,
}

/// The rules that may decide at `service` at `now` or later, in their order. The policy's own mode is the last, unless a rule decides
/// for all users.
pub(crate) fn clauses(policy: &Policy, service: &str, now: UnixTime) -> Vec<Clause> {
    let rules: Vec<&Rule> = policy.rules_at(service, now).collect();
    let is_decided = rules.last().is_some_and(|last| last.is_about_services_alone());
    let otherwise = (!is_decided).then(|| Clause::otherwise(policy));
    rules.into_iter().map(|rule| Clause::of(rule, now)).chain(otherwise).collect()
}

impl Clause {
    fn of(rule: &Rule, now: UnixTime) -> Self {
        let names = |wanted: Condition| {
            let names = rule.names().filter(|(condition, _)| *condition == wanted);
            names.map(|(_, name)| name.to_owned()).collect()
        };
        Self {
            rule: rule.name.clone(),
            line: rule.line,
            mode: rule.mode(),
            starts: rule.starts().filter(|day| now < day.begins()),
            until: rule.until,
            users: names(Condition::Users),
            groups: names(Condition::Groups),
            origin: rule.origin.map(|origin| origin.word()),
            from: rule.from.iter().flatten().map(ToString::to_string).collect(),
            first_factor: rule.first_factor.clone().unwrap_or_default(),
        }
    }

    fn otherwise(policy: &Policy) -> Self {
        let decision = policy.otherwise();
        Self {
            rule: DEFAULT_RULE.to_owned(),
            line: decision.line,
            mode: decision.mode,
            starts: None,
            until: None,
            users: Vec::new(),
            groups: Vec::new(),
            origin: None,
            from: Vec::new(),
            first_factor: Vec::new(),
        }
    }

    /// Whether it is the policy's own mode. No rule may have its name.
    pub fn is_default(&self) -> bool {
        self.rule == DEFAULT_RULE
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn word<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(mode.word())
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn date<S: Serializer>(day: &Option<Day>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::new(1_800_000_000); // 2027-01-15

    fn at(service: &str, rules: &str) -> Vec<Clause> {
        let text = format!("version = 1\nmode = \"opt-in\"\n{rules}");
        clauses(&Policy::parse(text.as_bytes()).unwrap(), service, NOW)
    }

    #[test]
    fn lists_conditions_of_rules_in_words_of_policy() {
        let rules = "[[rule]]\nname = \"lan\"\nfrom = [\"192.0.2.0/24\"]\nmode = \"exempt\"\nuntil = 2027-02-01\n\
            [[rule]]\nname = \"admins\"\nusers = [\"ada\"]\ngroups = [\"ops\", \"wheel\"]\norigin = \"remote\"\n\
            first-factor = [\"publickey\"]\nmode = \"mandatory\"\nstarts = 2027-03-01\n";
        let found = at("sshd", rules);
        let said = serde_json::to_value(&found).unwrap();
        assert_eq!(
            said,
            serde_json::json!([
                {
                    "rule": "lan", "line": 4, "mode": "exempt", "starts": null, "until": "2027-02-01", "users": [], "groups": [],
                    "origin": null, "from": ["192.0.2.0/24"], "first_factor": [],
                },
                {
                    "rule": "admins", "line": 9, "mode": "mandatory", "starts": "2027-03-01", "until": null, "users": ["ada"],
                    "groups": ["ops", "wheel"], "origin": "remote", "from": [], "first_factor": ["publickey"],
                },
                {
                    "rule": "default", "line": 2, "mode": "opt-in", "starts": null, "until": null, "users": [], "groups": [],
                    "origin": null, "from": [], "first_factor": [],
                },
            ])
        );
        assert!(found[2].is_default());
    }

    #[test]
    fn ends_with_rule_for_all_users_of_service() {
        let rules = "[[rule]]\nname = \"jobs\"\nservices = [\"su\"]\nmode = \"exempt\"\n\
            [[rule]]\nname = \"started\"\nmode = \"mandatory\"\nstarts = 2027-01-01\n";
        let names = |service| at(service, rules).into_iter().map(|clause| clause.rule).collect::<Vec<_>>();
        assert_eq!(names("su"), ["jobs"]);
        assert_eq!(names("sshd"), ["started"]);
        assert_eq!(at("sshd", rules)[0].starts, None);
    }
}
