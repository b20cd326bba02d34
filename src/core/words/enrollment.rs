//! What the dialogue of an enrollment asks and says.

use crate::verdict::Mismatch;

crate::words! {
    /// The first line of the screen, in a login. It and what follows have at most 60 columns a line.
    REQUIRED = "A second step is required here.";
    /// In the first line, if there is a picture. `t` and `i` stay as they are.
    TYPE_T = "Type t for text only.";
    /// In the first line, if there is no picture.
    TYPE_I = "Type i for a picture.";
    /// In a login that is known to end.
    time_left(seconds) = "This login ends in {seconds} s.";
    /// Why there is no picture. Two sizes, such as "80x24", in columns and rows.
    small_window(window, needed) =
        "Your window is {window}, and the picture needs {needed}.\nFor the picture, enlarge the window and type i.";
    /// Above account and key, if a picture follows.
    SCAN = "Scan this code with your authenticator app, or type the key:";
    /// Above account and key, if no picture follows.
    TYPE_KEY = "Type this key into your authenticator app:";
    /// The account, for apps that ask.
    account(name) = "Account: {name}";
    /// The same with the issuer, which apps show beside it.
    account_at(name, issuer) = "Account: {name} ({issuer})";
    /// Before the key.
    KEY = "Key:";
    /// The kind of code, for apps that ask. `period` is in seconds.
    kind(digits, period) = "Time based, {digits} digits, {period} s";
    /// Below the picture. A prompt follows on the same line.
    TYPE_I_TO_INVERT = "Type i to invert it.";

    /// Asks for the first of two codes.
    FIRST_CODE_PROMPT = "First code: ";
    /// Asks for the only code, where one is enough.
    ONLY_CODE_PROMPT = "Code from your app: ";
    /// Asks for the second of two codes.
    NEXT_CODE_PROMPT = "Next code (wait until it changes): ";
    /// After an answer that is no code, such as '?'. `i` and `t` stay as they are.
    what_to_type(digits) =
        "Type the {digits} digits that your app shows now.\nOr type i for the picture, i again to invert it,\nor t for text only.";
    /// After a code that is not of the new key.
    NOT_OF_THIS_KEY = "That code does not match this key.\nAre you reading it from the new entry?";
    /// After the first code was typed again.
    SAME_CODE = "That is the same code. Wait until the app shows a new one.";
    /// After a right code that does not follow the first one: it counts as the first.
    NOT_CONSECUTIVE = "That code does not follow the first one.\nNow type the one after it.";
    /// After a right code of a phone whose clock is wrong. `duration` is such as "4 minutes".
    clock_is_fast(duration) =
        "The code is right. Your phone's clock is {duration} fast:\nset it to network time, then type the code that it shows.";
    /// The same for a clock that is slow.
    clock_is_slow(duration) =
        "The code is right. Your phone's clock is {duration} slow:\nset it to network time, then type the code that it shows.";

    /// Above the recovery codes.
    WRITE_DOWN = "Write down these recovery codes. They are not shown again.\nEach works once, in place of a code from the app.";
    /// Below the recovery codes; their last group is 4 characters long. `number` counts from 1.
    confirm_prompt(number) =
        "To confirm that you have them, type the last 4 characters of\nrecovery code {number}: ";
    /// After another answer.
    not_last_group(number) =
        "That is not the end of recovery code {number}.\nLook at the list above. To see it again, type ?.";

    /// After too many answers that are no two consecutive codes, in a login.
    CODES_DO_NOT_MATCH = "The codes did not match the new key.";
    /// After too many answers that are not the last group of that code, in a login.
    CODES_NOT_CONFIRMED = "The recovery codes were not confirmed.";
    /// After each of these.
    TRY_AGAIN = "Nothing was saved. Delete the new entry in your app,\nthen log in again.";
}

/// Why an enrollment was not confirmed.
pub fn mismatch(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Codes => CODES_DO_NOT_MATCH,
        Mismatch::RecoveryCodes => CODES_NOT_CONFIRMED,
    }
}

/// That the phone's clock is this many seconds fast or, if negative, slow.
pub(crate) fn wrong_clock(offset: i64) -> String {
    let duration = duration(offset.unsigned_abs());
    if offset > 0 { clock_is_fast(duration) } else { clock_is_slow(duration) }
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
        let text = wrong_clock;
        assert!(text(240).contains("Your phone's clock is 4 minutes fast:"), "{}", text(240));
        assert!(text(-60).contains("Your phone's clock is 1 minute slow:"));
        assert!(text(-90).contains("Your phone's clock is 90 seconds slow:"));
        assert!(text(3600).contains("Your phone's clock is 1 hour fast:"));
        assert!(text(-19_800).contains("Your phone's clock is 330 minutes slow:"));
        assert!(text(-36_000).contains("Your phone's clock is 10 hours slow:"));
    }
}
