//! `AuthenticationMethods`: the ways in, each a list of methods that must all succeed, in this order.

use std::fmt::{self, Display, Formatter};

use super::config::Config;
use super::view::View;

/// The methods that do not go through PAM's auth part, and the setting of each.
const BESIDE_PAM: [(&str, &str); 3] = [
    ("publickey", "pubkeyauthentication"),
    ("gssapi-with-mic", "gssapiauthentication"),
    ("hostbased", "hostbasedauthentication"),
];

/// One way in: the methods that it asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way(Vec<String>);

impl Way {
    /// Parses one word of `AuthenticationMethods`.
    pub fn parse(word: &str) -> Self {
        Self::of(word.split(',').map(str::to_owned).collect())
    }

    /// The way that asks for these methods, one after the other.
    pub fn of(methods: Vec<String>) -> Self {
        Self(methods)
    }

    /// The methods in their order, some with a device after a colon.
    pub fn methods(&self) -> &[String] {
        &self.0
    }

    /// The place of the method of that name, from 0.
    pub fn position(&self, method: &str) -> Option<usize> {
        self.0.iter().position(|one| name(one) == method)
    }

    /// Whether the method of that name belongs to it.
    pub fn has(&self, method: &str) -> bool {
        self.position(method).is_some()
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// A method without its device: `keyboard-interactive:pam` is `keyboard-interactive`.
pub fn name(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}

/// The ways in that sshd offers; none if it takes any method that it has, one alone.
pub fn ways(view: &View<'_>) -> Option<Vec<Way>> {
    let value = view.word("authenticationmethods");
    (value != "any").then(|| value.split_whitespace().map(Way::parse).collect())
}

/// Whether sshd has all methods of `way`. Of keyboard-interactive another rule tells.
pub fn is_offered(way: &Way, view: &View<'_>) -> bool {
    let settings = BESIDE_PAM.iter().chain([&("password", "passwordauthentication")]);
    settings.into_iter().all(|(method, setting)| !way.has(method) || view.is_on(setting))
}

/// How many methods beside PAM one way asks for, at most, of all that are written anywhere.
pub fn most_beside_pam(config: &Config) -> usize {
    let lines = config.settings.iter().filter(|setting| setting.keyword == "authenticationmethods");
    let ways = lines.flat_map(|setting| setting.value.split_whitespace()).map(Way::parse);
    let count = |way: Way| BESIDE_PAM.iter().filter(|(method, _)| way.has(method)).count();
    ways.map(count).max().unwrap_or(0)
}

/// The methods that sshd has beside PAM.
pub fn beside_pam(view: &View<'_>) -> Vec<&'static str> {
    BESIDE_PAM.iter().filter(|(_, setting)| view.is_on(setting)).map(|(method, _)| *method).collect()
}
