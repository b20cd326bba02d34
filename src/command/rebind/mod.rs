//! `twostep rebind`: accepts a renamed account, or all those that the directory service has renamed.

mod all;

use twostep_core::login::audit::Value;
use twostep_core::os::account::Account;
use twostep_core::os::look_up;
use twostep_core::proof::state::State;
use twostep_core::store::Durability;
use twostep_core::store::files::Store;
use twostep_core::store::files::credential::Credential;

use crate::administrator::{Administrator, Target};
use crate::failure::Failure;
use crate::terminal::say;

/// Whose account was renamed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The person, by their new name
    #[arg(value_name = "USER", required_unless_present = "all")]
    user: Option<String>,
    /// Everybody whose name is now written otherwise
    #[arg(long, conflicts_with = "user")]
    all: bool,
    /// Show what would happen, and change nothing
    #[arg(long, requires = "all")]
    dry_run: bool,
}

/// Writes the new names into what is stored.
pub(crate) fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.user {
        Some(user) => one(administrator, user),
        None => all::run(administrator, arguments.dry_run),
    }
}

/// Writes the new name into what is stored of the account's uid. Where the old name is somebody's still, the uid was perhaps
/// given to another person, who must not inherit a second step.
fn one(administrator: &Administrator, user: &str) -> Result<(), Failure> {
    let account = administrator.account(user)?;
    let store = administrator.store()?;
    let old = other_names(&store, &account, check_gone)?;
    let Some(name) = old.first() else {
        return say(&format!(
            "What is stored of {} bears that name: there is nothing to mend.",
            account.name
        ));
    };
    rename(administrator, &store, &account, &old)?;
    say(&format!("{} keeps the second step of '{name}'.", account.name))
}

/// Says whether the record of an account may be given to it that bears this other name.
type Check = fn(&str, &Account) -> Result<(), Failure>;

/// The other names that are stored under the uid of `account`, if `check` lets each of them pass.
fn other_names(store: &Store, account: &Account, check: Check) -> Result<Vec<String>, Failure> {
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
fn rename(
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

fn check_gone(old: &str, account: &Account) -> Result<(), Failure> {
    let Some((uid, _)) = look_up::user(old)?.filter(|(uid, _)| *uid != account.uid) else { return Ok(()) };
    Err(Failure::refused(
        format!("what is stored of uid {} is that of '{old}', who exists still, as uid {uid}.", account.uid),
        format!(
            "If {} is another person, run 'twostep reset {}' and let them enroll anew.",
            account.name, account.name
        ),
    ))
}
