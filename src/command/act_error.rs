//! Why an act was not done, in words.

use twostep_core::manage::act::{ActError, Target};
use twostep_core::store::not_theirs::NotTheirs;

use crate::failure::Failure;

/// What is told of an act on `target` that was not done.
pub(crate) fn explain(target: &Target, error: ActError) -> Failure {
    let (name, uid) = (target.name(), target.uid);
    match error {
        ActError::Failed(failure) => failure,
        ActError::HandedOverInVain(error) => Failure::unavailable(
            error.to_string(),
            "What was printed is not valid. Mend that, then run the command again.",
        ),
        ActError::NeedsNoTicket => Failure::refused(
            format!("{name} is already enrolled and needs no ticket."),
            format!("To start over, run 'twostep reset {name}' first."),
        ),
        ActError::AlreadyEnrolled => Failure::refused(
            format!("has another second step here already: to replace it, run 'twostep reset {name}' first"),
            "",
        ),
        ActError::MarkIsSoon(mark) => Failure::refused(
            format!(
                "{name}'s last accepted code is dated a little in the future: codes are accepted again after {mark} UTC."
            ),
            format!(
                "Wait until then. Resetting it now would make a used code valid again. \
                 To end only the lockout, run 'twostep unlock {name}'."
            ),
        ),
        ActError::NameInUse { name: old, uid: other } => Failure::refused(
            format!("what is stored for uid {uid} belongs to '{old}', who still exists, as uid {other}."),
            format!("If {name} is another person, run 'twostep reset {name}' and let them enroll again."),
        ),
        ActError::NotSurelySame { name: old } => Failure::refused(
            format!(
                "it belongs to '{old}', and '{name}' may be somebody else: if the account was renamed, run \
                 'twostep rebind {name}'."
            ),
            "",
        ),
        ActError::Misplaced(NotTheirs { stored, stored_uid, .. }) => Failure::unavailable(
            format!(
                "the secret file of uid {uid} is that of '{stored}' (uid {stored_uid}), put there by mistake."
            ),
            format!(
                "Restore the right file from a backup, or run 'twostep reset {name}' and let them enroll again."
            ),
        ),
        ActError::ChangedMeanwhile => {
            Failure::refused("what is stored was changed meanwhile.", "Run the command again.")
        }
    }
}
