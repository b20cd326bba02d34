//! What a login ends with, and the one table that says how each refusal looks from outside.

mod cause;
pub(crate) mod log_text;

use crate::time::UnixTime;

pub use cause::Cause;

/// The end of one pass through the auth stack.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A code was accepted, and that fact is on disk.
    Grant(Accepted),
    /// The person is enrolling in this login. Nothing is stored yet: the account phase does that, or refuses.
    Enrolling,
    /// The policy asks nothing of this person here.
    Exempt(Exemption),
    /// The login is refused, for this reason.
    Deny(Denial),
}

/// What was accepted as the second step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How the second step was proved.
    pub proof: Proof,
    /// Recovery codes that are left; none if the person never had any.
    pub recovery_left: Option<u8>,
}

/// How somebody proved the second step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a code of an authenticator.
    Code {
        /// The label of the authenticator that made it.
        authenticator: String,
        /// By how many seconds the code's step differs from the present one: how far the clocks differ, roughly.
        offset: i64,
    },
    /// By a recovery code, which is used up.
    RecoveryCode,
}

/// Why nothing was asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Exemption {
    /// The name of the deciding rule, `default` for the policy's own `mode`.
    pub rule: String,
    /// What the rule says.
    pub reason: ExemptionReason,
}

/// The two ways to pass without a second step.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum ExemptionReason {
    /// The deciding rule's mode is `exempt`.
    Exempt,
    /// The deciding rule's mode is `opt-in`, and this person has not enrolled.
    NotEnrolled,
}

/// Where a refused code would have belonged, had the clocks agreed.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct ClockOffset {
    /// The label of the authenticator that makes this code.
    pub authenticator: String,
    /// By how many seconds the phone's clock is ahead of this machine's.
    pub offset: i64,
}

/// What still works for a person whose codes are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alternative {
    /// No recovery code is usable, or none would help.
    None,
    /// A recovery code is still accepted.
    RecoveryCode,
}

/// What is wrong with a ticket. For the log only: the person is told that it is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TicketFault {
    /// No ticket was issued for this person.
    None,
    /// It was valid, and its time is over.
    Expired,
    /// It was mistyped too often.
    Dead,
    /// Another one was typed.
    Wrong,
    /// What was typed does not have the shape of a ticket.
    NotATicket,
}

/// Why an enrollment was not confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// The codes were wrong too often.
    Codes,
    /// The code is right, but by this many seconds early (the phone is fast) or late (negative: it is slow).
    Clock(i64),
    /// Nobody could tell what the recovery codes were.
    RecoveryCodes,
}

/// Why a login is refused.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Denial {
    /// The answer does not have the shape of a code. Nothing was charged.
    NotACode,
    /// sshd has put something else in place of the answer: it will not let this person in, whatever is typed.
    RefusedBySshd,
    /// No authenticator makes this code now.
    WrongCode {
        /// Failures in a row, this one included.
        failures: u16,
        /// Set if the code belongs to a step near the window.
        clock_offset: Option<ClockOffset>,
    },
    /// This is no recovery code of theirs, or it was used before.
    WrongRecoveryCode {
        /// Wrong recovery codes in a row, this one included.
        failures: u16,
    },
    /// The code was used before, or a later one was.
    Replayed {
        /// Failures in a row, this one included.
        failures: u16,
    },
    /// Too many failures in a row: wait.
    Waiting {
        /// From when on codes are looked at again.
        until: UnixTime,
        /// When the code was refused.
        now: UnixTime,
        /// What the person can still do.
        alternative: Alternative,
    },
    /// Too many failures in a row: codes are disabled until an administrator acts.
    Disabled {
        /// The canonical name of the account.
        name: String,
        /// What the person can still do.
        alternative: Alternative,
    },
    /// Too many wrong recovery codes in a row: they are disabled until an administrator acts.
    RecoveryDisabled {
        /// The canonical name of the account.
        name: String,
    },
    /// The mark lies in the future: this machine's clock was wrong once, or is now.
    ClockAnomaly {
        /// The canonical name of the account.
        name: String,
        /// The replay high-water mark of the state.
        mark: UnixTime,
        /// When the code was refused.
        now: UnixTime,
        /// What the person can still do.
        alternative: Alternative,
    },
    /// The name service knows no such account.
    UnknownUser,
    /// The second step is mandatory here, and this person has none.
    NotEnrolled {
        /// Why this login cannot enroll the user; none where the policy does not want it to.
        cause: Option<Cause>,
    },
    /// An enrollment needs a ticket, and this is none.
    WrongTicket(TicketFault),
    /// The person did not prove that the app works and that the recovery codes were read.
    NotConfirmed(Mismatch),
    /// Somebody else enrolled this account since the dialogue began.
    EnrolledMeanwhile,
    /// The account phase finds nothing that the auth phase has proved, though the policy wants a second step.
    Skipped,
    /// The auth phase has enrolled somebody, and the account phase has not stored it.
    NotStored {
        /// PAM_SERVICE of the login.
        service: String,
    },
    /// Nothing shows that a first factor was proved.
    NoFirstFactor {
        /// The method that `first_factor=` names; none if any would do.
        method: Option<String>,
    },
    /// A file, lock, clock or look-up failed; the cause is for the log only.
    Unavailable(Cause),
    /// The policy or a module argument is wrong; the cause is for the log only.
    Misconfigured(Cause),
    /// The application cannot ask, or the person went away.
    Conversation,
}

