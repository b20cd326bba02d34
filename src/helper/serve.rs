//! Serves one request of one client.

use nix::unistd::Uid;
use twostep_core::fault::Fault;
use twostep_core::helper::message::{Done, FirstMessage, HelperReply, HelperRequest};
use twostep_core::login::machine::{Machine, Surroundings};
use twostep_core::machine::LocalMachine;
use twostep_core::manage::act::WithStore;
use twostep_core::manage::failure::Failure;
use twostep_core::manage::request::ManageRequest;
use twostep_core::manage::status::Status;
use twostep_core::manage::{Actor, Context, Frontend};
use twostep_core::os::account::{self, Account};
use twostep_core::os::channel::Channel;
use twostep_core::os::{clock, confine};
use twostep_core::proof::code::{Answer, Typed};
use twostep_core::verdict::{Accepted, Denial, Origin, Verdict};
use twostep_core::words;

use crate::frontend::{Client, first_message, say};
use crate::log;

/// Seconds after which the process ends if no dialogue has begun.
pub(crate) const SHORT: u32 = 30;
/// Seconds after which a dialogue ends, whatever it does then. This is a little later than it should have ended by
/// itself.
const LONG: u32 = 960;

/// Reads the request of `caller`, carries it out, and answers. `own` is the uid of the store's owner. A process with
/// this uid may name other users, because only root can start a program under it.
pub(crate) fn serve(channel: &Channel, caller: Uid, own: Uid) -> Result<(), Fault> {
    let message = match FirstMessage::decode(&first_message(channel)?) {
        Ok(message) => message,
        Err(problem) => return refuse(channel, Failure::unavailable(problem.to_string(), "")),
    };
    // The answer is the same whether the user exists or not.
    if message.uid != caller.as_raw() && caller != own {
        return refuse(channel, Failure::refused("only root can do this for another user", ""));
    }
    let Some(account) = account::by_uid_with_all_names(message.uid)? else {
        return refuse(channel, Failure::refused(format!("uid {} has no account", message.uid), ""));
    };
    let mut client = Client::new(channel, &account)?;
    let reply = match message.request {
        HelperRequest::Status => status(&account),
        HelperRequest::Verify(answer) => Ok(verify(&account, &answer, &mut client)),
        HelperRequest::Manage(request) => {
            confine::end_after(LONG);
            run(&account, &request, &mut client)
        }
    };
    // A client that has gone away gets no reply; the log has what was judged and done.
    let _ = say(channel, &reply.unwrap_or_else(discreet));
    Ok(())
}

fn refuse(channel: &Channel, failure: Failure) -> Result<(), Fault> {
    say(channel, &HelperReply::Failed(failure))
}

/// The cause of a fault is only for the log.
fn discreet(failure: Failure) -> HelperReply {
    if failure.status() == Failure::UNAVAILABLE {
        log::write_fault(failure.what());
        return HelperReply::Failed(Failure::unavailable(words::login::UNAVAILABLE, ""));
    }
    HelperReply::Failed(failure)
}

fn status(account: &Account) -> Result<HelperReply, Failure> {
    let stored = LocalMachine::of_helper().store()?.snapshot(account.uid);
    let status = Status::of(stored, Some(account), clock::now()?);
    Ok(HelperReply::Done(Done::Text(status.to_toml())))
}

fn verify(account: &Account, answer: &Answer, client: &mut Client<'_>) -> HelperReply {
    let (reply, verdict) = match judge(account, answer, client) {
        Ok(accepted) => (HelperReply::Done(Done::Accepted(accepted.clone())), Verdict::Grant(accepted)),
        Err(denial) => (HelperReply::Denied(denial.clone()), Verdict::Deny(denial)),
    };
    client.log(&verdict);
    reply
}

fn judge(account: &Account, answer: &Answer, client: &mut Client<'_>) -> Result<Accepted, Denial> {
    let machine = LocalMachine::of_helper();
    let typed = Typed::parse(answer).ok_or(Denial::NotACode)?;
    let rules = machine.policy()?.verification;
    machine.verify(account, &typed, &rules, &Origin::OWN_PROGRAM, &mut |what| client.remark(what))
}

fn run(account: &Account, request: &ManageRequest, client: &mut Client<'_>) -> Result<HelperReply, Failure> {
    let machine = LocalMachine::of_helper();
    let done = Context::open(&machine, account, Actor::Owner)?.run(request, client)?;
    Ok(HelperReply::Done(Done::Text(done)))
}
