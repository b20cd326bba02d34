//! `twostep rebind --all`: accepts that the directory service writes everybody's name otherwise.

use twostep_core::os::account::{self, Account};
use twostep_core::policy::is_rewritten;
use twostep_core::store::files::Store;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

use super::renaming::{check_gone, other_names, rename};

/// Renames what is stored of each account that surely is the same one, and tells what became of the others. What was done
/// already is passed over, so it can be run again wherever it ended.
pub(crate) fn run(administrator: &Administrator, dry_run: bool) -> Result<(), Failure> {
    let store = administrator.store()?;
    let (uids, _) = store.uids()?;
    let (mut rebound, mut refused) = (0_usize, 0_usize);
    let done = if dry_run { "would be rebound" } else { "rebound" };
    for uid in uids {
        match rebind(administrator, &store, uid, dry_run) {
            Ok(None) => {}
            Ok(Some((old, new))) => {
                rebound = rebound.saturating_add(1);
                say(&format!("uid {uid}: {done}, from '{old}' to '{new}'"))?;
            }
            Err(failure) => {
                refused = refused.saturating_add(1);
                say(&format!("uid {uid}: refused: {}", failure.what()))?;
            }
        }
    }
    say(&match (rebound, refused) {
        (0, 0) => "All records already have their account's name. Nothing changed.".to_owned(),
        (rebound, 0) => format!("{rebound} {done}."),
        (0, refused) => format!("{refused} refused."),
        (rebound, refused) => format!("{rebound} {done}, {refused} refused."),
    })?;
    if refused > 0 { Err(Failure::silent()) } else { Ok(()) }
}

/// The old name and the new one; none if what is stored bears the name of its account.
fn rebind(
    administrator: &Administrator,
    store: &Store,
    uid: u32,
    dry_run: bool,
) -> Result<Option<(String, String)>, Failure> {
    let Some(account) = account::by_uid(uid)? else {
        return Err(Failure::refused("no account has this uid, or the directory service is away.", ""));
    };
    let old = other_names(store, &account, check_same)?;
    let Some(name) = old.first().cloned() else { return Ok(None) };
    if !dry_run {
        rename(administrator, store, &account, &old)?;
    }
    Ok(Some((name, account.name)))
}

/// Fails unless `old` surely is a former way to write the account's name: it differs in nothing else, and nobody else has it
/// now. The uid alone proves nothing: it may have been given to another person.
fn check_same(old: &str, account: &Account) -> Result<(), Failure> {
    let Account { name, .. } = account;
    if is_rewritten(old, name) {
        return check_gone(old, account);
    }
    Err(Failure::refused(
        format!(
            "it is that of '{old}', and '{name}' is not surely the same name: if it was renamed, run 'twostep rebind {name}'."
        ),
        "",
    ))
}
