//! A name in another program's file, where a secret may be in any place.

use twostep_core::fault::Fault;
use twostep_core::os::account::Account;
use twostep_core::os::names::Names;
use twostep_core::zeroizing::Zeroizing;

/// What a file has in the place of a name. It cannot be shown: it has no Display, no Debug and no Serialize. The name of its
/// account, as the name service has it, can be shown.
pub struct ForeignName(Zeroizing<String>);

impl ForeignName {
    /// The text in the place of a name.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The account of that name. The name service may ask a directory server for it.
    pub(crate) fn account(&self, names: &Names) -> Result<Option<Account>, Fault> {
        names.by_name(&self.0)
    }

    /// The same, if the local user database has that name. Otherwise no server is asked: the text may be a secret.
    pub(crate) fn local_account(&self, names: &Names) -> Result<Option<Account>, Fault> {
        if names.is_local(&self.0)? { self.account(names) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_account_by_name_and_nobody_else() {
        for (text, name) in
            [("root", Some("root")), ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", None), ("", None), ("a\nb", None)]
        {
            let found = |account: Option<Account>| account.map(|account| account.name);
            let (foreign, names) = (ForeignName::new(text), Names::default());
            assert_eq!(found(foreign.account(&names).unwrap()).as_deref(), name, "{text:?}");
            assert_eq!(found(foreign.local_account(&names).unwrap()).as_deref(), name, "{text:?}");
        }
    }
}
