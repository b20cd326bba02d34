//! How a login ends, and the one table that says how each refusal looks from outside.

mod cause;
pub(crate) mod log_text;
pub mod origin;
pub mod refusals;

use crate::time::{Step, UnixTime};

pub use cause::Cause;
pub use origin::{Occasion, Origin};

/// The end of one pass through the auth stack.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A code was accepted, and the acceptance is on disk.
    Grant(Accepted),
    /// The user is enrolling in this login. Nothing is stored yet: the account phase stores the enrollment or refuses
    /// the login.
    Enrolling,
    /// The policy asks this user for no second step here.
    Exempt(Exemption),
    /// The login is refused for this reason.
    Deny(Denial),
}

/// What was accepted as the second step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How the second step was proved.
    pub proof: Proof,
    /// How many recovery codes are left; none if the user never had any.
    pub recovery_left: Option<u8>,
    /// By how many seconds the phone's clock is ahead, if the code was more than one period off.
    pub clock: Option<i64>,
    /// The codes that were refused since the last success and before this conversation, if there are any.
    pub earlier: Option<EarlierFailures>,
}

/// Codes and recovery codes that were refused in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EarlierFailures {
    /// How many; never 0.
    pub refused: u16,
    /// When the last one was, if that is known.
    pub last: Option<UnixTime>,
    /// The programs at which they were typed.
    pub by: AttemptCounter,
    /// Where the last one was typed, if that is known.
    pub from: Option<Origin>,
}

/// The programs whose failures are counted together. Each kind has its own count, so that a program of the user cannot
/// use up the tries of sshd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptCounter {
    /// Programs that run as root: sshd, login, sudo, su.
    Hosts,
    /// The helper, which any program of the user can start.
    Helper,
}

/// How the user proved the second step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With a code of an authenticator.
    Code {
        /// The label of the authenticator that made it.
        authenticator: String,
        /// By how many seconds the code's step differs from the present one. This is roughly the difference of the
        /// clocks.
        offset: i64,
    },
    /// With a recovery code, which is now used up.
    RecoveryCode,
}

/// Why no code was asked for.
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
    /// The deciding rule's mode is `opt-in`, and this user has not enrolled.
    NotEnrolled,
}

/// The clock offset at which a refused code would have been right.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct ClockOffset {
    /// The label of the authenticator that makes this code.
    pub authenticator: String,
    /// By how many seconds the phone's clock is ahead of this machine's.
    pub offset: i64,
    /// The step to which the code belongs.
    pub step: Step,
}

/// What a user can still use when their codes are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alternative {
    /// Nothing: no recovery code is usable, or none would help.
    None,
    /// A recovery code is still accepted.
    RecoveryCode,
}

/// What is wrong with a ticket. Only the log says so; the user reads only that the ticket is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TicketFault {
    /// No ticket was issued for this user.
    None,
    /// The ticket has expired.
    Expired,
    /// Wrong tickets were typed too often.
    Dead,
    /// The user typed another ticket.
    Wrong,
    /// The typed text does not have the shape of a ticket.
    NotATicket,
}

/// Why an enrollment was not confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// Too many answers were not two codes in a row.
    Codes,
    /// Too many answers did not confirm the recovery codes.
    RecoveryCodes,
}

/// Why a login is refused.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Denial {
    /// The answer does not have the shape of a code. It was not charged.
    NotACode,
    /// sshd has replaced the answer by a text of its own: it refuses this user, whatever they type.
    RefusedBySshd,
    /// No authenticator shows this code now.
    WrongCode {
        /// Failures in a row, this one included.
        failures: u16,
        /// Set if the code belongs to a step near the window.
        clock_offset: Option<ClockOffset>,
    },
    /// This is not a recovery code of this user, or it was used before.
    WrongRecoveryCode {
        /// Wrong recovery codes in a row, this one included.
        failures: u16,
    },
    /// This code or a later one was used before.
    Replayed {
        /// Failures in a row, this one included.
        failures: u16,
    },
    /// Too many failures in a row: codes are refused for a time.
    Waiting {
        /// When codes are looked at again.
        until: UnixTime,
        /// When the code was refused.
        now: UnixTime,
        /// What the user can still use.
        alternative: Alternative,
    },
    /// Too many failures in a row: codes are disabled until an administrator acts.
    Disabled {
        /// The canonical name of the account.
        name: String,
        /// What the user can still use.
        alternative: Alternative,
    },
    /// Too many wrong recovery codes in a row: they are disabled until an administrator acts.
    RecoveryDisabled {
        /// The canonical name of the account.
        name: String,
    },
    /// The mark is in the future: this machine's clock is wrong, or was.
    ClockAnomaly {
        /// The canonical name of the account.
        name: String,
        /// The replay high-water mark of the state.
        mark: UnixTime,
        /// When the code was refused.
        now: UnixTime,
        /// What the user can still use.
        alternative: Alternative,
    },
    /// The name service does not know this account.
    UnknownUser,
    /// The second step is mandatory here, and this user is not enrolled.
    NotEnrolled {
        /// Why this login cannot enroll the user; none if the policy allows no enrollment here.
        cause: Option<Cause>,
    },
    /// The enrollment needs a ticket, and the answer is not the right one.
    WrongTicket(TicketFault),
    /// The user did not prove that the app works and that they have read the recovery codes.
    NotConfirmed(Mismatch),
    /// Another process enrolled this account after the dialogue began.
    EnrolledMeanwhile,
    /// The policy requires a second step, but the account phase finds no proof from the auth phase.
    Skipped,
    /// The auth phase enrolled the user, but the account phase has not stored the enrollment.
    NotStored {
        /// PAM_SERVICE of the login.
        service: String,
    },
    /// Nothing shows that the user proved a first factor.
    NoFirstFactor {
        /// The method that `first_factor=` names; none if any method is accepted.
        method: Option<String>,
    },
    /// A file, lock, clock or look-up failed; the cause is for the log only.
    Unavailable(Cause),
    /// The policy or a module argument is wrong; the cause is for the log only.
    Misconfigured(Cause),
    /// The application cannot ask, or the user ended the conversation.
    Conversation,
    /// Another denial that looks like a wrong code, because a stranger may be asking. The log shows the other one.
    Concealed(Box<Denial>),
}

