//! What a login asks and says.

use crate::proof::code::Shape;
use crate::time::Day;
use crate::verdict::refusals::Refusals;
use crate::verdict::{
    Accepted, Alternative, AttemptCounter, Denial, EarlierFailures, Origin, Proof, is_soon,
};

use super::enrollment::{self, duration};

/// From how many recovery codes on each login says how to get new ones.
const FEW: u8 = 2;

crate::words! {
    /// Asks for a code of an app, or a recovery code.
    CODE_PROMPT = "Verification code: ";
    /// Asks for a ticket.
    TICKET_PROMPT = "Enrollment ticket: ";
    /// Asks for password and code in one answer. It begins with "Password", by which programs without a user know what to send.
    BOTH_PROMPT = "Password and verification code: ";
    /// In a prompt after the reason of a refusal, which ssh -q and sudo show nowhere else. Any answer ends the login.
    END_PROMPT = "Press Enter to disconnect: ";

    /// After a recovery code; `left` are unused.
    recovery_code_accepted(left) = "Recovery code accepted. Unused codes left: {left}.";
    /// After a code of an app, where few recovery codes are left.
    few_recovery_codes(left) = "Recovery codes left: {left}.";
    /// After a recovery code.
    LOST_PHONE = "Lost your phone? Run 'twostep replace'.";
    /// Where few recovery codes are left.
    NEW_RECOVERY_CODES = "For new ones, run 'twostep recovery'.";

    /// After an empty answer. This text and the next four are also for users who are unknown or not enrolled: they must not tell which.
    NOTHING_TYPED = "You typed nothing. Type the code that your app shows, or a recovery code.";
    /// After an answer with fewer characters than any code.
    TOO_SHORT = "That is too short for a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.";
    /// After an answer of digits only, which are not 6 to 8. `digits` is their number.
    wrong_number_of_digits(digits) = "That is not a code: you typed {digits} digits. A code has 6 to 8 digits,\na recovery code 16 letters and digits.";
    /// After another answer that is no code.
    NOT_A_CODE = "That is not a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.";
    /// After any other answer that is not accepted.
    NOT_ACCEPTED = "That code was not accepted. If you have just used it, wait for the next one;\notherwise check the app's entry and your phone's clock.";
    /// After an accepted code, if a code before it in the same login was a used one.
    WAS_ALREADY_USED = "An earlier code was refused because it was already used.";
    /// After two codes of a phone whose clock is wrong. `duration` is such as "4 minutes".
    clock_is_fast(duration) = "Your phone's clock is {duration} fast. Set it to network time.";
    /// The same for a clock that is slow.
    clock_is_slow(duration) = "Your phone's clock is {duration} slow. Set it to network time.";
    /// After an accepted code. `codes` is such as "3 codes were"; `last` is empty or says when.
    refused_since_login(codes, last) = "{codes} refused since your last login{last}.";
    /// The same for programs of the user, such as a screen locker, which have a count of their own.
    refused_at_own_programs(codes, last) = "{codes} refused at your own programs{last}.";
    /// One code was refused.
    ONE_CODE = "1 code was";
    /// Several codes were refused.
    codes(count) = "{count} codes were";
    /// When the last code was refused. `day` is such as 2027-01-15, `time` such as 14:03:22.
    last_at(day, time) = ", last at {day} {time} UTC";
    /// Below the number of refused codes, if the last one came over the network. `host` is an address or a name, `service` such
    /// as sshd.
    last_from_host(host, service) = "The last one came by {service} from\n{host}.";
    /// The same for one that was typed at the machine itself.
    last_from_here(service) = "The last one was typed at this machine ({service}).";
    /// After the number of refused codes.
    IF_NOT_YOU = "If that was not you, change your password and tell your administrator.";
    /// After an accepted code, where 'twostep enable' has just made the service ask for one.
    AWAITS_KEEP = "It works. Now run 'sudo twostep keep', or this is taken back soon.";
    /// After too many wrong codes; `until` is a date and a time.
    locked(until, seconds) = "Too many wrong codes. Try again after {until} UTC (in {seconds} s).";
    /// After even more wrong codes. `name` is the account.
    DISABLED = "Too many wrong codes: codes are disabled.";
    /// After too many wrong recovery codes.
    RECOVERY_DISABLED = "Too many wrong recovery codes: they are disabled.";
    /// After either. `name` is the account.
    ask_to_unlock(name) = "Ask your administrator to run\n'twostep unlock {name}'.";
    /// After the text of a lockout that a recovery code ends.
    USE_RECOVERY_CODE = "A recovery code works now.";
    /// Where the last accepted code is a little ahead of the clock. `until` is a date and a time.
    clock_set_back(until) = "This machine's clock was set back. Try again after {until} UTC.";
    /// Where the last accepted code is far ahead of the clock. `name` is the account.
    clock_wrong(name) = "No code can be accepted: this machine's clock is or was wrong.\nAsk your administrator to set it and to run\n'twostep unlock {name} --reset-clock'.";
    /// After a failed file, look-up or setting, of which the log says more.
    UNAVAILABLE = "Verification is unavailable. Ask your administrator to run 'twostep doctor'.";
    /// Where a login came without a code to a service that needs one.
    SKIPPED = "A second step is required here, and this login did not ask for it.\nAsk your administrator to set AuthenticationMethods in sshd_config.";
    /// Where another login enrolled the account during the dialogue.
    ENROLLED_MEANWHILE = "This account was enrolled by another login. Nothing of this one was saved.\nIf that was not you, tell your administrator at once.";
    /// After a wrong ticket; it must not tell whether one exists.
    WRONG_TICKET = "That ticket was not accepted. Ask your administrator for one.";

    /// Above the question for a ticket.
    NEEDS_TICKET = "A second step is required here. Get a ticket from your administrator.";
    /// After an enrollment in a login.
    ENROLLED = "Your second step is set up. From now on, logins here ask for a code.";
    /// Before the second step becomes mandatory on `day`.
    starts(day) = "From {day} on, a second step is required here, and you have none yet.\nTo set it up, run 'twostep enroll'.";
}

