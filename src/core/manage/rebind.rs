//! Gives the record of an account the account's new name.

use crate::login::audit::Value;
use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::policy::is_rewritten;
use crate::proof::state::State;
use crate::store::files::credential::Credential;
use crate::store::{Change, CredentialChange, Snapshot, Store, StoreError, UncheckedRecord};

use super::act::{Act, ActError, ActLog, Acts, WithStore};

/// The names in a record that may be replaced by the account's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formerly {
    /// Every name that no other account has: an administrator says that it is the same user.
    Any,
    /// Only a name that is certainly a former spelling of the account's name: nothing else in it differs. The uid alone
    /// proves nothing, because it may have been given to another user.
    Rewritten,
}

impl<M: WithStore, L: ActLog> Acts<'_, M, L> {
    /// Writes the name of `account` into the record of its uid. If another account still has the old name, this is
    /// refused: the uid may have been given to another user, who must not inherit a second step. Returns the old name;
    /// none if there was no other.
    pub fn rebind(&mut self, account: &Account, formerly: Formerly) -> Result<Option<String>, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            // Checked without the lock, so that no login waits for a look-up.
            let old = former_names(machine, &store.snapshot(account.uid), account, formerly)?;
            let Some(name) = old.first() else { return Ok(Act::unchanged(None)) };
            rename(store, account, &old)?;
            Ok(Act::done("rebind", format!(" from={}", Value(name)), Some(name.clone())))
        })
    }

    /// The result that [`Acts::rebind`] would return. Changes nothing.
    pub fn former_name(&mut self, account: &Account, formerly: Formerly) -> Result<Option<String>, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let old = former_names(machine, &store.snapshot(account.uid), account, formerly)?;
            Ok(Act::unchanged(old.first().cloned()))
        })
    }
}

/// The other names in the record of `account`, if each of them may be replaced.
fn former_names(
    machine: &impl Machine,
    stored: &Snapshot,
    account: &Account,
    formerly: Formerly,
) -> Result<Vec<String>, ActError> {
    let others = others(stored, account)?;
    others.iter().try_for_each(|name| check(machine, name, account, formerly))?;
    check_place(stored, account, &others)?;
    Ok(others)
}

fn others(stored: &Snapshot, account: &Account) -> Result<Vec<String>, StoreError> {
    let (credential, state) = (stored.credential.as_ref(), stored.state.as_ref());
    let (credential, state) = (credential.map_err(StoreError::clone)?, state.map_err(StoreError::clone)?);
    let names =
        [credential.as_ref().map(|credential| &credential.name), state.as_ref().map(|state| &state.name)];
    Ok(names.into_iter().flatten().filter(|name| **name != account.name).cloned().collect())
}

/// Fails if a file holds another uid: it was put there by mistake.
fn check_place(stored: &Snapshot, account: &Account, others: &[String]) -> Result<(), ActError> {
    let credential = stored.credential.as_ref().ok().and_then(Option::as_ref);
    let misplaced = credential.filter(|credential| !others.is_empty() && credential.uid != account.uid);
    match misplaced.and_then(|credential| credential.check_owner(account).err()) {
        None => Ok(()),
        Some(error) => Err(ActError::Misplaced(error)),
    }
}

fn check(machine: &impl Machine, old: &str, account: &Account, formerly: Formerly) -> Result<(), ActError> {
    if formerly == Formerly::Rewritten && !is_rewritten(old, &account.name) {
        return Err(ActError::NotSurelySame { name: old.to_owned() });
    }
    match machine.account(old)?.filter(|other| other.uid != account.uid) {
        None => Ok(()),
        Some(Account { uid, .. }) => Err(ActError::NameInUse { name: old.to_owned(), uid }),
    }
}

/// Replaces the `old` names by the name of `account`.
fn rename(store: &impl Store, account: &Account, old: &[String]) -> Result<(), ActError> {
    let record = store.open_unchecked(account.uid)?.ok_or(ActError::ChangedMeanwhile)?;
    record.change(|stored| {
        if others(stored, account)? != old {
            return Err(ActError::ChangedMeanwhile);
        }
        check_place(stored, account, old)?;
        let name = || account.name.clone();
        let state = stored.state.clone()?.map(|state| State { name: name(), ..state });
        let credential = match stored.credential.clone()? {
            Some(credential) => CredentialChange::Stored(Credential { name: name(), ..credential }),
            None => CredentialChange::Kept,
        };
        Ok((Change { state, credential }, ()))
    })
}
