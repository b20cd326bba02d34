//! What is done with one account's second step outside of a login.
//!
//! Enroll, new recovery codes, remove, try ([`Context`]): an administrator does it by right; whoever the account belongs to
//! proves each time that it is theirs. The others ([`act::Acts`]) are an administrator's alone.

pub mod act;
mod enroll;
pub mod failure;
mod import;
pub mod obligation;
pub mod rebind;
mod recovery;
mod remove;
pub mod request;
pub mod require;
pub mod reset;
pub mod status;
mod ticket;
mod try_out;
pub mod unlock;

use zeroize::Zeroizing;

use crate::dialogue::conversation::{CODE_PROMPT, Conversation};
use crate::login::machine::Machine;
use crate::os::account::Account;
use crate::policy::Policy;
use crate::proof::code::Typed;
use crate::proof::recovery::{RecoveryCodes, SALT};
use crate::store::files::credential::Credential;
use crate::store::files::{LockedState, Store};
use crate::verdict::{Accepted, Denial, Next, Verdict};

use act::{ActLog, OpenStore};
use failure::Failure;
use obligation::Obligation;
use request::ManageRequest;

const PROOF: &str = "To go on, type a code from your app, or a recovery code.\n";
const NOTHING: &str = "Nothing was stored. Run the command again; delete the entry in the app first.";
const BROKEN_OFF: &str = "the dialogue was broken off.";
const UNCHANGED: &str = "Nothing was changed.";
const DELETE: &str = "Nothing of this dialogue was stored: delete the entry in the app.";

/// On whose authority something is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// An administrator, who needs no code.
    Administrator,
    /// Whoever the account belongs to.
    Owner,
}

/// Talks to whoever acts, and keeps the log.
pub trait Frontend: Conversation + ActLog {
    /// Writes to the log what was typed, or what came of it.
    fn log(&mut self, verdict: &Verdict);
    /// Writes to the log what else an administrator must know.
    fn remark(&mut self, what: &str);
}

/// What was stored when somebody proved that an account is theirs, and what was required of it.
#[derive(PartialEq, Eq)]
struct ProofBasis {
    credential: Option<Zeroizing<String>>,
    /// The recovery codes' salt, which no two sets share.
    salt: [u8; SALT],
    /// Whether an administrator requires it.
    required: bool,
}

/// One account's second step, with somebody before it.
pub struct Context<'a, M> {
    machine: &'a M,
    open_store: OpenStore<'a>,
    store: Store,
    policy: Policy,
    account: &'a Account,
    actor: Actor,
}

impl<'a, M: Machine> Context<'a, M> {
    /// Opens what is stored of `account` to `actor`. `open_store` opens the store of `machine`.
    pub fn open(
        machine: &'a M,
        open_store: OpenStore<'a>,
        account: &'a Account,
        actor: Actor,
    ) -> Result<Self, Failure> {
        Ok(Self { machine, open_store, store: open_store()?, policy: machine.policy()?, account, actor })
    }

    /// Does it. Returns what to say when it is done.
    pub fn run(&self, request: &ManageRequest, frontend: &mut impl Frontend) -> Result<String, Failure> {
        let act = match request {
            ManageRequest::Enroll(label, colour) => self.enroll(frontend, label, *colour),
            ManageRequest::Recovery => self.recovery(frontend),
            ManageRequest::Remove(label) => self.remove(frontend, label.as_deref()),
            ManageRequest::Try => self.try_out(frontend),
        };
        Ok(act?.log(&self.account.into(), frontend))
    }

    /// Requires proof from the owner; an administrator needs none. Returns what was stored at the prompt.
    fn prove(&self, frontend: &mut impl Frontend, why: &str) -> Result<ProofBasis, Failure> {
        let basis = self.basis()?;
        if self.actor == Actor::Owner {
            let accepted = self.judge(frontend, why, |machine, typed, frontend| {
                let rules = &self.policy.verification;
                machine.verify(self.account, typed, rules, &mut |what| frontend.remark(what))
            })?;
            frontend.log(&Verdict::Grant(accepted));
        }
        Ok(basis)
    }

    /// What a proof now would rest on.
    fn basis(&self) -> Result<ProofBasis, Failure> {
        let credential = self.store.credential(self.account.uid)?.map(|credential| credential.to_toml());
        let state = self.store.state(self.account.uid)?;
        let salt = state.as_ref().map_or(RecoveryCodes::NONE.salt, |state| state.recovery.salt);
        Ok(ProofBasis { credential, salt, required: state.is_some_and(|state| state.required) })
    }

    /// The credential, under the lock, if what a proof rests on is as it was: a phone or a recovery code that was taken away
    /// meanwhile proves nothing any more. `then` says what that means.
    fn credential_on(&self, basis: &ProofBasis, then: &str) -> Result<Credential, Failure> {
        if self.basis()? != *basis {
            return Err(Failure::refused(
                format!(
                    "the second step{} was changed meanwhile, by another command or a login.",
                    self.whose()
                ),
                then,
            ));
        }
        self.credential()
    }

    /// The same with the policy as it is now: an administrator may have changed it during the prompt.
    fn renewed(&self) -> Result<Self, Failure> {
        Self::open(self.machine, self.open_store, self.account, self.actor)
    }

