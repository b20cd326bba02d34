//! How a remedy for a setting of sshd changes logins.

use twostep_hostconf::sshd::methods::{Way, name};
use twostep_hostconf::sshd::view::View;

use super::fate::SshdFirstFactor;
use super::rules::{Case, SettingCheck};
use crate::effect::Effect;
use crate::finding::{Finding, Remedy};

/// Each method, and the setting that makes sshd offer it.
const METHODS: [(&str, &str); 5] = [
    ("gssapi-with-mic", "gssapiauthentication"),
    ("hostbased", "hostbasedauthentication"),
    ("keyboard-interactive", "kbdinteractiveauthentication"),
    ("password", "passwordauthentication"),
    ("publickey", "pubkeyauthentication"),
];

/// The finding of `rule` on the PAM service, with the effect of its remedy on logins with a key, a password, or both.
pub(crate) fn judge(rule: SettingCheck, case: &Case<'_>) -> Option<Finding> {
    let finding = rule(case)?;
    let effect = effect(case, &finding.remedy);
    Some(finding.with_effect(effect).about([case.service.as_str()]))
}

fn effect(case: &Case<'_>, remedy: &Remedy) -> Effect {
    let (Remedy::Replace { text, .. } | Remedy::Insert { text, .. }) = remedy else {
        return Effect::default();
    };
    let Some((keyword, value)) = text.trim().split_once(' ') else { return Effect::default() };
    let was = SshdAccess::of(&case.view, case.first);
    change(&was, &was.with(&keyword.to_ascii_lowercase(), value), &case.service)
}

/// The settings that decide a login before PAM, and the first factor of the pam_twostep line.
#[derive(Clone)]
struct SshdAccess {
    uses_pam: bool,
    offered: Vec<&'static str>,
    /// The value of `AuthenticationMethods`.
    methods: String,
    first: SshdFirstFactor,
}

impl SshdAccess {
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

    /// `keyword` is in lower case.
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

    fn lets_in(&self, attempt: Attempt) -> bool {
        self.ways()
            .iter()
            .any(|way| way.methods().iter().all(|method| self.succeeds(attempt, way, name(method))))
    }

    /// Whether one method of `way` succeeds. The method `password` cannot ask for a code.
    fn succeeds(&self, attempt: Attempt, way: &Way, method: &str) -> bool {
        match method {
            "password" => attempt.password && (!self.uses_pam || attempt.code == Code::NotAsked),
            "keyboard-interactive" => {
                let key_comes_first =
                    way.has("publickey") && way.position("publickey") < way.position(method);
                let first = match self.first {
                    SshdFirstFactor::Password => attempt.password,
                    SshdFirstFactor::Key => key_comes_first,
                    SshdFirstFactor::KeyOrPassword => key_comes_first || attempt.password,
                };
                self.uses_pam && first && attempt.code != Code::Wrong
            }
            _ => attempt.key,
        }
    }
}

/// The answer where a code is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Right,
    Wrong,
    /// twostep does not ask: the user is exempt or not enrolled.
    NotAsked,
}

/// A login with a key, the password, or both.
#[derive(Clone, Copy)]
struct Attempt {
    key: bool,
    password: bool,
    code: Code,
}

fn change(was: &SshdAccess, is: &SshdAccess, service: &str) -> Effect {
    let people = [(true, false), (false, true), (true, true)];
    let effects = people.map(|(key, password)| {
        let turn = |code| [was, is].map(|access| access.lets_in(Attempt { key, password, code }));
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
    fn knows_effect_of_each_setting() {
        use SshdFirstFactor::{Key, KeyOrPassword, Password};
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
            (
                KeyOrPassword,
                NO_PASSWORD,
                "any",
                "authenticationmethods",
                "publickey,keyboard-interactive:pam keyboard-interactive:pam",
                closes.clone(),
            ),
            (Password, ALL, "any", "passwordauthentication", "no", none()),
            (Password, &["password"], "any", "passwordauthentication", "no", locks.clone()),
            (Password, ALL, "any", "logingracetime", "300", none()),
        ];
        for (first, offered, methods, keyword, value, expected) in table {
            let was =
                SshdAccess { uses_pam: true, offered: offered.to_vec(), methods: methods.to_owned(), first };
            assert_eq!(
                change(&was, &was.with(keyword, value), "sshd"),
                expected,
                "{methods}: {keyword} {value}"
            );
        }
    }
}
