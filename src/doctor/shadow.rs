//! The password fields of /etc/passwd and /etc/shadow.

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

impl Password {
    fn parse(field: &str) -> Self {
        match field.chars().next() {
            None => Self::Empty,
            Some('!' | '*') => Self::Locked,
            Some(_) => Self::Set,
        }
    }

    /// The password of `name`, with the number of its line in /etc/shadow; none if it has no line, or the file cannot be read.
    pub(crate) fn in_shadow(root: &Root, name: &str) -> Option<(usize, Self)> {
        let text = tree::text(root, SHADOW)?;
        (1..).zip(text.lines()).find_map(|(number, line)| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then(|| (number, Self::parse(fields.next().unwrap_or_default())))
        })
    }

    /// The password of `name`, whose field in /etc/passwd is `field`; none if it is not known.
    pub(crate) fn of(root: &Root, name: &str, field: &str) -> Option<Self> {
        if field == ELSEWHERE {
            Self::in_shadow(root, name).map(|(_, password)| password)
        } else {
            Some(Self::parse(field))
        }
    }
}
