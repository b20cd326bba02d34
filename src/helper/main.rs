//! `twostep-helper`: judges and enrolls for programs that are not root. It is set-uid to the account that owns the store,
//! and acts only for its real uid. Its protocol: docs/HELPER-PROTOCOL.md.
//!
//! P1 Of the caller, only its real uid and its messages are used: no argument, no environment, no descriptor except the
//!    socket, no directory, and no signal or limit that the caller has set.
//! P2 The caller MUST NOT be able to stop or kill this process once it may hold a lock.
//! P3 No stored secret is ever sent. After one wrong code, the offset of a phone's clock is not sent either, because it would
//!    tell which code comes next. A dialogue tells it after two wrong codes that agree on it.
//! P4 Every wait has an end, and so has the process.

mod frontend;
mod log;
mod process_limit;
mod serve;

use std::process::ExitCode;

use nix::unistd::{Uid, geteuid};
use twostep_core::fault::{Fault, StartProblem};
use twostep_core::helper::message::HelperReply;
use twostep_core::os::channel::Channel;
use twostep_core::os::root::Root;
use twostep_core::os::{WipingAllocator, confine};

/// Secrets and codes pass through this process.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() -> ExitCode {
    // The text of a panic may contain a secret; its place in the source does not.
    std::panic::set_hook(Box::new(|panic| {
        log::write_fault(
            &panic.location().map_or_else(|| "a panic".to_owned(), |place| format!("a panic at {place}")),
        );
    }));
    let Err(fault) = run() else { return ExitCode::SUCCESS };
    log::write_fault(&fault.to_string());
    ExitCode::FAILURE
}

fn run() -> Result<(), Fault> {
    if std::env::args_os().count() != 1 {
        return Err(StartProblem::Argument.into());
    }
    let channel = Channel::of_standard_input()?;
    let served = enter().and_then(|(caller, own)| {
        let _slot = process_limit::take_slot(caller, own)?;
        serve::serve(&channel, caller, own)
    });
    if let Err(fault) = &served {
        // Otherwise the user would only read that the helper ended.
        let _ = frontend::say(&channel, &HelperReply::Denied(fault.clone().into()));
    }
    served
}

/// Takes this process out of the caller's control. Returns the caller, and the uid of the account, which is this
/// process's own.
fn enter() -> Result<(Uid, Uid), Fault> {
    let caller = confine::confine()?;
    confine::end_after(serve::SHORT);
    let (own, present) = (Root::SYSTEM.owners()?.store, geteuid());
    if own == present {
        return Ok((caller, own));
    }
    Err(StartProblem::NotSetUid(present.as_raw()).into())
}
