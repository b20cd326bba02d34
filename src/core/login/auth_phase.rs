//! The auth phase of one login, from the PAM items to the verdict.

use std::error::Error;

use crate::dialogue::ask::{self, Asker, Question};
use crate::dialogue::conversation::Conversation;
use crate::dialogue::enroll::{self, EnrollmentTerms, Place};
use crate::dialogue::screen::Screen;
use crate::login::application::{Application, Handoff, HandoffKind, PamItems};
use crate::login::machine::Machine;
use crate::login::not_here::NotHere;
use crate::login::pam_call::{PamCall, Required};
use crate::os::account::Account;
use crate::policy::{Methods, Mode, Policy, Verification};
use crate::proof::code::{LongCode, Shape, Typed};
use crate::proof::forward::{self, Parts};
use crate::proof::ticket::Ticket;
use crate::store::files::credential::NewEnrollment;
use crate::verdict::refusals::Refusals;
use crate::verdict::{
    Accepted, Cause, Denial, Exemption, ExemptionReason, Next, Origin, PamCode, Program, TicketFault, Verdict,
};
use crate::verify;
use crate::words::login as words;

/// Tickets that may be typed in one conversation.
const TICKET_TRIES: u8 = 3;
/// The label of an authenticator that was enrolled in a login.
const LABEL: &str = "phone";
/// The only period, in seconds, with which a login is long enough for two codes.
const PERIOD: u64 = 30;

/// The options of the PAM line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LineOptions {
    /// What the user must have proved before.
    pub first_factor: FirstFactor,
    /// What the line asks for.
    pub question: LineQuestion,
    /// Whether `twostep enable` has just added the line, and somebody must keep it: the module argument `awaiting_keep`. It changes a
    /// text and nothing else.
    pub awaits_keep: bool,
}

/// What the PAM line asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LineQuestion {
    /// A code, as often as the policy allows.
    #[default]
    Code,
    /// Password and code in one answer, once: the module argument `forward_pass`.
    PasswordAndCode,
}

/// What the user must have proved before: the module argument `first_factor=`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FirstFactor {
    /// A password that an earlier line asked for or, in sshd, any method that sshd has accepted.
    #[default]
    PasswordOrMethod,
    /// This method of sshd.
    Method(String),
    /// Nothing, because the administrator has written so.
    Any,
}

/// Decides one login. Asks for a code if the policy requires one, enrolls a user who must have one and has none, and
/// logs each answer.
pub fn authenticate(
    application: &mut impl Application,
    machine: &impl Machine,
    options: &LineOptions,
) -> Verdict {
    forget(application);
    let mut login = Login { awaits_keep: options.awaits_keep, ..Login::new(application, machine) };
    if options.question == LineQuestion::PasswordAndCode && login.call.who.program == Program::Other {
        login.call.who.program = Program::OneQuestion;
    }
    match login.require(options) {
        Ok(Requirement::Nothing(account, required, reason)) => login.exempt(&account, required, reason),
        Ok(Requirement::Code(subject, rules)) => match options.question {
            LineQuestion::Code => login.prove(&subject, &rules),
            LineQuestion::PasswordAndCode => login.prove_at_once(&subject, &rules),
        },
        Ok(Requirement::Enrollment(account, policy)) => login.enroll(&account, &policy),
        Err(denial) => login.refuse(denial),
    }
}

/// Whether sshd has accepted this method before: the module argument `sshd_accepted=`. It asks and logs nothing, and decides only which
/// line comes next. It is never PAM_SUCCESS or PAM_IGNORE, which a control might take for a yes.
pub fn has_accepted(application: &mut impl Application, method: &str) -> PamCode {
    let is_accepted = application.items().methods_of_sshd().any(|accepted| accepted == method);
    if is_accepted { PamCode::CredUnavail } else { PamCode::AuthinfoUnavail }
}

/// Refuses a login because the PAM line is wrong.
pub fn misconfigured(
    application: &mut impl Application,
    machine: &impl Machine,
    problem: impl Error + Send + Sync + 'static,
) -> Verdict {
    forget(application);
    Login::new(application, machine).refuse(Denial::misconfigured(problem))
}

