//! What a user reads of commands for their own account, and an administrator who names one with `--user`.
//!
//! A text that follows `error:` has neither capital nor full stop.

use crate::proof::code::Shape;
use crate::verdict::Denial;

use super::login;

crate::words! {
    /// Above the question for a code, before anything is changed.
    PROVE_IT = "First prove it is you: enter a code from your app or a recovery code.";
    /// After a right code that was used before.
    ALREADY_USED = "That code was already used. Wait for the next one.";
    /// After a wrong code. The clock of the phone may follow.
    WRONG_CODE = "That code was not accepted.";
    /// After it, if the clock does not follow.
    WHY_WRONG = "Check the app's entry and your phone's clock.";
    /// After a recovery code that is not accepted.
    WRONG_RECOVERY_CODE = "That recovery code was not accepted. Each one works once.";
    /// `error:`, after the last try. The reason follows.
    NO_CODE_ACCEPTED = "no code was accepted";
    /// `error:`, where the input ended.
    CANCELLED = "cancelled (end of input)";
    /// After an error that came before any change.
    UNCHANGED = "Nothing was changed.";
    /// After an enrollment that failed for its codes.
    NOT_SAVED = "Nothing was saved. Delete the new entry in your app.\nThen run the command again.";
    /// After an enrollment that failed for another reason.
    DELETE_ENTRY = "Nothing was saved. Delete the new entry in your app.";
    /// After any other failure.
    FIX_AND_RUN_AGAIN = "Fix this, then run the command again.";

    /// `error:`, where an account has no second step.
    not_enrolled(user: Reader) = "you are not enrolled", "{user} is not enrolled";
    /// After it.
    how_to_enroll(user: Reader) =
        "To enroll, run 'twostep enroll'.",
        "To enroll, run 'twostep enroll --user {user}'.";
    /// `error:`, where the second step was removed during the dialogue.
    no_longer_enrolled(user: Reader) = "you are no longer enrolled", "{user} is no longer enrolled";
    /// `error:`, where another enrollment came first.
    enrolled_meanwhile(user: Reader) =
        "you have been enrolled in the meantime",
        "{user} has been enrolled in the meantime";
    /// `error:`, where the second step changed during the dialogue.
    changed_meanwhile(user: Reader) =
        "your second step has changed in the meantime",
        "the second step of {user} has changed in the meantime";

    /// Above the question for a ticket.
    NEEDS_TICKET = "To set up your second step, you need a ticket from your administrator.";
    /// `error:`, after the last try.
    NO_TICKET_ACCEPTED = "no ticket was accepted";
    /// After an enrollment. `label` is the name of a phone or app.
    enrolled(user: Reader, label) =
        "You are enrolled (authenticator '{label}').",
        "{user} is enrolled (authenticator '{label}').";
    /// After the reason why a label is wrong.
    CHOOSE_LABEL = "Choose another --label.";
    /// `error:`, where an authenticator has this label.
    already_enrolled(user: Reader, label) =
        "you are already enrolled (authenticator '{label}')",
        "{user} is already enrolled (authenticator '{label}')";
    /// After it.
    how_to_add(user: Reader) =
        "For a new or lost phone, run 'twostep replace'.\nTo add another one, run 'twostep enroll --label tablet'.",
        "For a new or lost phone, run 'twostep replace --user {user}'.\nTo add another one, run 'twostep enroll --user {user} --label tablet'.";
    /// `error:`, where there are as many authenticators as there may be.
    too_many(user: Reader, count) =
        "you have {count} authenticators, and no more are allowed",
        "{user} has {count} authenticators, and no more are allowed";
    /// After it. LABEL is a placeholder.
    how_to_remove_one(user: Reader) =
        "To remove one, run 'twostep remove LABEL'.",
        "To remove one, run 'twostep remove --user {user} LABEL'.";
    /// After the machine's clock was found wrong.
    THEN_ENROLL = "Then enroll.";

    /// Above the question for a code, before an authenticator is replaced.
    replaces(label) = "This replaces your authenticator '{label}' by a new one.";
    /// `error:`, where several could be meant. `labels` is such as "'phone', 'tablet'".
    several_authenticators(user: Reader, labels) =
        "you have several authenticators: {labels}",
        "{user} has several authenticators: {labels}";
    /// After it. LABEL is a placeholder.
    how_to_replace_one(user: Reader) =
        "To replace one, run 'twostep replace LABEL'.",
        "To replace one, run 'twostep replace --user {user} LABEL'.";
    /// After an authenticator was replaced.
    replaced(label) = "Replaced '{label}'. Codes of the old one no longer work.";

    /// Above the question for a code, before all is removed. `labels` is such as "'phone', 'tablet'".
    removes_all(labels) = "This removes {labels} and all recovery codes.";
    /// After one of several authenticators was removed. `others` is such as "'phone', 'tablet'".
    removed(label, others) = "Removed '{label}'. Still set up: {others}.";
    /// After the second step was removed.
    removed_all(user: Reader) =
        "You are no longer enrolled. To enroll again, run 'twostep enroll'.",
        "{user} is no longer enrolled. To enroll again, run 'twostep enroll --user {user}'.";
    /// `error:`, where no authenticator has this label.
    no_authenticator(user: Reader, label) =
        "you have no authenticator '{label}'",
        "{user} has no authenticator '{label}'";
    /// After it. `labels` is such as "'phone', 'tablet'".
    there_are(labels) = "Authenticators: {labels}.";
    /// `error:`, where nothing would be left.
    only_authenticator(user: Reader, label) =
        "'{label}' is your only authenticator",
        "'{label}' is the only authenticator of {user}";
    /// After it.
    how_to_remove_all(user: Reader) =
        "To turn the second step off, run 'twostep remove' without a label.",
        "To turn the second step off, run 'twostep remove --user {user}' without a label.";
    /// `error:`, where a rule of the policy file forbids the removal.
    required_by_rule(rule, line, file) = "rule '{rule}' (line {line} of {file}) requires a second step of you";
    /// `error:`, where 'twostep require' forbids the removal.
    REQUIRED_BY_ADMIN = "an administrator requires a second step of you ('twostep require')";
    /// After either.
    HOW_TO_CHANGE_PHONES = "To change phones, run 'twostep replace'.\nFor anything else, ask your administrator.";

    /// After new recovery codes.
    new_recovery_codes(user: Reader, count) =
        "You have new recovery codes ({count}). The old ones no longer work.",
        "{user} has new recovery codes ({count}). The old ones no longer work.";
    /// The same where the policy allows none.
    no_recovery_codes(user: Reader) =
        "You no longer have recovery codes, because the policy allows none.",
        "{user} no longer has recovery codes, because the policy allows none.";
    /// `error:`, where the policy allows none.
    POLICY_ALLOWS_NONE = "the policy allows no recovery codes";
    /// After an error.
    OLD_CODES_WORK = "Nothing was changed. The old recovery codes still work.";

    /// After a right recovery code in 'twostep verify'.
    RECOVERY_CODE_WORKS = "That recovery code works. It has not been used up.";
    /// After a right code in 'twostep verify'.
    code_works(label) = "That code works (authenticator '{label}'). It has not been used up.";
}

/// Why an answer of this shape is refused. The user is the owner or an administrator, so they may know. `clock` is by
/// how many seconds the phone's clock is ahead, if the answers show this.
pub(crate) fn refused(denial: &Denial, shape: Shape, clock: Option<i64>) -> String {
    if let Denial::Replayed { .. } = denial {
        return ALREADY_USED.to_owned();
    }
    if let Denial::WrongRecoveryCode { .. } = denial {
        return WRONG_RECOVERY_CODE.to_owned();
    }
    if let Denial::WrongCode { .. } = denial {
        return match clock {
            Some(offset) => format!("{WRONG_CODE}\n{}", login::clock_is_off(offset)),
            None => format!("{WRONG_CODE} {WHY_WRONG}"),
        };
    }
    login::refused(denial, shape)
}
