//! What a login ends with, and the one table that says how each refusal looks from outside.

use std::borrow::Cow;

use crate::time::UnixTime;

/// The end of one pass through the auth stack.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A code was accepted, and that fact is on disk.
    Grant(Accepted),
    /// The policy asks nothing of this person here.
    Exempt(Exemption),
    /// Everything else.
    Deny(Denial),
}

/// Which authenticator made the accepted code.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The authenticator's label.
    pub authenticator: String,
    /// By how many seconds the code's step differs from the present one: how far the clocks differ, roughly.
    pub offset: i64,
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
pub struct Elsewhere {
    /// The authenticator's label.
    pub authenticator: String,
    /// By how many seconds the phone's clock is ahead of this machine's.
    pub offset: i64,
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
        elsewhere: Option<Elsewhere>,
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
    },
    /// Too many failures in a row: codes are disabled until an administrator acts.
    Disabled {
        /// The canonical name of the account.
        name: String,
    },
    /// The mark lies in the future: this machine's clock was wrong once, or is now.
    ClockAnomaly {
        /// The canonical name of the account.
        name: String,
        /// The mark.
        mark: UnixTime,
        /// When the code was refused.
        now: UnixTime,
    },
    /// No such account.
    UnknownUser,
    /// The second step is mandatory here, and this person has none.
    NotEnrolled,
    /// Nothing shows that a first factor was proved.
    NoFirstFactor(String),
    /// A file, lock, clock or look-up failed; the cause is for the log only.
    Unavailable(String),
    /// The policy or a module argument is wrong; the cause is for the log only.
    Misconfigured(String),
    /// The application cannot ask, or the person went away.
    Conversation,
}

/// What libpam is told: the return values of Linux-PAM's `_pam_types.h`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[repr(i32)]
pub enum PamCode {
    /// PAM_SUCCESS
    Success = 0,
    /// PAM_SERVICE_ERR
    ServiceErr = 3,
    /// PAM_AUTH_ERR
    AuthErr = 7,
    /// PAM_AUTHINFO_UNAVAIL
    AuthinfoUnavail = 9,
    /// PAM_MAXTRIES
    MaxTries = 11,
    /// PAM_CONV_ERR
    ConvErr = 19,
    /// PAM_IGNORE
    Ignore = 25,
}

/// How urgent a log line is: the priorities of syslog(3).
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[repr(i32)]
pub enum Priority {
    /// LOG_ERR
    Err = 3,
    /// LOG_WARNING
    Warning = 4,
    /// LOG_NOTICE
    Notice = 5,
    /// LOG_INFO
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
            Self::Grant(_) => PamCode::Success,
            Self::Exempt(_) => PamCode::Ignore,
            Self::Deny(denial) => denial.outward().code,
        }
    }
}

impl Denial {
    /// How this refusal looks from outside: the only place that decides it.
    pub fn outward(&self) -> Outward {
        use Next::{AskAgain, OneMorePrompt, Stop};
        use PamCode::{AuthErr, AuthinfoUnavail, ConvErr, MaxTries, ServiceErr};
        use Priority::{Err, Notice, Warning};
        let row = |code, reason, priority, next| Outward { code, reason, priority, next };
        match self {
            Self::NotACode => row(AuthErr, "not-a-code", Notice, AskAgain),
            Self::RefusedBySshd => row(AuthErr, "refused-by-sshd", Notice, AskAgain),
            Self::WrongCode { .. } => row(AuthErr, "wrong-code", Notice, AskAgain),
            Self::Replayed { .. } => row(AuthErr, "replayed", Notice, AskAgain),
            Self::Waiting { .. } => row(MaxTries, "locked", Warning, OneMorePrompt),
            Self::Disabled { .. } => row(MaxTries, "disabled", Warning, OneMorePrompt),
            Self::ClockAnomaly { .. } => row(AuthinfoUnavail, "clock-anomaly", Warning, OneMorePrompt),
            Self::UnknownUser => row(AuthErr, "unknown-user", Notice, AskAgain),
            Self::NotEnrolled => row(AuthErr, "not-enrolled", Notice, AskAgain),
            Self::NoFirstFactor(_) => row(AuthErr, "no-first-factor", Warning, Stop),
            Self::Unavailable(_) => row(AuthinfoUnavail, "unavailable", Err, Stop),
            Self::Misconfigured(_) => row(ServiceErr, "misconfigured", Err, Stop),
            Self::Conversation => row(ConvErr, "conversation", Notice, Stop),
        }
    }