/// Drops the handoff of an earlier try: login(1) and sshd reuse a handle, even for another user.
fn forget(application: &mut impl Application) {
    drop(application.take());
    application.end_pending();
}

/// What a login must prove.
enum Requirement {
    /// The policy requires nothing, for this reason.
    Nothing(Account, Required, ExemptionReason),
    Code(Subject, Verification),
    /// The user must enroll in this login.
    Enrollment(Account, Policy),
}

/// The account whose codes can be accepted, or the denial with which every answer is refused. The user reads the text
/// of a wrong code in both cases, because the prompt must not reveal who exists and who is enrolled.
type Subject = Result<Account, Denial>;

/// One login under way.
struct Login<'a, A, M> {
    call: PamCall<'a, A, M>,
    refusals: Refusals,
    awaits_keep: bool,
}

impl<A: Application, M: Machine> Asker for Login<'_, A, M> {
    fn conversation(&mut self) -> &mut impl Conversation {
        self.call.application
    }

    /// At sshd the text depends on the length of the answer only: see [`is_put_there_by_sshd`].
    fn explain(&mut self, denial: &Denial, answer: &[u8]) -> String {
        self.refusals.add(denial);
        let is_sshd = self.call.items.is_sshd();
        let shape = if is_sshd { Shape::of_length(answer.len()) } else { Shape::of(answer) };
        words::refused(denial, shape)
    }

    fn log_denial(&mut self, denial: Denial) {
        self.call.log(&Verdict::Deny(denial));
    }
}

impl<'a, A: Application, M: Machine> Login<'a, A, M> {
    fn new(application: &'a mut A, machine: &'a M) -> Self {
        let call = PamCall::new(application, machine);
        Self { call, refusals: Refusals::default(), awaits_keep: false }
    }

    /// What the user must prove.
    fn require(&mut self, options: &LineOptions) -> Result<Requirement, Denial> {
        let account = self.call.account()?;
        check_first_factor(&self.call.items, &options.first_factor)?;
        let policy = self.call.machine.policy()?;
        let Some(account) = account else {
            return Ok(Requirement::Code(Err(Denial::UnknownUser), policy.verification));
        };
        let items = self.call.items.clone();
        let required = self.call.decide(&policy, &account, &Methods::Known(items.methods()))?;
        if required.mode == Mode::Exempt {
            return Ok(Requirement::Nothing(account, required, ExemptionReason::Exempt));
        }
        if self.call.machine.is_enrolled(&account)? {
            return Ok(Requirement::Code(Ok(account), policy.verification));
        }
        let required = self.call.heed_requirement(required, &account)?;
        Ok(match required.mode {
            Mode::Mandatory => match self.why_not_here(&policy, &account, &required, options) {
                None => Requirement::Enrollment(account, policy),
                Some(cause) => Requirement::Code(Err(cause), policy.verification),
            },
            Mode::OptIn | Mode::Exempt => {
                Requirement::Nothing(account, required, ExemptionReason::NotEnrolled)
            }
        })
    }

    /// Why a user who must have a second step and has none cannot enroll in this login, as a denial. None if they can.
    fn why_not_here(
        &self,
        policy: &Policy,
        account: &Account,
        required: &Required,
        options: &LineOptions,
    ) -> Option<Denial> {
        let items = &self.call.items;
        if !policy.enrollment.services.contains(&items.service) {
            return Some(Denial::NotEnrolled { cause: None });
        }
        let period = policy.enrollment.period.seconds();
        let reason = if required.is_assumed {
            NotHere::Assumed
        } else if period != PERIOD {
            NotHere::Period(period)
        } else if let Some(reason) = why_not_by(items, options) {
            reason
        } else if let Err(fault) = self.call.machine.check_account_phase(&items.service) {
            NotHere::AccountLine(fault)
        } else {
            NotHere::MayNotLogIn(self.call.machine.check_may_log_in(account).err()?)
        };
        Some(Denial::NotEnrolled { cause: Some(Cause::new(reason)) })
    }

