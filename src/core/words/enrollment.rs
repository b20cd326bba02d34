//! What the dialogue of an enrollment asks and says.

use crate::verdict::Mismatch;

crate::words! {
    /// Above the picture.
    SCAN = "Scan this code with your authenticator app, or type the key:";
    /// Above the key, where there is no picture.
    TYPE_KEY = "Type this key into your authenticator app:";
    /// Beside the picture, above the key. This and what follows: at most 32 columns.
    KEY = "Key:";
    /// Beside the picture.
    account(name) = "Account: {name}";
    /// Beside the picture: the kind of code, for apps that ask. `period` is in seconds.
    kind(digits, period) = "Time based, {digits} digits, {period} s";
    /// Beside the picture. `i` and `t` stay as they are.
    CANNOT_SCAN = "Can't scan it? Type i to invert\nit, or t for text only.";
    /// Beside the picture, in a login.
    REQUIRED = "A second step is required here.";
    /// Beside the picture, where the login is known to end.
    time_left(seconds) = "This login ends in {seconds} s.";
    /// Beside the picture, in sshd, whose default is 120 s (LoginGraceTime).
    ABOUT_TIME = "You have about 2 minutes.";

    /// Asks for the first of two codes.
    FIRST_CODE_PROMPT = "First code: ";
    /// Asks for the second of two codes.
    NEXT_CODE_PROMPT = "Next code (wait until it changes): ";
    /// After anything that is no code of the new key.
    NOT_OF_THIS_KEY = "That code does not match this key. Are you reading it from the new entry?";
    /// After the first code was typed again.
    SAME_CODE = "That is the same code. Wait until the app shows a new one.";
    /// After a right code that does not follow the first one: it counts as the first.
    NOT_CONSECUTIVE = "That code does not follow the first one. Now type the one after it.";

    /// Above the recovery codes.
    WRITE_DOWN = "Write down these recovery codes. They are not shown again.\nEach one replaces a code from the app once.";
    /// Below the recovery codes; their last group is 4 characters long. `number` counts from 1.
    confirm_prompt(number) = "To confirm that you have them, type the last 4 characters of code {number}: ";
    /// After another answer.
    not_last_group(number) = "Those are not the last 4 characters of code {number}. Look at the list above.";

    /// After too many answers that are no two consecutive codes.
    CODES_DO_NOT_MATCH = "The codes did not match the new key.";
    /// After a right code of a phone whose clock is wrong. `duration` is such as "4 minutes".
    clock_is_fast(duration) = "The code is right, but your phone's clock is {duration} fast.\nSet the phone to network time.";
    /// The same for a clock that is slow.
    clock_is_slow(duration) = "The code is right, but your phone's clock is {duration} slow.\nSet the phone to network time.";
    /// After too many answers that are not the last group of that code.
    CODES_NOT_CONFIRMED = "The recovery codes were not confirmed.";
    /// After each of these, in a login.
    TRY_AGAIN = "Nothing was saved. Delete the new entry in your app, then log in again.";
}

/// Why an enrollment was not confirmed.
pub fn mismatch(mismatch: Mismatch) -> String {
    match mismatch {
        Mismatch::Codes => CODES_DO_NOT_MATCH.to_owned(),
        Mismatch::Clock(offset) if offset > 0 => clock_is_fast(duration(offset.unsigned_abs())),
        Mismatch::Clock(offset) => clock_is_slow(duration(offset.unsigned_abs())),
        Mismatch::RecoveryCodes => CODES_NOT_CONFIRMED.to_owned(),
    }
}

/// A time in whole hours, else in whole minutes, else in seconds.
pub(super) fn duration(seconds: u64) -> String {
    let (number, unit) = match seconds {
        3600.. if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        60.. if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_in_minutes_how_wrong_a_clock_is() {
        let text = |offset| mismatch(Mismatch::Clock(offset));
        assert!(text(240).contains("your phone's clock is 4 minutes fast."), "{}", text(240));
        assert!(text(-60).contains("your phone's clock is 1 minute slow."));
        assert!(text(-90).contains("your phone's clock is 90 seconds slow."));
        assert!(text(3600).contains("your phone's clock is 1 hour fast."));
        assert!(text(-19_800).contains("your phone's clock is 330 minutes slow."));
        assert!(text(-36_000).contains("your phone's clock is 10 hours slow."));
    }
}
