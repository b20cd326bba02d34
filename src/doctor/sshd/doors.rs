//! Whom a setting lets in, keeps out, or has asked for a code once a remedy is applied.

use twostep_hostconf::sshd::methods::{Way, name};
use twostep_hostconf::sshd::view::View;

use super::fate::SshdFirstFactor;
use super::rules::{Case, SettingCheck};
use crate::effect::Effect;
use crate::finding::{Finding, Remedy};

/// Each method, and the setting that has sshd offer it.
const METHODS: [(&str, &str); 5] = [
    ("gssapi-with-mic", "gssapiauthentication"),
    ("hostbased", "hostbasedauthentication"),
    ("keyboard-interactive", "kbdinteractiveauthentication"),
    ("password", "passwordauthentication"),
    ("publickey", "pubkeyauthentication"),
];

/// What `rule` finds, and what its remedy changes for people who come with a key, a password, or both.
pub(crate) fn judge(rule: SettingCheck, case: &Case<'_>) -> Option<Finding> {
    let finding = rule(case)?;
    let effect = effect(case, &finding.remedy);
    Some(finding.with_effect(effect))
}

fn effect(case: &Case<'_>, remedy: &Remedy) -> Effect {
    let (Remedy::Replace { text, .. } | Remedy::Insert { text, .. }) = remedy else {
        return Effect::default();
    };
    let Some((keyword, value)) = text.trim().split_once(' ') else { return Effect::default() };
    let was = Entrance::of(&case.view, case.first);
    change(&was, &was.with(&keyword.to_ascii_lowercase(), value), &case.service)
}

/// What is decided before PAM, and by our line.
#[derive(Clone)]
struct Entrance {
    uses_pam: bool,
    /// The methods that sshd offers.
    offered: Vec<&'static str>,
    /// `AuthenticationMethods`.
    methods: String,
    first: SshdFirstFactor,
}

impl Entrance {
    fn of(view: &View<'_>, first: SshdFirstFactor) -> Self {
        let on = METHODS.iter().filter(|(_, setting)| view.is_on(setting));
        let offered = on.map(|(method, _)| *method).collect();
        Self {
            uses_pam: view.is_on("usepam"),
            offered,
            methods: view.value("authenticationmethods").text,
            first,
        }
    }

    /// The same with `value` for `keyword`, which is in lower case.
    fn with(&self, keyword: &str, value: &str) -> Self {
        let mut changed = self.clone();
        if let Some((method, _)) = METHODS.iter().find(|(_, setting)| *setting == keyword) {
            changed.offered.retain(|offered| offered != method);
            changed.offered.extend((value == "yes").then_some(method));
        }
        match keyword {
            "usepam" => changed.uses_pam = value == "yes",
            "authenticationmethods" => changed.methods = value.to_owned(),
            _ => {}
        }
        changed
    }

    fn ways(&self) -> Vec<Way> {
        if self.methods == "any" {
            return self.offered.iter().map(|method| Way::parse(method)).collect();
        }
        let is_offered = |way: &Way| way.methods().iter().all(|method| self.offered.contains(&name(method)));
        self.methods.split_whitespace().map(Way::parse).filter(is_offered).collect()
    }

    fn lets_in(&self, person: Person) -> bool {
        self.ways()
            .iter()
            .any(|way| way.methods().iter().all(|method| self.succeeds(person, way, name(method))))
    }

    /// Whether one method of `way` succeeds. The method `password` cannot ask for a code.
    fn succeeds(&self, person: Person, way: &Way, method: &str) -> bool {
        match method {
            "password" => person.password && (!self.uses_pam || person.code == Code::NotAsked),
            "keyboard-interactive" => {
                let first = match self.first {
                    SshdFirstFactor::Password => person.password,
                    SshdFirstFactor::Key => {
                        way.position("publickey") < way.position(method) && way.has("publickey")
                    }
                };
                self.uses_pam && first && person.code != Code::Wrong
            }
            _ => person.key,
        }
    }
}

/// What somebody types where a code is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Right,
    Wrong,
    /// twostep does not ask: exempt, or not enrolled.
    NotAsked,
}

/// Somebody who has a key, knows the password, or both.
#[derive(Clone, Copy)]
struct Person {
    key: bool,
    password: bool,
    code: Code,
}

fn change(was: &Entrance, is: &Entrance, service: &str) -> Effect {
    let people = [(true, false), (false, true), (true, true)];
    let effects = people.map(|(key, password)| {
        let turn = |code| [was, is].map(|entrance| entrance.lets_in(Person { key, password, code }));
        match (turn(Code::Wrong), turn(Code::Right), turn(Code::NotAsked)) {
            ([false, true], _, _) => Effect::opens(service),
            ([true, false], [_, true], _) => Effect::closes(service),
            (_, [true, false], _) | (_, _, [true, false]) => Effect::locks(service),
            _ => Effect::default(),
        }
    });
    effects.into_iter().fold(Effect::default(), Effect::and)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_opens_closes_and_locks_as_it_should() {
        use SshdFirstFactor::{Key, Password};
        const ALL: &[&str] = &["keyboard-interactive", "password", "publickey"];
        const NO_PASSWORD: &[&str] = &["keyboard-interactive", "publickey"];
        let [closes, opens, locks] =
            [Effect::closes, Effect::opens, Effect::locks].map(|effect| effect("sshd"));
        let none = Effect::default;
        let both = || closes.clone().and(locks.clone());
        let table = [
            (Password, ALL, "any", "usepam", "no", opens.clone()),
            (Password, NO_PASSWORD, "any", "authenticationmethods", "keyboard-interactive:pam", both()),
            (
                Key,
                NO_PASSWORD,
                "any",
                "authenticationmethods",
                "publickey,keyboard-interactive:pam",
                closes.clone(),
            ),
            (Password, ALL, "publickey", "authenticationmethods", "publickey,keyboard-interactive", both()),
            (
                Password,
                ALL,
                "publickey,password",
                "authenticationmethods",
                "publickey,keyboard-interactive",
                none(),
            ),
            (Key, &["keyboard-interactive"], "any", "pubkeyauthentication", "yes", opens),
            (
                Key,
                &["keyboard-interactive"],
                "publickey,keyboard-interactive",
                "pubkeyauthentication",
                "yes",
                none(),
            ),
            (Password, ALL, "any", "passwordauthentication", "no", none()),
            (Password, &["password"], "any", "passwordauthentication", "no", locks.clone()),
            (Password, ALL, "any", "logingracetime", "300", none()),
        ];
        for (first, offered, methods, keyword, value, expected) in table {
            let was =
                Entrance { uses_pam: true, offered: offered.to_vec(), methods: methods.to_owned(), first };
            assert_eq!(
                change(&was, &was.with(keyword, value), "sshd"),
                expected,
                "{methods}: {keyword} {value}"
            );
        }
    }
}
