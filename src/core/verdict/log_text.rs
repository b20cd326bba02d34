//! Why a login is refused, for the administrator: the text of `cause=` in the log line.

use std::borrow::Cow;
use std::error::Error;

use crate::fault::Fault;
use crate::paths::PAM_DIR;

use super::cause::Cause;
use super::{Denial, Mismatch, Program, TicketFault, is_soon};

impl From<Fault> for Denial {
    fn from(fault: Fault) -> Self {
        Self::unavailable(fault)
    }
}

impl Denial {
    /// The denial for a failed file, lock, clock or look-up, with the failure as its cause.
    pub fn unavailable(fact: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Cause::new(fact))
    }

    /// The denial for a wrong policy or module argument, with the error as its cause.
    pub fn misconfigured(fact: impl Error + Send + Sync + 'static) -> Self {
        Self::Misconfigured(Cause::new(fact))
    }

    /// The cause; empty if the reason word says it all.
    pub fn cause(&self) -> Cow<'_, str> {
        self.cause_in(Program::Other)
    }

    /// The cause where `program` asks. What to do is at the end, because a log line keeps its end, however long the
    /// rest is.
    pub fn cause_in(&self, program: Program) -> Cow<'_, str> {
        match self {
            Self::Unavailable(cause) | Self::Misconfigured(cause) => cause.to_string().into(),
            Self::NotEnrolled { cause } => {
                cause.as_ref().map_or_else(|| "".into(), |cause| format!("cannot enroll here: {cause}").into())
            }
            Self::NoFirstFactor { method: Some(method) } => format!(
                "first_factor={method}, and sshd has not accepted that method: set AuthenticationMethods in sshd_config"
            )
            .into(),
            Self::NoFirstFactor { method: None } => {
                "sshd has accepted no key, and no PAM line before pam_twostep asked for a password: fix the PAM stack, or \
                 add first_factor=any"
                    .into()
            }
            Self::RefusedBySshd => {
                "sshd refuses this user: see PermitRootLogin, AllowUsers, DenyUsers and the user's shell".into()
            }
            Self::Disabled { name, .. } | Self::RecoveryDisabled { name } => {
                format!("to end this, run 'twostep unlock {name}'").into()
            }
            Self::WrongTicket(fault) => fault.cause().into(),
            Self::NotConfirmed(mismatch) => mismatch.cause().into(),
            Self::Skipped => format!("no code was asked for: {}", how_it_was_skipped(program)).into(),
            Self::NotStored { service } => format!(
                "the user enrolled, and no account line stored it: put 'account required pam_twostep.so' before all other \
                 account lines of {PAM_DIR}/{service}"
            )
            .into(),
            Self::ClockAnomaly { name, mark, now, .. } => {
                let ahead = mark.since(*now).unwrap_or(0);
                let then = if is_soon(*mark, *now) {
                    format!("retry in {ahead} s")
                } else {
                    format!("set the clock, then run 'twostep unlock {name} --reset-clock'")
                };
                format!("last accepted code is {ahead} s ahead of the clock: {then}").into()
            }
            Self::Conversation => why_nobody_answers(program).into(),
            Self::Concealed(denial) => denial.cause_in(program),
            Self::NotACode
            | Self::WrongCode { .. }
            | Self::WrongRecoveryCode { .. }
            | Self::Replayed { .. }
            | Self::Waiting { .. }
            | Self::UnknownUser
            | Self::EnrolledMeanwhile => "".into(),
        }
    }
}

/// Why the auth line was not run, and what to do.
pub(crate) const fn how_it_was_skipped(program: Program) -> &'static str {
    match program {
        Program::Sshd => {
            "in sshd_config set 'AuthenticationMethods publickey,keyboard-interactive:pam' or \
             'AuthenticationMethods keyboard-interactive:pam', and 'KbdInteractiveAuthentication yes'; if these are set, a \
             line in the PAM file skips the pam_twostep auth line or ends the stack before it: run 'twostep doctor'"
        }
        Program::OneQuestion | Program::Other => {
            "a line in the PAM file skips the pam_twostep auth line or ends the stack before it: run 'twostep doctor'"
        }
    }
}

const fn why_nobody_answers(program: Program) -> &'static str {
    match program {
        Program::Sshd => {
            "the user disconnected, or sshd used its method 'password', which cannot ask for a code: set \
             'KbdInteractiveAuthentication yes' and 'PasswordAuthentication no' in sshd_config"
        }
        Program::OneQuestion => "the user disconnected, or the program does not ask for PAM",
        Program::Other => {
            "the user disconnected, or the program cannot ask: if it asks for a password only, put 'auth required \
             pam_twostep.so forward_pass' before the line that checks the password"
        }
    }
}

impl TicketFault {
    const fn cause(self) -> &'static str {
        match self {
            Self::None => "the user has no ticket: issue one with 'twostep ticket'",
            Self::Expired => "the ticket has expired",
            Self::Dead => "the ticket was mistyped too often and is no longer valid",
            Self::Wrong => "wrong ticket",
            Self::NotATicket => "this does not have the format of a ticket",
        }
    }
}

impl Mismatch {
    const fn cause(self) -> &'static str {
        match self {
            Self::Codes => "the codes did not match the new key",
            Self::RecoveryCodes => "the recovery codes were not confirmed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;
    use crate::verdict::Alternative;

    #[test]
    fn logs_what_is_wrong_with_ticket() {
        use TicketFault::{Dead, Expired, None, NotATicket, Wrong};
        let table = [
            (None, "has no ticket"),
            (Expired, "has expired"),
            (Dead, "mistyped too often"),
            (Wrong, "wrong ticket"),
            (NotATicket, "the format of a ticket"),
        ];
        for (fault, cause) in table {
            let denial = Denial::WrongTicket(fault);
            assert!(denial.cause().contains(cause), "{}", denial.cause());
        }
    }

    #[test]
    fn logs_whether_to_wait_for_mark_or_reset_it() {
        let now = UnixTime::new(100);
        let cause = |ahead| {
            let (name, mark) = ("ada".to_owned(), now.plus(ahead));
            let denial = Denial::ClockAnomaly { name, mark, now, alternative: Alternative::None };
            denial.cause().into_owned()
        };
        assert_eq!(cause(600), "last accepted code is 600 s ahead of the clock: retry in 600 s");
        let far = "last accepted code is 601 s ahead of the clock: set the clock, then run 'twostep unlock ada --reset-clock'";
        assert_eq!(cause(601), far);
    }
}
