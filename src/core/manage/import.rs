//! Stores the authenticators that another program had of an account.

use crate::dialogue::enroll;
use crate::os::account::Account;
use crate::proof::totp::Authenticator;
use crate::store::enroll as stored;
use crate::store::files::credential::Credential;
use crate::time::UnixTime;
use crate::verdict::Denial;

use super::act::{Act, ActError, ActLog, Acts, WithStore};

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Stores `authenticators` as the credential of `account`, which has none. Codes up to `mark` are used up. `from`
    /// is the other program, for the log.
    pub fn import(
        &mut self,
        account: &Account,
        from: &str,
        authenticators: Vec<Authenticator>,
        mark: UnixTime,
    ) -> Result<(), ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let (id, count) = (enroll::new_id(machine)?, authenticators.len());
            let credential = Credential { uid: account.uid, name: account.name.clone(), id, authenticators };
            stored::import(store, account, &credential, mark).map_err(|denial| {
                if denial == Denial::EnrolledMeanwhile { ActError::AlreadyEnrolled } else { denial.into() }
            })?;
            Ok(Act::done("import", format!(" from={from} authenticators={count}"), ()))
        })
    }
}
