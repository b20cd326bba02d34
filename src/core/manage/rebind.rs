//! What is stored of an account gets its new name.

use crate::login::audit::Value;
use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::policy::is_rewritten;
use crate::proof::state::State;
use crate::store::Durability;
use crate::store::files::Store;
use crate::store::files::credential::Credential;

use super::act::{Act, ActError, ActLog, Acts};

/// Which other names a record may bear to be given to its account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formerly {
    /// Any that no other account has: an administrator says that it is the same person.
    Any,
    /// Only what surely is a former way to write the account's name: it differs in nothing else. The uid alone proves nothing:
    /// it may have been given to another person.
    Rewritten,
}

impl<M: Machine, L: ActLog> Acts<'_, M, L> {
    /// Writes the name of `account` into what is stored of its uid. Where the old name is somebody's still, the uid was perhaps
    /// given to another person, who must not inherit a second step. Returns the old name; none if there was no other.
    pub fn rebind(&mut self, account: &Account, formerly: Formerly) -> Result<Option<String>, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            // Checked without the lock: no login waits for a look-up.
            let old = former_names(machine, store, account, formerly)?;
            let Some(name) = old.first() else { return Ok(Act::unchanged(None)) };
            rename(store, account, &old)?;
            Ok(Act::done("rebind", format!(" from={}", Value(name)), Some(name.clone())))
        })
    }

    /// What [`Acts::rebind`] would return. Nothing is changed.
    pub fn former_name(&mut self, account: &Account, formerly: Formerly) -> Result<Option<String>, ActError> {
        self.carry_out(&account.into(), |machine, store| {
            let old = former_names(machine, store, account, formerly)?;
            Ok(Act::unchanged(old.first().cloned()))
        })
    }
}

/// The other names that are stored under the uid of `account`, if each of them may be replaced.
fn former_names(
    machine: &impl Machine,
    store: &Store,
    account: &Account,
    formerly: Formerly,
) -> Result<Vec<String>, ActError> {
    let (state, credential) = (store.state(account.uid)?, store.credential(account.uid)?);
    let others = others(credential.as_ref(), state.as_ref(), account);
    others.iter().try_for_each(|name| check(machine, name, account, formerly))?;
    // A file with another uid in it was put there by mistake.
    let misplaced = credential.filter(|credential| !others.is_empty() && credential.uid != account.uid);
    match misplaced.and_then(|credential| credential.check_owner(account).err()) {
        None => Ok(others),
        Some(error) => Err(ActError::Misplaced(error)),
    }
}

fn others(credential: Option<&Credential>, state: Option<&State>, account: &Account) -> Vec<String> {
    let names = [credential.map(|credential| &credential.name), state.map(|state| &state.name)];
    names.into_iter().flatten().filter(|name| **name != account.name).cloned().collect()
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

/// Writes the name of `account` in the place of `old` names.
fn rename(store: &Store, account: &Account, old: &[String]) -> Result<(), ActError> {
    let mut locked = store.lock(account.uid)?;
    let credential = store.credential(account.uid)?;
    if others(credential.as_ref(), locked.as_ref().map(|locked| locked.state()), account) != old {
        return Err(ActError::ChangedMeanwhile);
    }
    if let Some(locked) = &mut locked {
        let renamed = State { name: account.name.clone(), ..locked.state().clone() };
        locked.save(renamed, Durability::Flushed)?;
    }
    if let Some(credential) = credential {
        store.write_credential(account, &Credential { name: account.name.clone(), ..credential })?;
    }
    Ok(())
}
