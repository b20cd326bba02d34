//! Failures of acts of root.

use twostep_core::manage::act::{ActError, Target};
use twostep_core::store::not_theirs::NotTheirs;

use crate::failure::Failure;
use crate::words::acts as words;

/// The failure of an act on `target`.
pub(crate) fn explain(target: &Target, error: ActError) -> Failure {
    let (name, user, uid) = (target.name(), argument(target), target.uid);
    match error {
        ActError::Failed(failure) => failure,
        ActError::HandedOverInVain(error) => {
            Failure::unavailable(error.to_string(), words::HANDED_OVER_IN_VAIN_THEN)
        }
        ActError::NeedsNoTicket => {
            Failure::refused(words::needs_no_ticket(name), words::needs_no_ticket_then(user))
        }
        ActError::AlreadyEnrolled => {
            Failure::refused(words::already_enrolled(name), words::already_enrolled_then(user))
        }
        ActError::MarkIsSoon(mark) => {
            Failure::refused(words::mark_is_soon(name, mark), words::mark_is_soon_then(user))
        }
        ActError::NameInUse { name: old, uid: other } => {
            Failure::refused(words::name_in_use(old, other), words::name_in_use_then(name, user))
        }
        ActError::NotSurelySame { name: old } => {
            Failure::refused(words::not_surely_same(old, name), words::not_surely_same_then(user))
        }
        ActError::Misplaced(NotTheirs { stored, stored_uid, .. }) => {
            Failure::unavailable(words::misplaced(uid, stored, stored_uid), words::misplaced_then(user))
        }
        ActError::ChangedMeanwhile => {
            Failure::refused(words::CHANGED_MEANWHILE, words::CHANGED_MEANWHILE_THEN)
        }
    }
}

/// What root types to name an account, also one that is deleted.
pub(crate) fn argument(target: &Target) -> String {
    target.account.as_ref().map_or_else(|| target.uid.to_string(), |account| account.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_deleted_account_by_uid_in_commands() {
        let target = Target { uid: 4242, account: None };
        let failure = explain(&target, ActError::AlreadyEnrolled);
        assert_eq!(failure.what(), "uid 4242 is already enrolled with another secret");
        assert_eq!(failure.then(), "To replace it, run 'twostep reset 4242' first.");
    }
}