/// What a login tells after an accepted code, if anything. `refusals` has the answers before it.
pub fn granted(granted: &Accepted, refusals: &Refusals, awaits_keep: bool) -> Option<String> {
    let lines = [
        accepted(granted),
        refusals.has_replay().then(|| WAS_ALREADY_USED.to_owned()),
        refusals.clock().or(granted.clock).map(clock_is_off),
        granted.earlier.map(refused_before),
        awaits_keep.then(|| AWAITS_KEEP.to_owned()),
    ];
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn refused_before(earlier: EarlierFailures) -> String {
    let EarlierFailures { refused, last, by, from } = earlier;
    let codes = if refused == 1 { ONE_CODE.to_owned() } else { codes(refused) };
    let last = last.and_then(|last| Some(last_at(Day::of(last)?, last))).unwrap_or_default();
    let text = match by {
        AttemptCounter::Hosts => refused_since_login(codes, last),
        AttemptCounter::Helper => refused_at_own_programs(codes, last),
    };
    let from = from.map(|from| format!("\n{}", last_from(&from))).unwrap_or_default();
    format!("{text}{from}\n{IF_NOT_YOU}")
}

fn last_from(from: &Origin) -> String {
    match (from.host(), from.service()) {
        ("", service) => last_from_here(service),
        (host, service) => last_from_host(host, service),
    }
}

/// By how much a phone's clock is wrong: `offset` seconds, negative if it is slow.
pub(crate) fn clock_is_off(offset: i64) -> String {
    let off = duration(offset.unsigned_abs());
    if offset > 0 { clock_is_fast(off) } else { clock_is_slow(off) }
}

/// What follows an accepted code, if anything.
fn accepted(accepted: &Accepted) -> Option<String> {
    let left = accepted.recovery_left?;
    match accepted.proof {
        Proof::RecoveryCode if left > FEW => Some(format!("{}\n{LOST_PHONE}", recovery_code_accepted(left))),
        Proof::RecoveryCode => {
            Some(format!("{}\n{NEW_RECOVERY_CODES}\n{LOST_PHONE}", recovery_code_accepted(left)))
        }
        Proof::Code { .. } => few_left(left),
    }
}

/// What a user must know who has only `left` recovery codes; none if these are enough.
pub(crate) fn few_left(left: u8) -> Option<String> {
    (left <= FEW).then(|| format!("{} {NEW_RECOVERY_CODES}", few_recovery_codes(left)))
}

/// The text for an answer of this shape that is not accepted. It depends on nothing else, so that it does not tell who
/// is known or enrolled.
fn not_accepted(shape: Shape) -> String {
    match shape {
        Shape::MayBeCode => NOT_ACCEPTED.to_owned(),
        Shape::Empty => NOTHING_TYPED.to_owned(),
        Shape::TooShort => TOO_SHORT.to_owned(),
        Shape::Digits(digits) => wrong_number_of_digits(digits),
        Shape::NotACode => NOT_A_CODE.to_owned(),
    }
}

/// Why a login is refused.
pub fn denied(denial: &Denial) -> String {
    refused(denial, Shape::MayBeCode)
}

/// Why an answer of this shape is refused. The cause is not in it: that is in the log, for the administrator.
pub fn refused(denial: &Denial, shape: Shape) -> String {
    match denial {
        Denial::NotACode
        | Denial::RefusedBySshd
        | Denial::WrongCode { .. }
        | Denial::WrongRecoveryCode { .. }
        | Denial::Replayed { .. }
        | Denial::UnknownUser
        | Denial::NotEnrolled { .. }
        | Denial::Conversation
        | Denial::Concealed(_) => not_accepted(shape),
        Denial::Waiting { until, now, alternative } => {
            with_alternative(locked(until, until.since(*now).unwrap_or(0)), *alternative)
        }
        Denial::Disabled { name, alternative } => {
            with_alternative(format!("{DISABLED}\n{}", ask_to_unlock(name)), *alternative)
        }
        Denial::RecoveryDisabled { name } => format!("{RECOVERY_DISABLED}\n{}", ask_to_unlock(name)),
        Denial::ClockAnomaly { mark, now, alternative, .. } if is_soon(*mark, *now) => {
            with_alternative(clock_set_back(mark), *alternative)
        }
        Denial::ClockAnomaly { name, alternative, .. } => with_alternative(clock_wrong(name), *alternative),
        Denial::WrongTicket(_) => WRONG_TICKET.to_owned(),
        Denial::NotConfirmed(mismatch) => {
            format!("{}\n{}", enrollment::mismatch(*mismatch), enrollment::TRY_AGAIN)
        }
        Denial::EnrolledMeanwhile => ENROLLED_MEANWHILE.to_owned(),
        Denial::Skipped => SKIPPED.to_owned(),
        Denial::NotStored { .. }
        | Denial::NoFirstFactor { .. }
        | Denial::Unavailable(_)
        | Denial::Misconfigured(_) => UNAVAILABLE.to_owned(),
    }
}

fn with_alternative(text: String, alternative: Alternative) -> String {
    match alternative {
        Alternative::None => text,
        Alternative::RecoveryCode => format!("{text}\n{USE_RECOVERY_CODE}"),
    }
}

#[cfg(test)]
mod tests;