    /// Asks for a code until one is accepted or the tries are used up.
    fn prove(&mut self, subject: &Subject, rules: &Verification) -> Verdict {
        let question = Question { why: "", prompt: words::CODE_PROMPT, tries: rules.tries, shows_end: true };
        match ask::until_accepted(self, &question, |login, answer| login.judge(subject, rules, answer)) {
            Ok((account, accepted)) => self.grant(account, accepted),
            Err(denial) => self.refuse(denial),
        }
    }

    /// Asks once, for password and code in one answer. A second prompt would do harm: a program that can ask only one
    /// question would give the same answer again, and the user would be charged for it.
    fn prove_at_once(&mut self, subject: &Subject, rules: &Verification) -> Verdict {
        // This is looked up before the question: after the answer, there are 5 s to judge it.
        let lengths =
            subject.as_ref().map_or(Ok(Vec::new()), |account| self.call.machine.code_lengths(account));
        let asked =
            lengths.and_then(|lengths| Ok((lengths, self.call.application.ask_hidden(words::BOTH_PROMPT)?)));
        let (lengths, answer) = match asked {
            Ok(asked) => asked,
            Err(denial) => return self.refuse(denial),
        };
        match self.judge_end(subject, rules, &answer, &lengths) {
            Ok((account, accepted, password)) => self.grant_and_hand_on(account, accepted, password),
            Err(denial) => self.refuse(denial),
        }
    }

    /// Judges the code at the end of an answer. Returns the password before it.
    fn judge_end<'c, 't>(
        &mut self,
        subject: &'c Subject,
        rules: &Verification,
        answer: &'t [u8],
        lengths: &[u8],
    ) -> Result<(&'c Account, Accepted, &'t [u8]), Denial> {
        let checked = self.check_answer(answer);
        let account = subject.as_ref().map_err(|denial| {
            let typed = checked.as_ref().ok().and_then(|()| forward::split(answer, &[6]));
            self.pretend(typed.map(|parts| parts.typed).as_ref(), rules, denial)
        })?;
        checked?;
        let Parts { password, typed } = forward::split(answer, lengths).ok_or(Denial::NotACode)?;
        let judged = self.verify(account, &typed, rules);
        // The code comes before the password, so no earlier line has checked that.
        Ok((account, judged.map_err(|denial| self.conceal(denial, &typed, rules, |_| false))?, password))
    }

