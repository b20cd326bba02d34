//! The account phase: it stores the enrollment of a login, and refuses a user who skipped a required second step. Also
//! its backstop in setcred.

use std::error::Error;
use std::fmt;

use crate::login::application::{Application, Handoff, HandoffKind};
use crate::login::audit::{self, Enrolled};
use crate::login::machine::Machine;
use crate::login::pam_call::{PamCall, Required};
use crate::os::account::Account;
use crate::policy::{Methods, Mode, Policy};
use crate::store::files::credential::NewEnrollment;
use crate::verdict::{Denial, TicketFault, Verdict};
use crate::words;

/// Decides the account phase of one login. It can only refuse: an `Ok` grants nothing.
pub fn admit(application: &mut impl Application, machine: &impl Machine) -> Result<(), Denial> {
    let handoff = application.take();
    let mut admission = Admission { call: PamCall::new(application, machine) };
    admission.admit(handoff).inspect_err(|denial| admission.refuse(denial))
}

/// Refuses a login because the PAM line is wrong.
pub fn misconfigured(
    application: &mut impl Application,
    machine: &impl Machine,
    problem: impl Error + Send + Sync + 'static,
) -> Denial {
    drop(application.take());
    let denial = Denial::misconfigured(problem);
    Admission { call: PamCall::new(application, machine) }.refuse(&denial);
    denial
}

/// The backstop: fails while an enrollment is pending. An application calls this only after the account phase. If the
/// enrollment is still pending, the account phase never reached the pam_twostep account line, and the login would go on
/// with nothing stored.
pub fn check_not_pending(application: &mut impl Application) -> Result<(), Denial> {
    if !application.is_pending() {
        return Ok(());
    }
    let items = application.items();
    // This is the name of an account, because an enrollment is pending only for an account.
    let who = audit::Who { user: items.user.clone(), ..items.who() };
    let denial = Denial::NotStored { service: items.service };
    application.log(&audit::line(&who, &Verdict::Deny(denial.clone())));
    Err(denial)
}

/// Why an enrollment is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NotStored {
    /// PAM_USER is another account than in the auth phase.
    OtherAccount,
    /// The service was removed from the policy's `enrollment.services`.
    ServiceRemoved,
    /// The policy's `enrollment.require-ticket` was switched on.
    TicketRequired,
}

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherAccount => "the account that logs in is not the one that enrolled",
            Self::ServiceRemoved => {
                "this service was removed from enrollment.services while the user enrolled"
            }
            Self::TicketRequired => "enrollment.require-ticket was switched on while the user enrolled",
        })
    }
}

impl Error for NotStored {}

/// Whether the log already says that this login was not asked for a code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Already,
    NotYet,
}

/// One account phase under way.
struct Admission<'a, A, M> {
    call: PamCall<'a, A, M>,
}

impl<A: Application, M: Machine> Admission<'_, A, M> {
    fn admit(&mut self, handoff: Option<Handoff>) -> Result<(), Denial> {
        let policy = self.call.machine.policy()?;
        if handoff.is_none() && !self.call.items.is_one_of(&policy.gate.services) {
            return Ok(());
        }
        let account = self.call.account()?.ok_or(Denial::UnknownUser)?;
        match handoff {
            Some(handoff) if handoff.is_for(&account, &self.call.items) => match handoff.kind {
                HandoffKind::Enrolling(enrollment) => {
                    self.store(&policy, &account, *enrollment)?;
                    // An application may call this again. An enrollment is stored only once.
                    self.keep(&account, HandoffKind::Passed)
                }
                HandoffKind::Passed => self.keep(&account, HandoffKind::Passed),
                HandoffKind::Unasked => self.pass_the_gate(&policy, &account, Told::Already),
            },
            Some(Handoff { kind: HandoffKind::Enrolling(_), .. }) => {
                Err(Denial::unavailable(NotStored::OtherAccount))
            }
            // A proof for another user proves nothing here, at any service.
            Some(Handoff { kind: HandoffKind::Passed | HandoffKind::Unasked, .. }) | None => {
                self.pass_the_gate(&policy, &account, Told::NotYet)
            }
        }
    }

    fn keep(&mut self, account: &Account, kind: HandoffKind) -> Result<(), Denial> {
        let Account { uid, name, .. } = account.clone();
        self.call.application.keep(Handoff { uid, name, service: self.call.items.service.clone(), kind })
    }

    fn store(&mut self, policy: &Policy, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
        self.check_still_wanted(policy, &enrollment)?;
        let enrolled = Enrolled::from(&enrollment);
        self.call.machine.enroll(account, enrollment)?;
        self.call.application.end_pending();
        // If the file has changed meanwhile, libpam still runs the lines that it read at the beginning.
        let behind = self.call.machine.check_account_phase(&self.call.items.service).unwrap_or_default();
        self.call.application.log(&audit::enrolled(&self.call.who, &enrolled, &behind));
        self.call.application.tell(words::login::ENROLLED);
        Ok(())
    }

    /// A dialogue takes minutes, so an administrator's change in that time counts.
    fn check_still_wanted(&self, policy: &Policy, enrollment: &NewEnrollment) -> Result<(), Denial> {
        if !policy.enrollment.services.contains(&self.call.items.service) {
            return Err(Denial::unavailable(NotStored::ServiceRemoved));
        }
        match &enrollment.ticket {
            None if policy.enrollment.require_ticket => Err(Denial::unavailable(NotStored::TicketRequired)),
            Some(ticket) if ticket.is_over(self.call.machine.now()?) => {
                Err(Denial::WrongTicket(TicketFault::Expired))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// SSH keys skip the whole auth stack. A user who must prove a second step and comes here without one is refused.
    /// If the second step becomes mandatory on a later day, only users who are not enrolled are told: the others need
    /// not do anything.
    fn pass_the_gate(&mut self, policy: &Policy, account: &Account, told: Told) -> Result<(), Denial> {
        let items = self.call.items.clone();
        let methods = Methods::AtLeast(items.methods_of_sshd().collect());
        let required = self.call.decide(policy, account, &methods)?;
        let required = self.call.heed_requirement(required, account)?;
        match required.mode {
            Mode::Mandatory => return Err(Denial::Skipped),
            Mode::OptIn => self.let_in_unasked(&required, account, told),
            Mode::Exempt => {}
        }
        Ok(())
    }

    /// Lets in a user whose second step is optional. If they are enrolled, the log says once per login that they were not
    /// asked for a code. A failed look-up does not refuse the login.
    fn let_in_unasked(&mut self, required: &Required, account: &Account, told: Told) {
        match self.call.machine.is_enrolled(account) {
            Ok(true) => {
                if told == Told::NotYet {
                    self.call.application.log(&audit::unasked(&self.call.who));
                }
                let _ = self.keep(account, HandoffKind::Unasked); // if this fails, the line is written once more
            }
            Ok(false) => {
                if let Some(text) = required.text() {
                    self.call.application.tell(&text);
                }
            }
            Err(denial) => {
                let cause = denial.cause();
                self.call.remark(&format!("let in without a code, though perhaps enrolled: {cause}"));
            }
        }
    }

    fn refuse(&mut self, denial: &Denial) {
        self.call.application.tell(&words::login::denied(denial));
        self.call.log(&Verdict::Deny(denial.clone()));
    }
}

#[cfg(test)]
mod tests;
