//! `twostep rebind --all`: accepts that the directory service writes all names differently.

use twostep_core::manage::act::Target;
use twostep_core::manage::rebind::Formerly;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use crate::words::rebind as words;

/// Renames each record whose account is surely the same one, and shows why the others are refused. A record that has the name
/// of its account is passed over, so an interrupted command can be run again.
pub(crate) fn run(administrator: &Administrator, dry_run: bool) -> Result<(), Failure> {
    let (uids, _) = administrator.store()?.uids()?;
    let (mut rebound, mut refused) = (0_usize, 0_usize);
    for uid in uids {
        match rebind(administrator, uid, dry_run) {
            Ok(None) => {}
            Ok(Some((old, new))) => {
                rebound = rebound.saturating_add(1);
                let line = if dry_run { words::line_would_be_rebound } else { words::line_rebound };
                say(&line(uid, old, new))?;
            }
            Err(failure) => {
                refused = refused.saturating_add(1);
                say(&words::line_refused(uid, failure.what()))?;
                if !failure.then().is_empty() {
                    say(&words::line_then(failure.then()))?;
                }
            }
        }
    }
    say(&match (rebound, refused, dry_run) {
        (0, 0, _) => words::NONE_TO_REBIND.to_owned(),
        (0, refused, _) => words::sum_refused(refused),
        (rebound, 0, false) => words::sum_rebound(rebound),
        (rebound, 0, true) => words::sum_would_be_rebound(rebound),
        (rebound, refused, false) => words::sum_both(rebound, refused),
        (rebound, refused, true) => words::sum_would_both(rebound, refused),
    })?;
    if refused > 0 { Err(Failure::silent()) } else { Ok(()) }
}

/// The old name and the new one; none if the record has the name of its account.
fn rebind(
    administrator: &Administrator,
    uid: u32,
    dry_run: bool,
) -> Result<Option<(String, String)>, Failure> {
    let target = Target::of(uid, administrator.names())?;
    let Some(account) = &target.account else { return Err(Failure::refused(words::NO_ACCOUNT, "")) };
    let old = administrator.carry_out(&target, |acts| {
        if dry_run {
            acts.former_name(account, Formerly::Rewritten)
        } else {
            acts.rebind(account, Formerly::Rewritten)
        }
    })?;
    Ok(old.map(|old| (old, account.name.clone())))
}