    fn judge<'c>(
        &mut self,
        subject: &'c Subject,
        rules: &Verification,
        answer: &[u8],
    ) -> Result<(&'c Account, Accepted), Denial> {
        let checked = self.check_answer(answer);
        let account = subject.as_ref().map_err(|denial| {
            let typed = checked.as_ref().ok().and_then(|()| Typed::parse(answer));
            self.pretend(typed.as_ref(), rules, denial)
        })?;
        checked?;
        let typed = Typed::parse(answer).ok_or(Denial::NotACode)?;
        let judged = self.verify(account, &typed, rules);
        let is_proved = |login: &Self| login.call.machine.proves_first_factor(&login.call.items.service);
        Ok((account, judged.map_err(|denial| self.conceal(denial, &typed, rules, is_proved))?))
    }

    /// The same denial if its text reveals nothing, or if a first factor was right. Otherwise a denial that looks like a
    /// wrong code: a stranger may be asking. `is_proved` is whether the stack shows a first factor.
    fn conceal(
        &self,
        denial: Denial,
        typed: &Typed,
        rules: &Verification,
        is_proved: impl Fn(&Self) -> bool,
    ) -> Denial {
        let may_know =
            || M::ASKED_BY_OWNER || self.call.items.methods_of_sshd().next().is_some() || is_proved(self);
        if !denial.reveals_enrollment() || may_know() {
            return denial;
        }
        self.pretend(Some(typed), rules, &Denial::Concealed(Box::new(denial)))
    }

    /// Takes as long to judge `typed` as for a user who can get in, then returns `denial`.
    fn pretend(&self, typed: Option<&Typed>, rules: &Verification, denial: &Denial) -> Denial {
        if let (Some(typed), Ok(now)) = (typed, self.call.machine.now()) {
            verify::pretend(typed, rules, now);
        }
        denial.clone()
    }

    /// Fails if the bytes are not an answer to the question, whatever their form.
    fn check_answer(&self, answer: &[u8]) -> Result<(), Denial> {
        if self.call.items.is_sshd() && is_put_there_by_sshd(answer) {
            return Err(Denial::RefusedBySshd);
        }
        if self.call.application.is_password(answer) { Err(Denial::NotACode) } else { Ok(()) }
    }

    fn verify(&mut self, account: &Account, typed: &Typed, rules: &Verification) -> Result<Accepted, Denial> {
        let from = Origin::new(&self.call.items.service, &self.call.items.rhost);
        self.call.machine.verify(account, typed, rules, &from, &mut |what| self.call.remark(what))
    }

    /// Ends a login in which a code was accepted.
    fn grant(&mut self, account: &Account, accepted: Accepted) -> Verdict {
        let text = words::granted(&accepted, &self.refusals, self.awaits_keep);
        self.pass(account, Verdict::Grant(accepted), text)
    }

    /// Like [`Self::grant`], for a stack in which a later line uses the password. The password is handed on last, so
    /// that a refused login leaves none.
    fn grant_and_hand_on(&mut self, account: &Account, accepted: Accepted, password: &[u8]) -> Verdict {
        let text = words::granted(&accepted, &self.refusals, self.awaits_keep);
        let kept = self.keep(account, HandoffKind::Passed);
        if let Err(denial) = kept.and_then(|()| self.call.application.hand_on(password)) {
            forget(self.call.application);
            return self.refuse(denial);
        }
        self.let_in(Verdict::Grant(accepted), text)
    }

    /// Ends a login that asked for nothing.
    fn exempt(&mut self, account: &Account, required: Required, reason: ExemptionReason) -> Verdict {
        let text = required.text();
        self.pass(account, Verdict::Exempt(Exemption { rule: required.rule, reason }), text)
    }

    /// Ends a login that is not refused: informs the account phase and the user.
    fn pass(&mut self, account: &Account, verdict: Verdict, text: Option<String>) -> Verdict {
        if let Err(denial) = self.keep(account, HandoffKind::Passed) {
            return self.refuse(denial);
        }
        self.let_in(verdict, text)
    }

    fn let_in(&mut self, verdict: Verdict, text: Option<String>) -> Verdict {
        self.call.log(&verdict);
        if let Some(text) = text {
            self.call.application.tell(&text);
        }
        verdict
    }

    fn keep(&mut self, account: &Account, kind: HandoffKind) -> Result<(), Denial> {
        let Account { uid, name, .. } = account.clone();
        self.call.application.keep(Handoff { uid, name, service: self.call.items.service.clone(), kind })
    }

    /// Enrolls the user. Nothing is stored here. The account phase does that, and applications enter it only if the
    /// whole auth stack has succeeded.
    ///
    /// It is not inlined: a login with a code would have its variables, 10 KiB, on the stack too, and wipe them.
    #[cold]
    #[inline(never)]
    fn enroll(&mut self, account: &Account, policy: &Policy) -> Verdict {
        let kept = self
            .confirm(account, policy)
            .and_then(|enrollment| self.keep(account, HandoffKind::Enrolling(Box::new(enrollment))));
        match kept {
            Ok(()) => Verdict::Enrolling,
            Err(denial) => self.break_off(denial),
        }
    }

    /// Ends an enrollment that is refused. The reason is in a prompt, because `ssh -q` shows nothing else; any answer
    /// ends the login.
    fn break_off(&mut self, denial: Denial) -> Verdict {
        if denial.outward().next != Next::OneMorePrompt {
            return self.refuse(denial);
        }
        let prompt = format!("{}\n{}", words::denied(&denial), words::END_PROMPT);
        let verdict = Verdict::Deny(denial);
        self.call.log(&verdict);
        let _ = self.call.application.ask(&prompt); // a user who has gone away reads nothing
        verdict
    }

    fn confirm(&mut self, account: &Account, policy: &Policy) -> Result<NewEnrollment, Denial> {
        self.call.machine.check_enrollable(account, &policy.verification)?;
        let ticket = if policy.enrollment.require_ticket { Some(self.ask_ticket(account)?) } else { None };
        self.call.log(&Verdict::Enrolling);
        let machine = self.call.machine;
        let issuer = policy.enrollment.issuer.clone().unwrap_or_else(|| machine.name());
        let terms = EnrollmentTerms {
            account: &account.name,
            issuer: &issuer,
            label: LABEL,
            wanted: &policy.enrollment,
            skew_steps: policy.verification.skew_steps,
            recovery_codes: policy.enrollment.recovery_codes,
            screen: self.screen(),
            place: Place::Login { seconds_left: self.call.items.time_left },
        };
        let enrollment = enroll::enroll(self.call.application, machine, &terms)?;
        Ok(NewEnrollment { ticket, ..enrollment })
    }

    /// The user's screen. In sshd it is the client's, of which nothing is known.
    fn screen(&mut self) -> Screen {
        if self.call.items.is_sshd() { Screen::UNKNOWN } else { self.call.application.screen() }
    }

    /// Asks for a ticket. The user reads no reason: the text does not reveal whether a ticket exists.
    fn ask_ticket(&mut self, account: &Account) -> Result<Ticket, Denial> {
        let question = Question {
            why: words::NEEDS_TICKET,
            prompt: words::TICKET_PROMPT,
            tries: TICKET_TRIES,
            shows_end: true,
        };
        ask::until_accepted(self, &question, |login, answer| {
            let is_password = login.call.application.is_password(answer);
            let typed = if is_password { None } else { LongCode::parse(answer) };
            let typed = typed.ok_or(Denial::WrongTicket(TicketFault::NotATicket))?;
            login.call.machine.check_ticket(account, &typed)
        })
    }

    /// Ends a login that is refused. The application itself reports a plain refusal, and a user who went away reads
    /// nothing.
    fn refuse(&mut self, denial: Denial) -> Verdict {
        if denial.outward().next != Next::AskAgain && denial != Denial::Conversation {
            self.call.application.tell(&words::denied(&denial));
        }
        let verdict = Verdict::Deny(denial);
        self.call.log(&verdict);
        verdict
    }
}

