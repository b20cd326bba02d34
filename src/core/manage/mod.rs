//! The acts on one account's second step outside of a login.
//!
//! Enroll, replace, new recovery codes, remove, try ([`Context`]): an administrator may do these without proof; the owner of the
//! account proves ownership each time. Only an administrator may do the others ([`act::Acts`]).

pub mod act;
mod enroll;
pub mod failure;
mod import;
pub mod obligation;
pub mod rebind;
mod recovery;
mod remove;
mod replace;
pub mod request;
pub mod require;
pub mod reset;
pub mod status;
mod storage;
pub mod ticket;
mod try_out;
pub mod unlock;

use crate::dialogue::ask::{self, Asker, Question};
use crate::dialogue::conversation::Conversation;
use crate::os::account::Account;
use crate::policy::Policy;
use crate::proof::code::{Shape, Typed};
use crate::proof::recovery::{RecoveryCodes, SALT};
use crate::proof::state::State;
use crate::store::files::credential::Credential;
use crate::store::{Store, StoreError};
use crate::verdict::refusals::Refusals;
use crate::verdict::{Accepted, Denial, Origin, Verdict};
use crate::words::login::{CODE_PROMPT, denied};
use crate::words::{Reader, account as words};
use crate::zeroizing::Zeroizing;

use act::{ActLog, WithStore};
use failure::Failure;
use obligation::Obligation;
use request::ManageRequest;

/// The authority for an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// An administrator, who needs no code.
    Administrator,
    /// The user of the account.
    Owner,
}

/// Talks to the user who acts, and keeps the log.
pub trait Frontend: Conversation + ActLog {
    /// Logs an answer, or the end of a dialogue.
    fn log(&mut self, verdict: &Verdict);
    /// Logs another fact that an administrator must know.
    fn remark(&mut self, what: &str);
}

/// The record and the requirement at the time when a user proved that an account is theirs.
#[derive(PartialEq, Eq)]
struct ProofBasis {
    credential: Option<Zeroizing<String>>,
    /// The recovery codes' salt, which no two sets share.
    salt: [u8; SALT],
    /// Whether an administrator requires a second step.
    required: bool,
}

impl ProofBasis {
    fn of(credential: Option<&Credential>, state: Option<&State>) -> Self {
        Self {
            credential: credential.map(Credential::to_toml),
            salt: state.map_or(RecoveryCodes::NONE.salt, |state| state.recovery.salt),
            required: state.is_some_and(|state| state.requirement.is_some()),
        }
    }
}

/// The second step of one account, and the user who acts on it.
pub struct Context<'a, M: WithStore> {
    machine: &'a M,
    store: M::Store,
    policy: Policy,
    account: &'a Account,
    actor: Actor,
}

impl<'a, M: WithStore> Context<'a, M> {
    /// Opens the record of `account` for `actor`.
    pub fn open(machine: &'a M, account: &'a Account, actor: Actor) -> Result<Self, Failure> {
        Ok(Self { machine, store: machine.store()?, policy: machine.policy()?, account, actor })
    }

    /// Carries out `request`. Returns the text for the user.
    pub fn run(&self, request: &ManageRequest, frontend: &mut impl Frontend) -> Result<String, Failure> {
        let act = match request {
            ManageRequest::Enroll(label, screen) => self.enroll(frontend, label, *screen),
            ManageRequest::Recovery => self.recovery(frontend),
            ManageRequest::Remove(label) => self.remove(frontend, label.as_deref()),
            ManageRequest::Replace(label, screen) => self.replace(frontend, label.as_deref(), *screen),
            ManageRequest::Try => self.try_out(frontend),
        };
        Ok(act?.log(&self.account.into(), frontend))
    }

    /// Requires proof from the owner; an administrator needs none. Returns the record at the time of the prompt.
    fn prove(&self, frontend: &mut impl Frontend, why: &str) -> Result<ProofBasis, Failure> {
        let basis = self.basis()?;
        if self.actor == Actor::Owner {
            let accepted = self.judge(frontend, why, |machine, typed, frontend| {
                let rules = &self.policy.verification;
                machine.verify(self.account, typed, rules, &own_command(), &mut |what| frontend.remark(what))
            })?;
            frontend.log(&Verdict::Grant(accepted));
        }
        Ok(basis)
    }

    /// The basis of a proof at this moment.
    fn basis(&self) -> Result<ProofBasis, Failure> {
        let stored = self.store.snapshot(self.account.uid);
        Ok(ProofBasis::of(stored.credential?.as_ref(), stored.state?.as_ref()))
    }

