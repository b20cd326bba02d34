//! `twostep reset`: forgets a credential.

use twostep_core::attempts::State;
use twostep_core::os::Fault;
use twostep_core::store::{Durability, Store};
use twostep_core::totp;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;
use crate::terminal::say;

/// Whose credential to forget.
#[derive(clap::Args)]
pub struct Arguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
}

/// Removes the secret file and empties the state; the mark stays, so that no old code becomes usable.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let store = administrator.store()?;
    let forgotten = forget(administrator, &store, &target)?;
    if !forgotten {
        return say(&format!("{name} was not enrolled: there is no credential to forget."));
    }
    administrator.log("reset", &target, "");
    say(&format!("{name} is no longer enrolled. To enroll anew: twostep enroll --user {name}"))
}

/// True if there was a credential.
fn forget(administrator: &Administrator, store: &Store, target: &Target) -> Result<bool, Failure> {
    match store.lock(target.uid) {
        Ok(Some(mut locked)) => {
            let removed = store.remove_credential(target.uid)?;
            let name = target.account.as_ref().map_or(&locked.state().name, |account| &account.name);
            let next = locked.state().forget(name);
            locked.save(next, Durability::Flushed)?;
            Ok(removed)
        }
        Ok(None) => Ok(store.remove_credential(target.uid)?),
        Err(fault) if store.state(target.uid).is_ok() => Err(fault.into()), // it is fine, and in use
        Err(fault) => replace_state(administrator, store, target, fault),
    }
}

/// Writes anew a state that cannot be read. Its mark is lost, so every code up to now counts as used.
fn replace_state(
    administrator: &Administrator,
    store: &Store,
    target: &Target,
    fault: Fault,
) -> Result<bool, Failure> {
    let Some(account) = &target.account else { return Err(fault.into()) };
    let mark = totp::window_end(&[], administrator.now()?, administrator.skew()?.into());
    let removed = store.remove_credential(target.uid)?;
    store.replace_state(target.uid, State::new(&account.name, mark))?;
    say(&format!("{fault}: written anew."))?;
    Ok(removed)
}
