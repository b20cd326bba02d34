//! The client of the helper: starts the helper, and passes its questions to the user.

use std::time::Duration;

use crate::dialogue::conversation::Conversation;
use crate::fault::{Fault, ProgramProblem};
use crate::manage::status::Status;
use crate::os::channel::{Channel, after};
use crate::os::{account, spawn};
use crate::paths::HELPER;
use crate::proof::code::Typed;
use crate::verdict::{Accepted, Denial};

use super::error::HelperError;
use super::message::{Done, FirstMessage, HelperReply, HelperRequest, LONGEST_FROM_HELPER, PromptReply};

/// How long the helper may take to judge an answer.
const TO_JUDGE: Duration = Duration::from_secs(5);
/// How long the helper may take for the next message of a dialogue: between two messages it may wait for the lock
/// twice, 5 s each.
const TO_GO_ON: Duration = Duration::from_secs(15);

/// Why a request was refused.
#[derive(Debug)]
pub enum Refusal {
    /// The answer is refused, or the helper has failed.
    Denied(Denial),
    /// The helper reports what is wrong and what to do.
    Failed(crate::manage::failure::Failure),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let names_helper = matches!(fault, Fault::Program { .. });
        Self::Denied(if names_helper { fault.into() } else { Denial::unavailable(HelperError::Fault(fault)) })
    }
}

/// Has the helper carry out `request` for the user of this process. The helper asks and tells the user through
/// `person`.
pub fn carry_out(request: HelperRequest, person: &mut dyn Conversation) -> Result<Done, Refusal> {
    let patience = match request {
        HelperRequest::Status | HelperRequest::Verify(_) => TO_JUDGE,
        HelperRequest::Manage(_) => TO_GO_ON,
    };
    let (channel, theirs) = Channel::pair()?;
    spawn::start(HELPER, c"twostep-helper", theirs)?;
    let request = FirstMessage { uid: account::real_uid(), request };
    channel.send(&request.encode(), after(patience)?).map_err(|_| ended())?;
    loop {
        let message = channel.receive(LONGEST_FROM_HELPER, after(patience)?)?.ok_or_else(ended)?;
        match HelperReply::decode(&message).ok_or_else(unclear)? {
            HelperReply::Ask(prompt) => {
                let reply = person.ask(&prompt).map_or(PromptReply::Gone, PromptReply::Answer);
                // If the helper no longer receives it, its last message says why.
                let _ = channel.send(&reply.encode(), after(patience)?);
            }
            HelperReply::Tell(text) => person.tell(&text),
            HelperReply::Done(done) => return Ok(done),
            HelperReply::Denied(denial) => return Err(Refusal::Denied(denial)),
            HelperReply::Failed(failure) => return Err(Refusal::Failed(failure)),
        }
    }
}

fn of_helper(problem: ProgramProblem) -> Fault {
    Fault::Program { program: HELPER.to_string_lossy().into_owned(), problem }
}

fn ended() -> Fault {
    of_helper(ProgramProblem::NoAnswer)
}

fn unclear() -> Fault {
    of_helper(ProgramProblem::Unclear)
}

/// The status of the user of this process.
pub fn status() -> Result<Status, Denial> {
    match judge(HelperRequest::Status)? {
        Done::Text(text) => {
            Status::parse(&text).map_err(|error| Denial::unavailable(HelperError::Status(error)))
        }
        Done::Accepted(_) => Err(unclear().into()),
    }
}

/// Judges an answer of the user of this process.
pub fn verify(typed: &Typed) -> Result<Accepted, Denial> {
    match judge(HelperRequest::Verify(typed.expose_answer()))? {
        Done::Accepted(accepted) => Ok(accepted),
        Done::Text(_) => Err(unclear().into()),
    }
}

/// Carries out a request that asks the user nothing.
fn judge(request: HelperRequest) -> Result<Done, Denial> {
    carry_out(request, &mut Nobody).map_err(|refusal| match refusal {
        Refusal::Denied(denial) => denial,
        Refusal::Failed(failure) => Denial::unavailable(HelperError::Refused(failure.what().to_owned())),
    })
}

/// A conversation for requests that ask nothing.
struct Nobody;

impl Conversation for Nobody {
    fn ask(&mut self, _: &str) -> Result<crate::proof::code::Answer, Denial> {
        Err(Denial::Conversation)
    }

    fn tell(&mut self, _: &str) {}
}