    /// The credential of an open record, if the basis of the proof has not changed. A phone or a recovery code that was
    /// removed meanwhile proves nothing any more. `then` tells the user what a change means.
    fn credential_on<'c>(
        &self,
        basis: &ProofBasis,
        credential: Option<&'c Credential>,
        state: &State,
        then: &str,
    ) -> Result<&'c Credential, Failure> {
        if ProofBasis::of(credential, Some(state)) != *basis {
            return Err(Failure::refused(words::changed_meanwhile(self.reader()), then));
        }
        credential.ok_or_else(|| self.not_enrolled())
    }

    /// The same context with the present policy: an administrator may have changed it during the prompt.
    fn renewed(&self) -> Result<Self, Failure> {
        Self::open(self.machine, self.account, self.actor)
    }

    fn judge<O: Frontend>(
        &self,
        frontend: &mut O,
        why: &str,
        judge: impl Fn(&M, &Typed, &mut O) -> Result<Accepted, Denial>,
    ) -> Result<Accepted, Failure> {
        let tries = self.policy.verification.tries;
        let question = Question { why, prompt: CODE_PROMPT, tries, shows_end: false };
        let mut asker = Logged::new(frontend);
        let judged = ask::until_accepted(&mut asker, &question, |asker, answer| {
            let typed = Typed::parse(answer).ok_or(Denial::NotACode)?;
            judge(self.machine, &typed, asker.frontend)
        });
        let Logged { frontend, why, .. } = asker;
        judged.map_err(|denial| {
            let says_why = matches!(
                denial,
                Denial::Unavailable(_) | Denial::Misconfigured(_) | Denial::NotEnrolled { .. }
            );
            let failure = if says_why {
                self.explain(denial.clone())
            } else {
                no_answer_accepted(&denial, words::NO_CODE_ACCEPTED, &why)
            };
            log_last(frontend, denial);
            failure
        })
    }

    /// The credential, which must exist and belong to the account.
    fn credential(&self) -> Result<Credential, Failure> {
        self.present_credential()?.ok_or_else(|| self.not_enrolled())
    }

    /// The credential, if there is one. It must belong to the account.
    fn present_credential(&self) -> Result<Option<Credential>, Failure> {
        self.store.credential(self.account).map_err(|error| {
            if let StoreError::NotTheirs(error) = error {
                return Failure::refused(error.to_string(), "");
            }
            error.into()
        })
    }

    /// Fails if no authenticator has this label.
    fn check_has(&self, credential: &Credential, label: &str) -> Result<(), Failure> {
        if credential.authenticators.iter().any(|one| one.label == label) {
            return Ok(());
        }
        Err(Failure::refused(
            words::no_authenticator(self.reader(), label),
            words::there_are(labels(credential)),
        ))
    }

    fn not_enrolled(&self) -> Failure {
        Failure::refused(words::not_enrolled(self.reader()), words::how_to_enroll(self.reader()))
    }

    fn obligation(&self) -> Result<Option<Obligation>, Failure> {
        let now = self.machine.now()?;
        let required = self.machine.is_required(self.account)?;
        Ok(Obligation::of(self.account, required, self.machine, &self.policy, now))
    }

    fn record(&self) -> Result<<M::Store as Store>::Record<'_>, Failure> {
        let (rules, now) = (&self.policy.verification, self.machine.now()?);
        Ok(self.store.open_or_create(self.account, |devices| rules.window_end(devices, now))?)
    }

    /// Why a dialogue was not finished.
    fn explain(&self, denial: Denial) -> Failure {
        if denial == Denial::Conversation {
            return Failure::refused(words::CANCELLED, words::NOT_SAVED);
        }
        if let Denial::WrongTicket(_) = denial {
            let then = format!("{}\n{}", denied(&denial), words::NOT_SAVED);
            return Failure::refused(words::NO_TICKET_ACCEPTED, then);
        }
        if let Denial::NotEnrolled { .. } = denial {
            return Failure::refused(words::no_longer_enrolled(self.reader()), words::UNCHANGED);
        }
        if denial == Denial::EnrolledMeanwhile {
            return Failure::refused(words::enrolled_meanwhile(self.reader()), words::DELETE_ENTRY);
        }
        denial.into()
    }

    /// The reader of the texts of this act.
    fn reader(&self) -> Reader<'_> {
        match self.actor {
            Actor::Administrator => Reader::Admin(&self.account.name),
            Actor::Owner => Reader::You,
        }
    }
}

/// A frontend whose denials are logged one by one.
struct Logged<'a, O> {
    frontend: &'a mut O,
    refusals: Refusals,
    /// Why the last answer was refused.
    why: String,
}

impl<'a, O> Logged<'a, O> {
    fn new(frontend: &'a mut O) -> Self {
        Self { frontend, refusals: Refusals::default(), why: String::new() }
    }
}

impl<O: Frontend> Asker for Logged<'_, O> {
    fn conversation(&mut self) -> &mut impl Conversation {
        self.frontend
    }

    fn explain(&mut self, denial: &Denial, answer: &[u8]) -> String {
        self.refusals.add(denial);
        self.why = words::refused(denial, Shape::of(answer), self.refusals.clock());
        self.why.clone()
    }

    fn log_denial(&mut self, denial: Denial) {
        self.frontend.log(&Verdict::Deny(denial));
    }
}

/// The failure if no answer was accepted: `what`, then why the last answer was refused.
fn no_answer_accepted(denial: &Denial, what: &str, why: &str) -> Failure {
    if *denial == Denial::Conversation {
        return Failure::refused(words::CANCELLED, words::UNCHANGED);
    }
    Failure::refused(what, format!("{why}\n{}", words::UNCHANGED))
}

/// Logs the denial that ended the questions, unless the user did not answer.
fn log_last(frontend: &mut impl Frontend, denial: Denial) {
    if denial != Denial::Conversation {
        frontend.log(&Verdict::Deny(denial));
    }
}

/// Where the answers of a user's own commands are typed.
fn own_command() -> Origin {
    Origin::new("twostep", "")
}

fn labels(credential: &Credential) -> String {
    let labels: Vec<_> = credential.authenticators.iter().map(|one| format!("'{}'", one.label)).collect();
    labels.join(", ")
}

#[cfg(test)]
mod tests;
