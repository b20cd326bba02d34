//! `twostep-helper`: judges and enrolls for programs that are not root. Set-uid to the account that owns the store, it acts
//! for whoever has started it, and for nobody else. Its protocol: docs/HELPER-PROTOCOL.md.
//!
//! P1 Nothing of the caller's is used but its real uid and what it sends: no argument, no environment, no descriptor beyond
//!    the socket, no directory, no signal or limit of its making.
//! P2 The caller MUST NOT be able to stop or kill this process once it may hold a lock.
//! P3 No stored secret is ever sent; neither is how far a phone's clock is off, for that would tell which code comes next.
//! P4 Every wait has an end, and so has the process.

mod log;
mod office;
mod serve;

use std::process::ExitCode;

use twostep_core::os::channel::Channel;
use twostep_core::os::root::Root;
use twostep_core::os::{Fault, WipingAllocator, confine};

/// Secrets and codes pass through this process.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() -> ExitCode {
    // What a panic says could hold anything.
    std::panic::set_hook(Box::new(|_| {}));
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault(cause)) => {
            log::write_fault(&cause);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Fault> {
    if std::env::args_os().count() != 1 {
        return Err(Fault("it takes no argument".to_owned()));
    }
    let channel = Channel::of_standard_input()?;
    let caller = confine::confine()?;
    confine::end_after(serve::SHORT);
    let own = Root::SYSTEM.owners()?.store;
    if own != nix::unistd::geteuid() {
        return Err(Fault(format!(
            "it runs as uid {}, not as the account twostep: its file must be set-uid",
            nix::unistd::geteuid()
        )));
    }
    serve::serve(&channel, caller, own)
}
