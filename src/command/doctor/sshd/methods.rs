//! `AuthenticationMethods`: the ways in, each a list of methods that must all succeed, in this order.

use std::fmt::{self, Display, Formatter};

use super::view::View;

/// The methods that do not go through PAM's auth part, and the setting of each.
const BESIDE_PAM: [(&str, &str); 3] = [
    ("publickey", "pubkeyauthentication"),
    ("gssapi-with-mic", "gssapiauthentication"),
    ("hostbased", "hostbasedauthentication"),
];

/// What comes first at sshd, by the options of our line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstFactor {
    /// The stack asks for a password.
    Password,
    /// The line says `first_factor=publickey`.
    Key,
}

impl FirstFactor {
    /// The one way in that makes sense with it.
    pub fn way(self) -> &'static str {
        match self {
            Self::Password => "keyboard-interactive:pam",
            Self::Key => "publickey,keyboard-interactive:pam",
        }
    }
}

/// What becomes of whoever takes a way in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// They are asked.
    Asked,
    /// The method `password` comes to our line and cannot ask: refused.
    CannotAsk,
    /// No key comes before our line, and it demands one: refused.
    NoKey,
    /// Nobody asks them.
    NotAsked,
}

/// One way in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way(Vec<String>);

impl Way {
    /// Parses one word of `AuthenticationMethods`.
    pub fn parse(word: &str) -> Self {
        Self(word.split(',').map(str::to_owned).collect())
    }

    /// What becomes of whoever takes it.
    pub fn fate(&self, first: FirstFactor) -> Fate {
        if self.0.iter().any(|method| name(method) == "password") {
            return Fate::CannotAsk;
        }
        let Some(asked) = self.position("keyboard-interactive") else { return Fate::NotAsked };
        let key_first = self.position("publickey").is_some_and(|key| key < asked);
        if first == FirstFactor::Key && !key_first { Fate::NoKey } else { Fate::Asked }
    }

    fn position(&self, method: &str) -> Option<usize> {
        self.0.iter().position(|one| name(one) == method)
    }

    /// Whether the method of `name` belongs to it.
    pub fn has(&self, method: &str) -> bool {
        self.position(method).is_some()
    }

    /// The way in nearest to this one on which everybody is asked.
    pub fn mended(&self, first: FirstFactor) -> Self {
        let mut methods: Vec<_> =
            self.0.iter().filter(|method| name(method) != "password").cloned().collect();
        if !methods.iter().any(|method| name(method) == "keyboard-interactive") {
            methods.push("keyboard-interactive:pam".to_owned());
        }
        if Self(methods.clone()).fate(first) == Fate::NoKey {
            methods.retain(|method| name(method) != "publickey");
            methods.insert(0, "publickey".to_owned());
        }
        Self(methods)
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// A method without its device: `keyboard-interactive:pam` is `keyboard-interactive`.
fn name(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}

/// The ways in that sshd offers; none if it takes any method that it has, one alone.
pub fn ways(view: &View<'_>) -> Option<Vec<Way>> {
    let value = view.value("authenticationmethods").text;
    (value != "any").then(|| value.split_whitespace().map(Way::parse).collect())
}

/// Whether sshd has all methods of `way`. Of keyboard-interactive another rule tells.
pub fn is_offered(way: &Way, view: &View<'_>) -> bool {
    let settings = BESIDE_PAM.iter().chain([&("password", "passwordauthentication")]);
    settings.into_iter().all(|(method, setting)| !way.has(method) || view.is_on(setting))
}

/// The methods that sshd has beside PAM.
pub fn beside_pam(view: &View<'_>) -> Vec<&'static str> {
    BESIDE_PAM.iter().filter(|(_, setting)| view.is_on(setting)).map(|(method, _)| *method).collect()
}

/// `ways` with each mended, none twice.
pub fn mended(ways: &[Way], first: FirstFactor) -> String {
    let mut texts: Vec<String> = Vec::new();
    for way in ways.iter().map(|way| way.mended(first).to_string()) {
        if !texts.contains(&way) {
            texts.push(way);
        }
    }
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_in_has_its_fate_and_its_mending() {
        let table = [
            // way                                         password first, key first
            ("publickey", Fate::NotAsked, Fate::NotAsked, "publickey,keyboard-interactive:pam"),
            ("hostbased", Fate::NotAsked, Fate::NotAsked, "publickey,hostbased,keyboard-interactive:pam"),
            ("password", Fate::CannotAsk, Fate::CannotAsk, "publickey,keyboard-interactive:pam"),
            ("publickey,password", Fate::CannotAsk, Fate::CannotAsk, "publickey,keyboard-interactive:pam"),
            ("keyboard-interactive", Fate::Asked, Fate::NoKey, "publickey,keyboard-interactive"),
            ("keyboard-interactive:pam", Fate::Asked, Fate::NoKey, "publickey,keyboard-interactive:pam"),
            ("publickey,keyboard-interactive", Fate::Asked, Fate::Asked, "publickey,keyboard-interactive"),
            ("keyboard-interactive,publickey", Fate::Asked, Fate::NoKey, "publickey,keyboard-interactive"),
        ];
        for (text, password, key, mended) in table {
            let way = Way::parse(text);
            assert_eq!(way.fate(FirstFactor::Password), password, "{text}");
            assert_eq!(way.fate(FirstFactor::Key), key, "{text}");
            assert_eq!(way.mended(FirstFactor::Key).to_string(), mended, "{text}");
            assert_eq!(way.mended(FirstFactor::Password).fate(FirstFactor::Password), Fate::Asked, "{text}");
        }
    }

    #[test]
    fn ways_that_become_one_stand_once() {
        let ways = ["publickey", "publickey,keyboard-interactive:pam"].map(Way::parse);
        assert_eq!(mended(&ways, FirstFactor::Key), "publickey,keyboard-interactive:pam");
    }
}
