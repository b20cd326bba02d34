//! What is stored of an account gets its new name.

use twostep_core::login::audit::Value;
use twostep_core::os::account::Account;
use twostep_core::os::look_up;
use twostep_core::proof::state::State;
use twostep_core::store::Durability;
use twostep_core::store::files::Store;
use twostep_core::store::files::credential::Credential;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;

/// Says whether the record of an account may be given to it that bears this other name.
pub(super) type Check = fn(&str, &Account) -> Result<(), Failure>;

/// The other names that are stored under the uid of `account`, if `check` lets each of them pass.
pub(super) fn other_names(store: &Store, account: &Account, check: Check) -> Result<Vec<String>, Failure> {
    let (state, credential) = (store.state(account.uid)?, store.credential(account.uid)?);
    let others = others(credential.as_ref(), state.as_ref(), account);
    others.iter().try_for_each(|name| check(name, account))?;
    // A file with another uid in it was put there by mistake.
    let misplaced = credential.filter(|credential| !others.is_empty() && credential.uid != account.uid);
    match misplaced.and_then(|credential| credential.check_owner(account).err()) {
        None => Ok(others),
        Some(problem) => {
            Err(Failure::unavailable(format!("what is stored for uid {} {problem}", account.uid), ""))
        }
    }
}

fn others(credential: Option<&Credential>, state: Option<&State>, account: &Account) -> Vec<String> {
    let names = [credential.map(|credential| &credential.name), state.map(|state| &state.name)];
    names.into_iter().flatten().filter(|name| **name != account.name).cloned().collect()
}

/// Writes the name of `account` in the place of `old` names, which were checked without the lock: no login waits for that.
pub(super) fn rename(
    administrator: &Administrator,
    store: &Store,
    account: &Account,
    old: &[String],
) -> Result<(), Failure> {
    let mut state = store.lock(account.uid)?;
    let credential = store.credential(account.uid)?;
    if others(credential.as_ref(), state.as_ref().map(|state| state.state()), account) != old {
        return Err(Failure::refused("what is stored was changed meanwhile.", "Run the command again."));
    }
    if let Some(state) = &mut state {
        let renamed = State { name: account.name.clone(), ..state.state().clone() };
        state.save(renamed, Durability::Flushed)?;
    }
    if let Some(credential) = credential {
        store.write_credential(account, &Credential { name: account.name.clone(), ..credential })?;
    }
    drop(state);
    let target = Target { uid: account.uid, account: Some(account.clone()) };
    let from = old.first().map_or("", String::as_str);
    administrator.log("rebind", &target, &format!(" from={}", Value(from)));
    Ok(())
}

pub(super) fn check_gone(old: &str, account: &Account) -> Result<(), Failure> {
    let Some((uid, _)) = look_up::user(old)?.filter(|(uid, _)| *uid != account.uid) else { return Ok(()) };
    Err(Failure::refused(
        format!("what is stored of uid {} is that of '{old}', who exists still, as uid {uid}.", account.uid),
        format!(
            "If {} is another person, run 'twostep reset {}' and let them enroll anew.",
            account.name, account.name
        ),
    ))
}
