//! What happens to a user by each way of AuthenticationMethods, and the nearest way that asks for a code.

use twostep_hostconf::sshd::methods::{Way, name};

/// What comes first at sshd, by the options of the pam_twostep line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SshdFirstFactor {
    /// The stack asks for a password.
    Password,
    /// The line has `first_factor=publickey`.
    Key,
    /// The stack asks for a password where sshd has accepted no key.
    KeyOrPassword,
}

impl SshdFirstFactor {
    /// The ways of AuthenticationMethods that ask for this first factor and a code.
    pub(crate) fn way(self) -> &'static str {
        match self {
            Self::Password => "keyboard-interactive:pam",
            Self::Key => "publickey,keyboard-interactive:pam",
            Self::KeyOrPassword => "publickey,keyboard-interactive:pam keyboard-interactive:pam",
        }
    }
}

/// What happens to a user by one way of AuthenticationMethods, from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fate {
    Asked,
    /// The method `password` reaches the pam_twostep line and cannot ask for a code: refused.
    CannotAsk,
    /// No key comes before the pam_twostep line, which demands one: refused.
    NoKey,
    NotAsked,
}

pub(crate) fn fate(way: &Way, first: SshdFirstFactor) -> Fate {
    if way.methods().iter().any(|method| name(method) == "password") {
        return Fate::CannotAsk;
    }
    let Some(asked) = way.position("keyboard-interactive") else { return Fate::NotAsked };
    let key_first = way.position("publickey").is_some_and(|key| key < asked);
    if first == SshdFirstFactor::Key && !key_first { Fate::NoKey } else { Fate::Asked }
}

/// The way nearest to `way` that asks for a code.
fn fixed_way(way: &Way, first: SshdFirstFactor) -> Way {
    let mut methods: Vec<_> =
        way.methods().iter().filter(|method| name(method) != "password").cloned().collect();
    if !methods.iter().any(|method| name(method) == "keyboard-interactive") {
        methods.push("keyboard-interactive:pam".to_owned());
    }
    if fate(&Way::of(methods.clone()), first) == Fate::NoKey {
        methods.retain(|method| name(method) != "publickey");
        methods.insert(0, "publickey".to_owned());
    }
    Way::of(methods)
}

/// `ways`, each changed so that it asks for a code, none twice.
pub(crate) fn fixed(ways: &[Way], first: SshdFirstFactor) -> String {
    let mut texts: Vec<String> = Vec::new();
    for way in ways.iter().map(|way| fixed_way(way, first).to_string()) {
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
    fn knows_fate_and_fix_of_each_way() {
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
        for (text, password, key, fixed) in table {
            let way = Way::parse(text);
            assert_eq!(fate(&way, SshdFirstFactor::Password), password, "{text}");
            assert_eq!(fate(&way, SshdFirstFactor::KeyOrPassword), password, "{text}");
            assert_eq!(fate(&way, SshdFirstFactor::Key), key, "{text}");
            assert_eq!(fixed_way(&way, SshdFirstFactor::Key).to_string(), fixed, "{text}");
            assert_eq!(
                fate(&fixed_way(&way, SshdFirstFactor::Password), SshdFirstFactor::Password),
                Fate::Asked,
                "{text}"
            );
        }
    }

    #[test]
    fn lists_equal_ways_once() {
        let ways = ["publickey", "publickey,keyboard-interactive:pam"].map(Way::parse);
        assert_eq!(fixed(&ways, SshdFirstFactor::Key), "publickey,keyboard-interactive:pam");
    }
}
