//! What /etc/passwd and /etc/shadow say of an account's password.

use twostep_core::os::root::Root;
use twostep_hostconf::tree;

pub(crate) const SHADOW: &str = "/etc/shadow";
/// What stands in /etc/passwd where the password is in /etc/shadow.
const ELSEWHERE: &str = "x";

/// What an account's password field means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Password {
    /// Nothing needs to be typed.
    Empty,
    /// Nothing that is typed fits.
    Locked,
    /// There is one.
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

    /// The password of `name`, whose field in /etc/passwd is `field`; none if nothing is known of it.
    pub(crate) fn of(root: &Root, name: &str, field: &str) -> Option<Self> {
        if field == ELSEWHERE {
            Self::in_shadow(root, name).map(|(_, password)| password)
        } else {
            Some(Self::parse(field))
        }
    }
}
