//! Enrollment outside of a login.

use crate::dialogue::ask::{self, Question};
use crate::dialogue::enroll::{self, EnrollmentTerms, IssuedEnrollment, Place};
use crate::dialogue::screen::Screen;
use crate::login::audit::Value;
use crate::proof::code::LongCode;
use crate::proof::ticket::Ticket;
use crate::store::enroll as stored;
use crate::store::files::credential::{
    Conflict, Credential, MOST_AUTHENTICATORS, NewEnrollment, check_label,
};
use crate::store::{Store, StoredRecord};
use crate::verdict::{Denial, TicketFault};
use crate::words::account as words;
use crate::words::login::TICKET_PROMPT;

use super::act::{Act, ActLog, WithStore};
use super::failure::Failure;
use super::{Actor, Context, Frontend, Logged, log_last, no_answer_accepted};

/// Tickets that may be typed in one conversation.
const TRIES: u8 = 3;

impl<M: WithStore> Context<'_, M> {
    /// Enrolls an authenticator with this label.
    pub(super) fn enroll(
        &self,
        frontend: &mut impl Frontend,
        label: &str,
        screen: Screen,
    ) -> Result<Act<String>, Failure> {
        check_label(label).map_err(|problem| Failure::refused(problem.to_string(), words::CHOOSE_LABEL))?;
        // Checked before the dialogue: later, the user would have typed two codes for nothing.
        let enrolled = self.credential_with_room(label)?;
        self.check_state()?;
        match enrolled {
            Some(_) => self.enroll_further(frontend, label, screen)?,
            None => self.enroll_first(frontend, label, screen)?,
        }
        let text = words::enrolled(self.reader(), label);
        Ok(Act::done("enroll", format!(" authenticator={}", Value(label)), text))
    }

    fn enroll_first(&self, frontend: &mut impl Frontend, label: &str, screen: Screen) -> Result<(), Failure> {
        let ticket = if self.needs_ticket()? { Some(self.ask_ticket(frontend)?) } else { None };
        let enrollment = self.dialogue(frontend, label, screen, self.policy.enrollment.recovery_codes)?;
        let enrollment = NewEnrollment { ticket, ..enrollment };
        self.check_still_wanted(&enrollment)?;
        stored::enroll(&self.store, self.account, enrollment).map_err(|denial| self.explain(denial))
    }

    /// A dialogue takes minutes, so an administrator's change in that time counts.
    fn check_still_wanted(&self, enrollment: &NewEnrollment) -> Result<(), Failure> {
        let refused = match &enrollment.ticket {
            Some(ticket) if ticket.is_over(self.machine.now()?) => TicketFault::Expired,
            None if self.renewed()?.needs_ticket()? => TicketFault::None,
            Some(_) | None => return Ok(()),
        };
        Err(self.explain(Denial::WrongTicket(refused)))
    }

    /// A user who has another phone already has recovery codes.
    fn enroll_further(
        &self,
        frontend: &mut impl Frontend,
        label: &str,
        screen: Screen,
    ) -> Result<(), Failure> {
        let basis = self.prove(frontend, words::PROVE_IT)?;
        let enrollment = self.dialogue(frontend, label, screen, 0)?;
        self.record()?.change(|credential, state| {
            let credential = self.credential_on(&basis, credential, state, words::DELETE_ENTRY)?;
            let change = stored::further(credential, state, &enrollment);
            Ok((change.map_err(|denial| self.explain(denial))?, ()))
        })
    }

    pub(super) fn dialogue(
        &self,
        frontend: &mut impl Frontend,
        label: &str,
        screen: Screen,
        recovery_codes: u8,
    ) -> Result<NewEnrollment, Failure> {
        let issuer = self.issuer();
        let terms = EnrollmentTerms { recovery_codes, screen, ..self.terms(&issuer, label) };
        enroll::enroll(frontend, self.machine, &terms).map_err(|denial| self.explain(denial))
    }

    /// Enrolls a first authenticator without a question to the user: only an administrator may do this. Calls
    /// `hand_over` before anything is stored; if it fails, nothing is stored.
    pub fn issue(
        &self,
        log: &mut impl ActLog,
        label: &str,
        hand_over: impl FnOnce(&IssuedEnrollment) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        check_label(label).map_err(|problem| Failure::refused(problem.to_string(), words::CHOOSE_LABEL))?;
        if self.store.is_enrolled(self.account)? {
            return Err(self.no_room(Conflict::SameLabel, label));
        }
        self.check_state()?;
        let issuer = self.issuer();
        let issued = enroll::issue(self.machine, &self.terms(&issuer, label))?;
        hand_over(&issued)?;
        stored::enroll(&self.store, self.account, issued.enrollment)
            .map_err(|denial| self.explain(denial))?;
        let act = Act::done("enroll", format!(" authenticator={} confirmed=no", Value(label)), ());
        act.log(&self.account.into(), log);
        Ok(())
    }

    fn issuer(&self) -> String {
        self.policy.enrollment.issuer.clone().unwrap_or_else(|| self.machine.name())
    }

    fn terms<'t>(&'t self, issuer: &'t str, label: &'t str) -> EnrollmentTerms<'t> {
        EnrollmentTerms {
            account: &self.account.name,
            issuer,
            label,
            wanted: &self.policy.enrollment,
            skew_steps: self.policy.verification.skew_steps,
            recovery_codes: self.policy.enrollment.recovery_codes,
            screen: Screen::UNKNOWN,
            place: Place::Command,
        }
    }

    /// Whether a first enrollment needs a ticket.
    fn needs_ticket(&self) -> Result<bool, Failure> {
        let wanted = self.actor == Actor::Owner && self.policy.enrollment.require_ticket;
        Ok(wanted && self.obligation()?.is_some())
    }

    fn ask_ticket(&self, frontend: &mut impl Frontend) -> Result<Ticket, Failure> {
        let question =
            Question { why: words::NEEDS_TICKET, prompt: TICKET_PROMPT, tries: TRIES, shows_end: false };
        let mut asker = Logged::new(frontend);
        let asked = ask::until_accepted(&mut asker, &question, |_, answer| {
            let typed = LongCode::parse(answer).ok_or(Denial::WrongTicket(TicketFault::NotATicket))?;
            self.machine.check_ticket(self.account, &typed)
        });
        let Logged { frontend, why, .. } = asker;
        asked.map_err(|denial| {
            let is_refused = matches!(denial, Denial::Conversation | Denial::WrongTicket(_));
            let failure = if is_refused {
                no_answer_accepted(&denial, words::NO_TICKET_ACCEPTED, &why)
            } else {
                denial.clone().into()
            };
            log_last(frontend, denial);
            failure
        })
    }

    /// The credential, if there is one. Fails if no other authenticator with this label may be added to it.
    fn credential_with_room(&self, label: &str) -> Result<Option<Credential>, Failure> {
        let Some(credential) = self.present_credential()? else { return Ok(None) };
        credential.check_room(label).map_err(|conflict| self.no_room(conflict, label))?;
        Ok(Some(credential))
    }

    fn no_room(&self, conflict: Conflict, label: &str) -> Failure {
        let reader = self.reader();
        match conflict {
            Conflict::SameLabel => {
                Failure::refused(words::already_enrolled(reader, label), words::how_to_add(reader))
            }
            Conflict::Full => Failure::refused(
                words::too_many(reader, MOST_AUTHENTICATORS),
                words::how_to_remove_one(reader),
            ),
        }
    }

    /// Fails if the state belongs to another account, or would refuse the new codes. The user learns this before the
    /// dialogue.
    pub(super) fn check_state(&self) -> Result<(), Failure> {
        let checked = self.machine.check_enrollable(self.account, &self.policy.verification);
        checked.map_err(|denial| {
            if matches!(denial, Denial::ClockAnomaly { .. }) {
                return Failure::refused(denial.cause(), words::THEN_ENROLL);
            }
            denial.into()
        })
    }
}
