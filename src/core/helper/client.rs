//! The client's side: starts the helper, and stands between it and the person.

use std::time::Duration;

use crate::dialogue::conversation::Conversation;
use crate::fault::Fault;
use crate::manage::status::Standing;
use crate::os::channel::{Channel, after};
use crate::os::{account, spawn};
use crate::proof::code::Typed;
use crate::verdict::{Accepted, Denial};

use super::HELPER;
use super::message::{Done, LONGEST_FROM_HELPER, Reply, Request, Saying, Wish};

/// How long the helper may take to judge an answer.
const TO_JUDGE: Duration = Duration::from_secs(5);
/// How long it may take to say the next thing in a dialogue: between two it may wait for the lock twice, 5 s each.
const TO_GO_ON: Duration = Duration::from_secs(15);

/// How a wish ended.
pub type Outcome = Result<Done, Refusal>;

/// How a wish was refused.
#[derive(Debug)]
pub enum Refusal {
    /// What was typed is refused, or the helper has failed.
    Denied(Denial),
    /// The helper says what is wrong, and what to do.
    Failed(crate::manage::failure::Failure),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Denied(Denial::Unavailable(format!("{}: {fault}", HELPER.to_string_lossy())))
    }
}

/// Has `wish` carried out for whoever runs this process; `person` is asked and told what the helper wants to ask and tell.
pub fn carry_out(wish: Wish, person: &mut dyn Conversation) -> Outcome {
    let patience = match wish {
        Wish::Standing | Wish::Verify(_) => TO_JUDGE,
        Wish::Errand(_) => TO_GO_ON,
    };
    let (channel, theirs) = Channel::pair()?;
    spawn::start(HELPER, c"twostep-helper", theirs)?;
    let request = Request { uid: account::real_uid(), wish };
    channel.send(&request.encode(), after(patience)?).map_err(|_| ended())?;
    loop {
        let message = channel.receive(LONGEST_FROM_HELPER, after(patience)?)?.ok_or_else(ended)?;
        match Saying::decode(&message).ok_or_else(unclear)? {
            Saying::Ask(prompt) => {
                let reply = person.ask(&prompt).map_or(Reply::Gone, Reply::Answer);
                // If nobody takes it any more, what the helper has said last tells why.
                let _ = channel.send(&reply.encode(), after(patience)?);
            }
            Saying::Tell(text) => person.tell(&text),
            Saying::Done(done) => return Ok(done),
            Saying::Denied(denial) => return Err(Refusal::Denied(denial)),
            Saying::Failed(failure) => return Err(Refusal::Failed(failure)),
        }
    }
}

fn ended() -> Fault {
    Fault(
        "it could not be started, or has ended without an answer ('twostep doctor' looks at its file)"
            .to_owned(),
    )
}

fn unclear() -> Fault {
    Fault("what it says is not understood: both must be of one version".to_owned())
}

/// How things stand with whoever runs this process.
pub fn standing() -> Result<Standing, Denial> {
    let unusable = |problem| Denial::Unavailable(format!("{}: {problem}", HELPER.to_string_lossy()));
    match judge(Wish::Standing)? {
        Done::Text(text) => Standing::parse(&text).map_err(unusable),
        Done::Accepted(_) => Err(unusable(unclear().0)),
    }
}

/// Judges what was typed by whoever runs this process.
pub fn verify(typed: &Typed) -> Result<Accepted, Denial> {
    match judge(Wish::Verify(typed.expose_answer()))? {
        Done::Accepted(accepted) => Ok(accepted),
        Done::Text(_) => Err(unclear().into()),
    }
}

/// Of a wish that asks the person nothing.
fn judge(wish: Wish) -> Result<Done, Denial> {
    carry_out(wish, &mut Nobody).map_err(|refusal| match refusal {
        Refusal::Denied(denial) => denial,
        Refusal::Failed(failure) => Denial::Unavailable(format!("the helper: {}", failure.what())),
    })
}

/// Who is asked nothing.
struct Nobody;

impl Conversation for Nobody {
    fn ask(&mut self, _: &str) -> Result<crate::proof::code::Answer, Denial> {
        Err(Denial::Conversation)
    }

    fn tell(&mut self, _: &str) {}
}