/// What kind of program asks: what mends a login depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Program {
    /// sshd, under whatever name.
    Sshd,
    /// One whose PAM line asks a single question (`forward_pass`).
    OneQuestion,
    /// Any other.
    #[default]
    Other,
}

/// What libpam is told: the return values of Linux-PAM's `_pam_types.h`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[repr(i32)]
pub enum PamCode {
    /// PAM_SUCCESS: success, the login may go on.
    Success = 0,
    /// PAM_SERVICE_ERR: the module cannot do its work.
    ServiceErr = 3,
    /// PAM_PERM_DENIED: permission denied.
    PermDenied = 6,
    /// PAM_AUTH_ERR: authentication failed.
    AuthErr = 7,
    /// PAM_AUTHINFO_UNAVAIL: what is needed to authenticate cannot be had.
    AuthinfoUnavail = 9,
    /// PAM_MAXTRIES: no further try is allowed.
    MaxTries = 11,
    /// PAM_CRED_ERR: credentials cannot be set.
    CredErr = 17,
    /// PAM_CONV_ERR: the conversation failed.
    ConvErr = 19,
    /// PAM_IGNORE: the module says nothing.
    Ignore = 25,
}

/// How urgent a log line is: the priorities of syslog(3).
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[repr(i32)]
pub enum Priority {
    /// LOG_ERR: an error condition.
    Err = 3,
    /// LOG_WARNING: a warning condition.
    Warning = 4,
    /// LOG_NOTICE: normal, but significant.
    Notice = 5,
    /// LOG_INFO: informational.
    Info = 6,
}

/// What follows a denial within the same conversation.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Next {
    /// Ask again, as long as tries are left.
    AskAgain,
    /// One more prompt, so that the person reads the reason: sudo and `ssh -q` show nothing but prompts.
    OneMorePrompt,
    /// Nothing more to ask.
    Stop,
}

/// One row of the table outward.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Outward {
    /// What libpam is told.
    pub code: PamCode,
    /// The word in the log line.
    pub reason: &'static str,
    /// The log line's priority.
    pub priority: Priority,
    /// What follows in the conversation.
    pub next: Next,
}

impl Verdict {
    /// What libpam is told.
    pub fn pam_code(&self) -> PamCode {
        match self {
            Self::Grant(_) | Self::Enrolling => PamCode::Success,
            Self::Exempt(_) => PamCode::Ignore,
            Self::Deny(denial) => denial.outward().code,
        }
    }
}

