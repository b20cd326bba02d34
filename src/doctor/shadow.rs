//! The password fields of /etc/passwd and /etc/shadow.

use std::collections::BTreeMap;

use twostep_core::os::root::Root;
use twostep_hostconf::tree;

pub(crate) const SHADOW: &str = "/etc/shadow";
/// The field in /etc/passwd if the password is in /etc/shadow.
const ELSEWHERE: &str = "x";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Password {
    /// No password is needed.
    Empty,
    /// No password is accepted.
    Locked,
    /// A password is set.
    Set,
}

/// The lines of /etc/shadow, each with its number; empty if the file cannot be read.
pub(crate) struct Shadow(BTreeMap<String, (usize, Password)>);

impl Shadow {
    pub(crate) fn read(root: &Root) -> Self {
        let text = tree::text(root, SHADOW).unwrap_or_default();
        let mut lines = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let mut fields = line.split(':');
            let name = fields.next().unwrap_or_default().to_owned();
            let password = Password::parse(fields.next().unwrap_or_default());
            lines.entry(name).or_insert((number, password)); // the first line of a name counts
        }
        Self(lines)
    }

    /// The password of `name`, with the number of its line; none if it has no line, or the file cannot be read.
    pub(crate) fn line(&self, name: &str) -> Option<(usize, Password)> {
        self.0.get(name).copied()
    }
}

impl Password {
    fn parse(field: &str) -> Self {
        match field.chars().next() {
            None => Self::Empty,
            Some('!' | '*') => Self::Locked,
            Some(_) => Self::Set,
        }
    }

    /// The password of `name`, whose field in /etc/passwd is `field`; none if it is not known.
    pub(crate) fn of(shadow: &Shadow, name: &str, field: &str) -> Option<Self> {
        if field == ELSEWHERE {
            shadow.line(name).map(|(_, password)| password)
        } else {
            Some(Self::parse(field))
        }
    }
}