    /// What the person reads. The cause is not in it: that stands in the log, for the administrator.
    pub fn text(&self) -> String {
        match self {
            Self::NotACode
            | Self::RefusedBySshd
            | Self::WrongCode { .. }
            | Self::Replayed { .. }
            | Self::UnknownUser
            | Self::NotEnrolled
            | Self::Conversation => "Not accepted. Each code works once: wait for the next one.".to_owned(),
            Self::Waiting { until, now } => format!(
                "Too many wrong codes. No code is accepted before {until} UTC (in {} s).",
                until.since(*now).unwrap_or(0)
            ),
            Self::Disabled { name } => format!(
                "Too many wrong codes: codes are disabled. Ask your administrator to run 'twostep unlock {name}'."
            ),
            Self::ClockAnomaly { mark, now, .. } if is_soon(*mark, *now) => {
                format!("This machine's clock was set back. No code is accepted before {mark} UTC.")
            }
            Self::ClockAnomaly { name, .. } => format!(
                "No code can be accepted: this machine's clock is or was wrong. \
                 Ask your administrator to set it and run 'twostep unlock {name} --reset-clock'."
            ),
            Self::NoFirstFactor(_) | Self::Unavailable(_) | Self::Misconfigured(_) => {
                "Verification is unavailable. Ask your administrator.".to_owned()
            }
        }
    }

    /// Why, in words for the administrator; empty where the reason says it all.
    pub fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::NoFirstFactor(cause) | Self::Unavailable(cause) | Self::Misconfigured(cause) => cause.into(),
            Self::RefusedBySshd => {
                "sshd lets nobody in as this user: see PermitRootLogin, AllowUsers, DenyUsers and the user's shell".into()
            }
            Self::Disabled { name } => format!("'twostep unlock {name}' ends this").into(),
            Self::ClockAnomaly { name, mark, now } => {
                let ahead = mark.since(*now).unwrap_or(0);
                let then = if is_soon(*mark, *now) {
                    "wait so long".to_owned()
                } else {
                    format!("set the clock, then run 'twostep unlock {name} --reset-clock'")
                };
                format!("the last code used lies {ahead} s in the future: {then}").into()
            }
            Self::Conversation => "the application cannot ask, or the person went away; sshd cannot ask by its password \
                                   method, only by keyboard-interactive"
                .into(),
            Self::NotACode
            | Self::WrongCode { .. }
            | Self::Replayed { .. }
            | Self::Waiting { .. }
            | Self::UnknownUser
            | Self::NotEnrolled => "".into(),
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

    fn every_denial() -> Vec<Denial> {
        let (now, until) = (UnixTime::new(100), UnixTime::new(130));
        let name = "ada".to_owned();
        vec![
            Denial::NotACode,
            Denial::RefusedBySshd,
            Denial::WrongCode { failures: 1, elsewhere: None },
            Denial::Replayed { failures: 1 },
            Denial::Waiting { until, now },
            Denial::Disabled { name: name.clone() },
            Denial::ClockAnomaly { name, mark: until, now },
            Denial::UnknownUser,
            Denial::NotEnrolled,
            Denial::NoFirstFactor(String::new()),
            Denial::Unavailable(String::new()),
            Denial::Misconfigured(String::new()),
            Denial::Conversation,
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
        assert_eq!(codes, [7, 7, 7, 7, 11, 11, 9, 7, 7, 7, 9, 3, 19]);
    }

    #[test]
    fn an_unknown_user_reads_what_a_wrong_code_reads() {
        let texts: Vec<String> = every_denial().iter().map(Denial::text).collect();
        for other in [0, 1, 3, 7, 8] {
            assert_eq!(texts[other], texts[2]);
            assert_eq!(every_denial()[other].outward().next, every_denial()[2].outward().next);
        }
    }

    #[test]
    fn who_must_wait_reads_until_when() {
        let text = every_denial()[4].text();
        assert!(text.contains("before 00:02:10 UTC (in 30 s)"), "{text}");
    }

    #[test]
    fn reasons_are_distinct_words() {
        let mut reasons: Vec<&str> = every_denial().iter().map(|denial| denial.outward().reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        assert_eq!(reasons.len(), every_denial().len());
    }
}