/// The kind of program that asks. What repairs a login depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Program {
    /// sshd, under any service name.
    Sshd,
    /// A program whose PAM line asks a single question (`forward_pass`).
    OneQuestion,
    /// Any other program.
    #[default]
    Other,
}

/// The return values to libpam, from Linux-PAM's `_pam_types.h`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[repr(i32)]
pub enum PamCode {
    /// PAM_SUCCESS: the login may go on.
    Success = 0,
    /// PAM_SERVICE_ERR: the module cannot do its work.
    ServiceErr = 3,
    /// PAM_PERM_DENIED: permission denied.
    PermDenied = 6,
    /// PAM_AUTH_ERR: authentication failed.
    AuthErr = 7,
    /// PAM_AUTHINFO_UNAVAIL: the information to authenticate with is unavailable.
    AuthinfoUnavail = 9,
    /// PAM_MAXTRIES: no further try is allowed.
    MaxTries = 11,
    /// PAM_CRED_UNAVAIL: for an auth line with `sshd_accepted=`, sshd has accepted the method.
    CredUnavail = 15,
    /// PAM_CRED_ERR: credentials cannot be set.
    CredErr = 17,
    /// PAM_CONV_ERR: the conversation failed.
    ConvErr = 19,
    /// PAM_IGNORE: the module has no say in this login.
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

/// What follows a denial in the same conversation.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Next {
    /// Ask again, if tries are left.
    AskAgain,
    /// Show one more prompt with the reason: sudo and `ssh -q` show only prompts.
    OneMorePrompt,
    /// Ask nothing more.
    Stop,
}

/// How one denial looks from outside: one row of the table.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Outward {
    /// The return value to libpam.
    pub code: PamCode,
    /// The word in the log line.
    pub reason: &'static str,
    /// The log line's priority.
    pub priority: Priority,
    /// What follows in the same conversation.
    pub next: Next,
}

impl Verdict {
    /// The return value to libpam.
    pub fn pam_code(&self) -> PamCode {
        match self {
            Self::Grant(_) | Self::Enrolling => PamCode::Success,
            Self::Exempt(_) => PamCode::Ignore,
            Self::Deny(denial) => denial.outward().code,
        }
    }
}

impl Denial {
    /// How this refusal looks from outside. Only this function decides it.
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
            // A slip, as for a code.
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
            Self::Concealed(denial) => {
                let Outward { reason, priority, .. } = denial.outward();
                row(AuthErr, reason, priority, AskAgain)
            }
        }
    }

    /// Whether only an enrolled user can get this denial, and its text says so. A wrong code looks the same for all.
    pub fn reveals_enrollment(&self) -> bool {
        matches!(
            self,
            Self::Waiting { .. }
                | Self::Disabled { .. }
                | Self::RecoveryDisabled { .. }
                | Self::ClockAnomaly { .. }
        )
    }
}

/// Whether `mark`, which is in the future, is near. Then waiting is better than resetting the mark, because a reset
/// would make used codes valid again.
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
    fn returns_documented_code_for_each_denial() {
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
    fn conceals_each_denial_that_reveals_enrollment() {
        let wrong = every_denial()[2].outward();
        let revealing: Vec<_> = every_denial().into_iter().filter(Denial::reveals_enrollment).collect();
        assert_eq!(revealing.len(), 4);
        for denial in revealing {
            let Outward { code, next, .. } = denial.outward();
            assert!(code != wrong.code && next == Next::OneMorePrompt, "{denial:?}");
            let Outward { reason, priority, .. } = denial.outward();
            let expected = Outward { reason, priority, ..wrong };
            assert_eq!(Denial::Concealed(Box::new(denial)).outward(), expected);
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
