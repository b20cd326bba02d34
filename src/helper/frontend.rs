//! The user at the other end of the socket, and the log.

use std::time::{Duration, Instant};

use twostep_core::dialogue::conversation::Conversation;
use twostep_core::fault::{Fault, SocketProblem};
use twostep_core::helper::message::{HelperReply, LONGEST_FROM_CLIENT, PromptReply};
use twostep_core::login::audit::{self, Line, Value, Who};
use twostep_core::manage::Frontend;
use twostep_core::manage::act::{ActLog, Target};
use twostep_core::os::account::Account;
use twostep_core::os::channel::{Channel, after};
use twostep_core::proof::code::Answer;
use twostep_core::verdict::{Denial, Priority, Verdict};
use twostep_core::zeroizing::Zeroizing;

use crate::log;

/// How long a client may take to receive a message, or to send one without the user.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the user may take for one answer.
const ANSWER: Duration = Duration::from_secs(300);
/// How long the user may take for all answers.
const DIALOGUE: Duration = Duration::from_secs(900);

/// The service in the log line.
const SERVICE: &str = "twostep-helper";

pub(crate) struct Client<'a> {
    channel: &'a Channel,
    account: &'a Account,
    end: Instant,
}

impl<'a> Client<'a> {
    /// The client at the other end, which acts for `account`.
    pub(crate) fn new(channel: &'a Channel, account: &'a Account) -> Result<Self, Fault> {
        Ok(Self { channel, account, end: after(DIALOGUE)? })
    }

    fn who(&self) -> Who {
        Who { user: Some(self.account.name.clone()), service: SERVICE.to_owned(), ..Who::default() }
    }
}

/// Sends a message of the helper.
pub(crate) fn say(channel: &Channel, reply: &HelperReply) -> Result<(), Fault> {
    channel.send(&reply.encode(), after(PATIENCE)?)
}

/// The client's first message.
pub(crate) fn first_message(channel: &Channel) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let message = channel.receive(LONGEST_FROM_CLIENT, after(PATIENCE)?)?;
    message.ok_or_else(|| SocketProblem::Closed.into())
}

impl Conversation for Client<'_> {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        let gone = |_| Denial::Conversation;
        say(self.channel, &HelperReply::Ask(Zeroizing::new(prompt.to_owned()))).map_err(gone)?;
        let reply = after(ANSWER)
            .and_then(|end| self.channel.receive(LONGEST_FROM_CLIENT, end.min(self.end)))
            .map_err(gone)?;
        match reply.as_deref().and_then(|reply| PromptReply::decode(reply)) {
            Some(PromptReply::Answer(answer)) => Ok(answer),
            Some(PromptReply::Gone) | None => Err(Denial::Conversation),
        }
    }

    fn tell(&mut self, text: &str) {
        let _ = say(self.channel, &HelperReply::Tell(Zeroizing::new(text.to_owned()))); // if the client is gone, the next message fails
    }
}

impl Frontend for Client<'_> {
    fn log(&mut self, verdict: &Verdict) {
        log::write(&audit::line(&self.who(), verdict));
    }

    fn remark(&mut self, what: &str) {
        log::write(&audit::remark(&self.who(), Priority::Warning, what));
    }
}

impl ActLog for Client<'_> {
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        let text = format!("act={act} user={} uid={}{more} by=owner", Value(&target.name()), target.uid);
        log::write(&Line { priority: Priority::Notice, text });
    }
}