impl Denial {
    /// How this refusal looks from outside: the only place that decides it.
    pub fn outward(&self) -> Outward {
        use Next::{AskAgain, OneMorePrompt, Stop};
        use PamCode::{AuthErr, AuthinfoUnavail, ConvErr, CredErr, MaxTries, PermDenied, ServiceErr};
        use Priority::{Err, Notice, Warning};
        let row = |code, reason, priority, next| Outward { code, reason, priority, next };
        match self {
            Self::NotACode => row(AuthErr, "not-a-code", Notice, AskAgain),
            Self::RefusedBySshd => row(AuthErr, "refused-by-sshd", Notice, AskAgain),
            Self::WrongCode { .. } => row(AuthErr, "wrong-code", Notice, AskAgain),
            Self::WrongRecoveryCode { .. } => row(AuthErr, "wrong-recovery-code", Notice, AskAgain),
            Self::Replayed { .. } => row(AuthErr, "replayed", Notice, AskAgain),
            Self::Waiting { .. } => row(MaxTries, "locked", Warning, OneMorePrompt),
            Self::Disabled { .. } => row(MaxTries, "disabled", Warning, OneMorePrompt),
            Self::RecoveryDisabled { .. } => row(MaxTries, "recovery-disabled", Warning, OneMorePrompt),
            Self::ClockAnomaly { .. } => row(AuthinfoUnavail, "clock-anomaly", Warning, OneMorePrompt),
            Self::UnknownUser => row(AuthErr, "unknown-user", Notice, AskAgain),
            Self::NotEnrolled { .. } => row(AuthErr, "not-enrolled", Notice, AskAgain),
            // A slip, as with codes.
            Self::WrongTicket(TicketFault::NotATicket) => row(AuthErr, "not-a-ticket", Notice, AskAgain),
            Self::WrongTicket(
                TicketFault::None | TicketFault::Expired | TicketFault::Dead | TicketFault::Wrong,
            ) => row(AuthErr, "wrong-ticket", Warning, AskAgain),
            Self::NotConfirmed(_) => row(AuthErr, "not-confirmed", Notice, OneMorePrompt),
            Self::EnrolledMeanwhile => row(PermDenied, "enrolled-meanwhile", Warning, Stop),
            Self::Skipped => row(PermDenied, "second-step-skipped", Warning, Stop),
            Self::NotStored { .. } => row(CredErr, "not-stored", Err, Stop),
            Self::NoFirstFactor { .. } => row(AuthErr, "no-first-factor", Warning, Stop),
            Self::Unavailable(_) => row(AuthinfoUnavail, "unavailable", Err, Stop),
            Self::Misconfigured(_) => row(ServiceErr, "misconfigured", Err, Stop),
            Self::Conversation => row(ConvErr, "conversation", Notice, Stop),
        }
    }
}

/// Whether a mark in the future is soon reached. Waiting then is better than putting it back, which would make used codes
/// usable.
pub fn is_soon(mark: UnixTime, now: UnixTime) -> bool {
    const SOON: u64 = 600;
    mark.since(now).is_some_and(|ahead| ahead <= SOON)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> crate::fault::Fault {
        crate::fault::Fault::file("/x", crate::fault::FileProblem::Missing)
    }

    fn every_denial() -> Vec<Denial> {
        let (now, until) = (UnixTime::new(100), UnixTime::new(130));
        let name = "ada".to_owned();
        vec![
            Denial::NotACode,
            Denial::RefusedBySshd,
            Denial::WrongCode { failures: 1, clock_offset: None },
            Denial::Replayed { failures: 1 },
            Denial::Waiting { until, now, alternative: Alternative::None },
            Denial::Disabled { name: name.clone(), alternative: Alternative::RecoveryCode },
            Denial::ClockAnomaly { name: name.clone(), mark: until, now, alternative: Alternative::None },
            Denial::UnknownUser,
            Denial::NotEnrolled { cause: None },
            Denial::NoFirstFactor { method: None },
            Denial::unavailable(cause()),
            Denial::misconfigured(cause()),
            Denial::Conversation,
            Denial::WrongRecoveryCode { failures: 1 },
            Denial::RecoveryDisabled { name },
            Denial::WrongTicket(TicketFault::None),
            Denial::NotConfirmed(Mismatch::Codes),
            Denial::EnrolledMeanwhile,
            Denial::Skipped,
            Denial::NotStored { service: "sshd".to_owned() },
        ]
    }

    #[test]
    fn no_denial_becomes_success_or_ignore() {
        for denial in every_denial() {
            let code = Verdict::Deny(denial.clone()).pam_code();
            assert!(!matches!(code, PamCode::Success | PamCode::Ignore), "{denial:?}");
        }
    }

    #[test]
    fn each_denial_has_the_code_that_the_design_gives_it() {
        let codes: Vec<i32> = every_denial().iter().map(|denial| denial.outward().code as i32).collect();
        assert_eq!(codes, [7, 7, 7, 7, 11, 11, 9, 7, 7, 7, 9, 3, 19, 7, 11, 7, 7, 6, 6, 17]);
    }

    #[test]
    fn asks_unknown_user_again_as_after_a_wrong_code() {
        for other in [0, 1, 3, 7, 8, 13] {
            assert_eq!(every_denial()[other].outward().next, every_denial()[2].outward().next);
        }
    }

    #[test]
    fn calls_mark_soon_up_to_ten_minutes_ahead() {
        let now = UnixTime::new(100);
        let is_soon = |ahead| super::is_soon(now.plus(ahead), now);
        assert_eq!([0, 600, 601].map(is_soon), [true, true, false]);
        assert!(!super::is_soon(UnixTime::new(99), now), "it is in the past");
    }

    #[test]
    fn reasons_are_distinct_words() {
        let mut reasons: Vec<&str> = every_denial().iter().map(|denial| denial.outward().reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), every_denial().len());
    }
}
