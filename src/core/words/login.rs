//! What a login says after the code.

use crate::verdict::{Accepted, Proof};

/// From how many recovery codes on each login says how to get new ones.
const FEW: u8 = 2;

crate::words! {
    /// After a recovery code; `left` are unused.
    recovery_code_accepted(left) = "Recovery code accepted. Unused codes left: {left}.";
    /// After a code of an app, where few recovery codes are left.
    few_recovery_codes(left) = "Recovery codes left: {left}.";
    /// Behind either, where few are left.
    NEW_RECOVERY_CODES = "For new ones, run 'twostep recovery'.";
}

/// What follows an accepted code, if anything.
pub fn accepted(accepted: &Accepted) -> Option<String> {
    let left = accepted.recovery_left?;
    match (&accepted.proof, left <= FEW) {
        (Proof::RecoveryCode, false) => Some(recovery_code_accepted(left)),
        (Proof::RecoveryCode, true) => Some(format!("{} {NEW_RECOVERY_CODES}", recovery_code_accepted(left))),
        (Proof::Code { .. }, true) => Some(format!("{} {NEW_RECOVERY_CODES}", few_recovery_codes(left))),
        (Proof::Code { .. }, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(proof: Proof, recovery_left: Option<u8>) -> Option<String> {
        accepted(&Accepted { proof, recovery_left })
    }

    fn code() -> Proof {
        Proof::Code { authenticator: "phone".to_owned(), offset: 0 }
    }

    #[test]
    fn says_how_many_recovery_codes_are_left() {
        let few = "Recovery codes left: 2. For new ones, run 'twostep recovery'.";
        assert_eq!(text(code(), Some(2)).as_deref(), Some(few));
        assert_eq!([None, Some(3)].map(|left| text(code(), left)), [None, None]);
        let many = "Recovery code accepted. Unused codes left: 7.";
        assert_eq!(text(Proof::RecoveryCode, Some(7)).as_deref(), Some(many));
        let none = "Recovery code accepted. Unused codes left: 0. For new ones, run 'twostep recovery'.";
        assert_eq!(text(Proof::RecoveryCode, Some(0)).as_deref(), Some(none));
    }
}
