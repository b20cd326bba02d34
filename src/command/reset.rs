//! `twostep reset`: forgets a credential.

use twostep_core::policy::Verification;
use twostep_core::proof::state::State;
use twostep_core::store::Durability;
use twostep_core::store::files::Store;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;
use crate::terminal::{note, say};

/// Whose credential to forget.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by name or uid
    #[arg(value_name = "USER")]
    user: String,
}

/// Removes the secret file and empties the state; the mark stays, so that no old code becomes usable.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let target = administrator.target(&arguments.user)?;
    let name = target.name();
    let store = administrator.store()?;
    let Some(had_credential) = forget(administrator, &store, &target)? else {
        return say(&format!("Nothing is stored of {name}: there is nothing to forget."));
    };
    administrator.log("reset", &target, &format!(" credential={had_credential}"));
    if had_credential {
        return say(&format!("{name} is no longer enrolled. To enroll anew: twostep enroll --user {name}"));
    }
    say(&format!("{name} was not enrolled. Failures in a row are 0 now."))
}

/// Whether there was a credential; none if nothing is stored at all. The credential goes last: if this breaks off, the person
/// is still enrolled, and not half forgotten.
fn forget(administrator: &Administrator, store: &Store, target: &Target) -> Result<Option<bool>, Failure> {
    if store.is_state_lost(target.uid)? {
        replace_state(administrator, store, target)?;
    }
    let Some(mut locked) = store.lock(target.uid)? else {
        // Without a state there is no lock, and no login: the first one would create the state from the credential.
        return Ok(store.remove_credential(target.uid)?.then_some(true));
    };
    let name = target.account.as_ref().map_or(&locked.state().name, |account| &account.name);
    let next = locked.state().forget(name);
    locked.save(next, Durability::Flushed)?;
    Ok(Some(store.remove_credential(target.uid)?))
}

/// Writes anew a state that cannot be read. Its mark is lost, so every code up to now counts as used.
fn replace_state(administrator: &Administrator, store: &Store, target: &Target) -> Result<(), Failure> {
    let name = target.account.as_ref().map_or("", |account| &account.name);
    let mark = Verification::default().window_end(&[], administrator.now()?);
    store.replace_state(target.uid, State::new(name, mark))?;
    let name = target.name();
    say(&format!("The state of {name} was damaged, and is written anew."))?;
    note(&format!("if a second step was required of {name}, say so again: 'twostep require {name}'."));
    Ok(())
}