    fn judge<O: Frontend>(
        &self,
        frontend: &mut O,
        why: &str,
        judge: impl Fn(&M, &Typed, &mut O) -> Result<Accepted, Denial>,
    ) -> Result<Accepted, Failure> {
        let tries = self.policy.verification.tries;
        let judged = until_accepted(frontend, why, CODE_PROMPT, tries, |answer, frontend| {
            let typed = Typed::parse(answer).ok_or(Denial::NotACode)?;
            judge(self.machine, &typed, frontend)
        });
        judged.map_err(|denial| {
            if matches!(
                denial,
                Denial::Unavailable(_) | Denial::Misconfigured(_) | Denial::NotEnrolled { .. }
            ) {
                return self.explain(denial);
            }
            let what = if denial == Denial::Conversation { BROKEN_OFF.to_owned() } else { denial.text() };
            Failure::refused(what, UNCHANGED)
        })
    }

    /// The credential, which must be there and theirs.
    fn credential(&self) -> Result<Credential, Failure> {
        let credential = self.store.credential(self.account.uid)?.ok_or_else(|| self.not_enrolled())?;
        self.check_owner(&credential)?;
        Ok(credential)
    }

    fn not_enrolled(&self) -> Failure {
        let then = format!("To enroll, run 'twostep enroll{}'.", self.option());
        Failure::refused(format!("{} not enrolled.", self.they(Initial::Small, "are", "is")), then)
    }

    fn check_owner(&self, credential: &Credential) -> Result<(), Failure> {
        credential.check_owner(self.account).map_err(|error| Failure::refused(format!("{error}."), ""))
    }

    fn obligation(&self) -> Result<Option<Obligation>, Failure> {
        let now = self.machine.now()?;
        let required = self.machine.is_required(self.account)?;
        Ok(Obligation::of(self.account, required, self.machine, &self.policy, now))
    }

    fn lock(&self) -> Result<LockedState, Failure> {
        let (rules, now) = (&self.policy.verification, self.machine.now()?);
        Ok(self.store.lock_or_create(self.account, |devices| rules.window_end(devices, now))?)
    }

    /// How a dialogue that was not finished is told.
    fn explain(&self, denial: Denial) -> Failure {
        if let Denial::NotConfirmed(mismatch) = denial {
            return Failure::refused(mismatch.text(), NOTHING);
        }
        if denial == Denial::Conversation {
            return Failure::refused(BROKEN_OFF, NOTHING);
        }
        if let Denial::WrongTicket(_) = denial {
            return Failure::refused(denial.text(), NOTHING);
        }
        if let Denial::NotEnrolled { .. } = denial {
            return Failure::refused(
                format!("{} not enrolled any more.", self.they(Initial::Small, "are", "is")),
                UNCHANGED,
            );
        }
        if denial == Denial::EnrolledMeanwhile {
            return Failure::refused(
                format!(
                    "{} enrolled meanwhile, by a login or another command.",
                    self.they(Initial::Small, "were", "was")
                ),
                DELETE,
            );
        }
        denial.into()
    }

    /// The person as the subject of a sentence, with the verb that `you` and a name take.
    fn they(&self, initial: Initial, you: &str, name: &str) -> String {
        match (self.actor, initial) {
            (Actor::Administrator, _) => format!("{} {name}", self.account.name),
            (Actor::Owner, Initial::Capital) => format!("You {you}"),
            (Actor::Owner, Initial::Small) => format!("you {you}"),
        }
    }

    /// Whose something is, behind it.
    fn whose(&self) -> String {
        match self.actor {
            Actor::Administrator => format!(" of {}", self.account.name),
            Actor::Owner => String::new(),
        }
    }

    /// What an administrator must add to a command.
    fn option(&self) -> String {
        match self.actor {
            Actor::Administrator => format!(" --user {}", self.account.name),
            Actor::Owner => String::new(),
        }
    }
}

/// Asks `question`, at first with `why` above it, until an answer is accepted, at most `tries` times. Each denial is logged,
/// and stands in the next prompt.
fn until_accepted<O: Frontend, T>(
    frontend: &mut O,
    why: &str,
    question: &str,
    tries: u8,
    mut judge: impl FnMut(&[u8], &mut O) -> Result<T, Denial>,
) -> Result<T, Denial> {
    let mut prompt = format!("{why}{question}");
    let mut left = tries;
    loop {
        let answer = frontend.ask(&prompt)?;
        let denial = match judge(&answer, frontend) {
            Ok(accepted) => return Ok(accepted),
            Err(denial) => denial,
        };
        prompt = format!("{}\n{question}", denial.text());
        left = left.saturating_sub(1);
        let goes_on = left > 0 && denial.outward().next == Next::AskAgain;
        let verdict = Verdict::Deny(denial);
        frontend.log(&verdict);
        if let (false, Verdict::Deny(denial)) = (goes_on, verdict) {
            return Err(denial);
        }
    }
}

fn labels(credential: &Credential) -> String {
    let labels: Vec<_> = credential.authenticators.iter().map(|one| format!("'{}'", one.label)).collect();
    labels.join(", ")
}

/// The first letter of a sentence. Names keep theirs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Initial {
    /// Where it begins a text.
    Capital,
    /// Where it follows `error:`.
    Small,
}

#[cfg(test)]
mod tests;