/// Why this login enrolls no user: it shows no texts, or a stranger could use it.
fn why_not_by(items: &PamItems, options: &LineOptions) -> Option<NotHere> {
    if options.question == LineQuestion::PasswordAndCode {
        return Some(NotHere::OneQuestion);
    }
    if items.silent {
        return Some(NotHere::Silent);
    }
    if !items.called_by_root {
        return Some(NotHere::StartedByUser);
    }
    // Otherwise the first stranger, without any proof, could choose the second factor of any user.
    let waived = options.first_factor == FirstFactor::Any && !items.is_sshd();
    (items.methods().is_empty() && !waived).then_some(NotHere::NoFirstFactor)
}

/// PAM does not report what the lines before found. In sshd, at least something must show that a first factor was
/// proved. Otherwise a stack of pam_twostep and `pam_permit` would let in every user who needs no code, and everyone
/// else with a code alone.
fn check_first_factor(items: &PamItems, first: &FirstFactor) -> Result<(), Denial> {
    let proved = match first {
        FirstFactor::Any => true,
        FirstFactor::Method(required) => items.methods_of_sshd().any(|method| method == required),
        FirstFactor::PasswordOrMethod => !items.is_sshd() || !items.methods().is_empty(),
    };
    if proved {
        return Ok(());
    }
    Err(Denial::NoFirstFactor {
        method: match first {
            FirstFactor::Method(required) => Some(required.clone()),
            FirstFactor::PasswordOrMethod | FirstFactor::Any => None,
        },
    })
}

/// If sshd will not let a user in, it replaces each answer by this text, cut or repeated to the answer's length
/// (`fake_password` in its auth-pam.c).
fn is_put_there_by_sshd(answer: &[u8]) -> bool {
    const JUNK: &[u8] = b"\x08\n\r\x7fINCORRECT";
    !answer.is_empty() && answer.iter().zip(JUNK.iter().cycle()).all(|(typed, junk)| typed == junk)
}

#[cfg(test)]
mod tests;
