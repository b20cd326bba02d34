//! One wish of one client's.

use nix::unistd::Uid;
use twostep_core::fault::Fault;
use twostep_core::helper::message::{Done, Request, Saying, Wish};
use twostep_core::login::machine::Machine;
use twostep_core::machine::System;
use twostep_core::manage::failure::Failure;
use twostep_core::manage::status::Standing;
use twostep_core::manage::{Actor, Desk, Errand, Office};
use twostep_core::os::account::{self, Account};
use twostep_core::os::channel::Channel;
use twostep_core::os::{clock, confine};
use twostep_core::proof::code::{Answer, Typed};
use twostep_core::verdict::{Accepted, Denial, Verdict};

use crate::log;
use crate::office::{Client, first_message, say};

/// Seconds after which a process ends that nobody has to think for.
pub const SHORT: u32 = 30;
/// Seconds after which a dialogue ends, whatever it does then: a little later than it should have ended by itself.
const LONG: u32 = 960;

/// Reads what `caller` wants, does it, and answers. `own`: the uid of the store's owner, which may name others: only root can
/// start a program under it.
pub fn serve(channel: &Channel, caller: Uid, own: Uid) -> Result<(), Fault> {
    let request = match Request::decode(&first_message(channel)?) {
        Ok(request) => request,
        Err(problem) => return refuse(channel, Failure::unavailable(format!("{problem}."), "")),
    };
    // The same for whoever exists and whoever does not.
    if request.uid != caller.as_raw() && caller != own {
        return refuse(channel, Failure::refused("only root can do this for others.", ""));
    }
    let Some(account) = account::by_uid_with_all_names(request.uid)? else {
        return refuse(channel, Failure::refused(format!("uid {} has no account.", request.uid), ""));
    };
    let mut client = Client::new(channel, &account)?;
    let saying = match request.wish {
        Wish::Standing => standing(&account),
        Wish::Verify(answer) => Ok(verify(&account, &answer, &mut client)),
        Wish::Errand(errand) => {
            confine::end_after(LONG);
            run(&account, &errand, &mut client)
        }
    };
    // Who has gone away hears nothing; what was judged and done is in the log.
    let _ = say(channel, &saying.unwrap_or_else(discreet));
    Ok(())
}

fn refuse(channel: &Channel, failure: Failure) -> Result<(), Fault> {
    say(channel, &Saying::Failed(failure))
}

/// The cause of a fault is for the log.
fn discreet(failure: Failure) -> Saying {
    if failure.status() == Failure::UNAVAILABLE {
        log::write_fault(failure.what());
        let text = Denial::Unavailable(String::new()).text();
        return Saying::Failed(Failure::unavailable(text, ""));
    }
    Saying::Failed(failure)
}

fn standing(account: &Account) -> Result<Saying, Failure> {
    let store = System::of_helper().store()?;
    let standing = Standing::of(&store, account.uid, Some(account), clock::now()?);
    Ok(Saying::Done(Done::Text(standing.to_toml())))
}

fn verify(account: &Account, answer: &Answer, client: &mut Client<'_>) -> Saying {
    let (saying, verdict) = match judge(account, answer, client) {
        Ok(accepted) => (Saying::Done(Done::Accepted(accepted.clone())), Verdict::Grant(accepted)),
        Err(denial) => (Saying::Denied(denial.clone()), Verdict::Deny(denial)),
    };
    client.log(&verdict);
    saying
}

fn judge(account: &Account, answer: &Answer, client: &mut Client<'_>) -> Result<Accepted, Denial> {
    let system = System::of_helper();
    let typed = Typed::parse(answer).ok_or(Denial::NotACode)?;
    let rules = system.policy()?.verification;
    system.verify(account, &typed, &rules, &mut |what| client.remark(what))
}

fn run(account: &Account, errand: &Errand, client: &mut Client<'_>) -> Result<Saying, Failure> {
    let system = System::of_helper();
    let done = Desk::open(&system, account, Actor::Owner)?.run(errand, client)?;
    Ok(Saying::Done(Done::Text(done)))
}
