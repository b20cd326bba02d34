//! `twostep rebind`: accepts a renamed account.

use twostep_core::login::audit::Value;
use twostep_core::os::account::{self, Account};
use twostep_core::proof::state::State;
use twostep_core::store::Durability;
use twostep_core::store::files::credential::Credential;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;
use crate::terminal::say;

/// Whose account was renamed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by their new name
    #[arg(value_name = "USER")]
    user: String,
}

/// Writes the new name into what is stored of the account's uid. Where the old name is somebody's still, the uid was perhaps
/// given to another person, who must not inherit a second step.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let account = administrator.account(&arguments.user)?;
    let store = administrator.store()?;
    let mut state = store.lock(account.uid)?;
    let credential = store.credential(account.uid)?;
    let in_state = state.as_ref().map(|state| state.state().name.clone());
    let names = [credential.as_ref().map(|credential| credential.name.clone()), in_state];
    let others: Vec<_> = names.into_iter().flatten().filter(|name| *name != account.name).collect();
    let Some(old) = others.first() else {
        return say(&format!(
            "What is stored of {} bears that name: there is nothing to mend.",
            account.name
        ));
    };
    others.iter().try_for_each(|name| check_gone(name, &account))?;
    let credential = credential.map(|credential| Credential { name: account.name.clone(), ..credential });
    if let Some(credential) = &credential {
        // A file with another uid in it was put there by mistake.
        credential.check_owner(&account).map_err(|problem| {
            Failure::unavailable(format!("what is stored for uid {} {problem}", account.uid), "")
        })?;
    }
    if let Some(state) = &mut state {
        let renamed = State { name: account.name.clone(), ..state.state().clone() };
        state.save(renamed, Durability::Flushed)?;
    }
    if let Some(credential) = &credential {
        store.write_credential(&account, credential)?;
    }
    drop(state);
    let done = format!("{} keeps the second step of '{old}'.", account.name);
    let target = Target { uid: account.uid, account: Some(account) };
    administrator.log("rebind", &target, &format!(" from={}", Value(old)));
    say(&done)
}

fn check_gone(old: &str, account: &Account) -> Result<(), Failure> {
    let Some(other) = account::by_name(old)? else { return Ok(()) };
    if other.uid == account.uid {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "what is stored of uid {} is that of '{old}', who exists still, as uid {}.",
            account.uid, other.uid
        ),
        format!(
            "If {} is another person, run 'twostep reset {}' and let them enroll anew.",
            account.name, account.name
        ),
    ))
}
