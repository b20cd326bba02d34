//! One user: `NAME` or `--user NAME`.

use crate::caller::Caller;
use crate::candidates::{labels_of_user, users, users_or_own_labels};
use crate::failure::Failure;
use crate::words::naming as words;

/// One user, or none.
#[derive(clap::Args)]
pub(crate) struct OneUser {
    /// The user (root names one; others act for themselves)
    #[arg(value_name = "NAME", add = users())]
    name: Option<String>,
    /// The same as NAME
    #[arg(long, value_name = "NAME", add = users())]
    user: Option<String>,
}

impl OneUser {
    /// The name that was given. Fails if two different ones were.
    pub(crate) fn name(&self) -> Result<Option<&str>, Failure> {
        only(self.name.as_deref(), self.user.as_deref())
    }
}

/// One user and one of the user's authenticators. Each may be left out.
#[derive(clap::Args)]
pub(crate) struct OneUserAndLabel {
    /// For root: the user. Others leave it out
    #[arg(value_name = "NAME", add = users_or_own_labels())]
    first: Option<String>,
    /// The name of the phone or app (see 'twostep status')
    #[arg(value_name = "LABEL", add = labels_of_user())]
    second: Option<String>,
    /// The same as NAME
    #[arg(long, value_name = "NAME", add = users())]
    user: Option<String>,
}

impl OneUserAndLabel {
    /// The user and the label. A single word is the label if `--user` names the user, and for a caller who is not root.
    pub(crate) fn parts(&self, caller: &Caller) -> Result<(Option<&str>, Option<&str>), Failure> {
        let (first, user) = (self.first.as_deref(), self.user.as_deref());
        Ok(match (self.second.as_deref(), caller) {
            (Some(label), _) => (only(first, user)?, Some(label)),
            (None, Caller::Administrator(_)) if user.is_none() => (first, None),
            (None, _) => (user, first),
        })
    }
}

fn only<'a>(name: Option<&'a str>, user: Option<&'a str>) -> Result<Option<&'a str>, Failure> {
    match (name, user) {
        (Some(name), Some(user)) if name != user => {
            Err(Failure::of(Failure::USAGE, words::two_users(name, user), words::TWO_USERS_THEN))
        }
        _ => Ok(name.or(user)),
    }
}
