//! The user who ran this command with sudo. Some acts are refused on that user's own account, because sudoers may allow a help desk
//! these acts and nothing else (packaging/dropins/sudoers.d).

use std::ffi::OsStr;

use twostep_core::manage::act::Target;

use crate::failure::Failure;
use crate::words::acts as words;

/// The uid of the user who ran sudo; none if that was root, or if sudo was not used.
pub(crate) struct SudoCaller(Option<u32>);

impl SudoCaller {
    /// The user whom sudo names in `SUDO_UID` (sudo(8)).
    #[expect(
        clippy::disallowed_methods,
        reason = "sudo itself sets this variable, and it can only refuse an act"
    )]
    pub(crate) fn of_process() -> Result<Self, Failure> {
        Self::parse(std::env::var_os("SUDO_UID").as_deref())
    }

    /// Fails on a value that sudo never sets: it is not known for whom the act is.
    fn parse(value: Option<&OsStr>) -> Result<Self, Failure> {
        let Some(value) = value else { return Ok(Self(None)) };
        let uid: Option<u32> = value.to_str().and_then(|text| text.parse().ok());
        let uid = uid.ok_or_else(|| Failure::refused(words::NO_UID_OF_SUDO, words::NO_UID_OF_SUDO_THEN))?;
        Ok(Self(Some(uid).filter(|&uid| uid != 0)))
    }

    /// Fails if `target` is the account of this user, by whatever name.
    pub(crate) fn check_is_another(&self, target: &Target) -> Result<(), Failure> {
        if self.0 == Some(target.uid) {
            return Err(Failure::refused(words::own_account(target.name()), words::OWN_ACCOUNT_THEN));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn refuses(value: &str, uid: u32) -> bool {
        let caller = SudoCaller::parse(Some(OsStr::new(value))).ok().unwrap();
        caller.check_is_another(&Target { uid, account: None }).is_err()
    }

    #[test]
    fn refuses_own_account_unless_root_ran_sudo() {
        assert!(refuses("1001", 1001) && !refuses("1001", 1002) && !refuses("1001", 0));
        assert!(!refuses("0", 0) && !refuses("0", 1001));
        let without_sudo = SudoCaller::parse(None).ok().unwrap();
        assert!(without_sudo.check_is_another(&Target { uid: 0, account: None }).is_ok());
    }

    #[test]
    fn rejects_value_that_sudo_never_sets() {
        let values =
            [&b""[..], b"alice", b"-1", b" 1001", b"1001\n", b"0x3e9", b"1001 ", b"4294967296", b"\xff"];
        for value in values {
            assert!(SudoCaller::parse(Some(OsStr::from_bytes(value))).is_err(), "{value:?}");
        }
    }
}
