//! `twostep rebind --all`: accepts that the directory service writes everybody's name otherwise.

use twostep_core::manage::act::Target;
use twostep_core::manage::rebind::Formerly;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;

/// Renames what is stored of each account that surely is the same one, and tells what became of the others. What was done
/// already is passed over, so it can be run again wherever it ended.
pub(crate) fn run(administrator: &Administrator, dry_run: bool) -> Result<(), Failure> {
    let (uids, _) = administrator.store()?.uids()?;
    let (mut rebound, mut refused) = (0_usize, 0_usize);
    let done = if dry_run { "would be rebound" } else { "rebound" };
    for uid in uids {
        match rebind(administrator, uid, dry_run) {
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
    uid: u32,
    dry_run: bool,
) -> Result<Option<(String, String)>, Failure> {
    let target = Target::of(uid)?;
    let Some(account) = &target.account else {
        return Err(Failure::refused("no account has this uid, or the directory service is away.", ""));
    };
    let old = administrator.carry_out(&target, |acts| {
        if dry_run {
            acts.former_name(account, Formerly::Rewritten)
        } else {
            acts.rebind(account, Formerly::Rewritten)
        }
    })?;
    Ok(old.map(|old| (old, account.name.clone())))
}
