//! What a name stands for: an account, or what root may name by uid.

use twostep_core::manage::act::Target;
use twostep_core::os::account::Account;
use twostep_core::os::names::Names;

use crate::failure::Failure;

/// What a name of the command line stands for.
pub(crate) trait Subject: Sized {
    /// What `name` stands for; none if the name service does not know it.
    fn find(name: &str, names: &Names) -> Result<Option<Self>, Failure>;

    /// The record that belongs to it.
    fn target(&self) -> Target;
}

impl Subject for Account {
    fn find(name: &str, names: &Names) -> Result<Option<Self>, Failure> {
        Ok(names.by_name(name)?)
    }

    fn target(&self) -> Target {
        self.into()
    }
}

/// By name or uid. A uid may be that of a deleted account.
impl Subject for Target {
    fn find(name: &str, names: &Names) -> Result<Option<Self>, Failure> {
        match (names.by_name(name)?, name.parse()) {
            (Some(account), _) => Ok(Some(account.target())),
            (None, Ok(uid)) => Self::of(uid, names).map(Some),
            (None, Err(_)) => Ok(None),
        }
    }

    fn target(&self) -> Target {
        self.clone()
    }
}
