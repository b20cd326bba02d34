//! `twostep-rehearse`: tries a planned change of PAM files and of sshd's settings before anything is changed. Root runs it, most
//! often by `twostep enable`.
//!
//! R1 It MUST refuse every user but root. It is never set-uid.
//! R2 What it changes MUST be mounts of its own mount namespace, and files in memory below them. So nothing is left when it
//!    ends, however it ends.
//! R3 The account of the logins, its password and its authenticator MUST exist in that namespace only.
//! R4 A module that may change something outside of the login MUST NOT be run. Where its line is optional, pam_permit stands in
//!    for it.
//! R5 Each login MUST run in a process of its own, for a limited time.
//!
//! The files, each after those that it uses:
//!
//! ```text
//! failure -> namespace -> overlay -> stand_in -> stack;  pam -> program;  phone, these -> attempt -> trial;  judge, sshd
//! ```

mod attempt;
mod failure;
mod judge;
mod namespace;
mod overlay;
#[expect(unsafe_code, reason = "libpam's interface is C")]
mod pam;
mod phone;
mod program;
mod sshd;
mod stack;
mod stand_in;
mod trial;

use std::io::{Write, stderr, stdin, stdout};
use std::process::ExitCode;

use nix::sys::stat::{Mode, umask};
use twostep_core::os::WipingAllocator;
use twostep_core::os::root::Root;
use twostep_rehearse::{Finding, Rehearsal, Reply, Request};

use failure::Failure;

/// Passwords, codes and a secret pass through this process.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => rehearse(),
        [word] if word == attempt::ARGUMENT => attempt::run(),
        _ => Err(Failure::Arguments),
    };
    let Err(failure) = done else { return ExitCode::SUCCESS };
    // There is no other place for it.
    let _ = writeln!(stderr(), "error: {failure}");
    ExitCode::FAILURE
}

fn rehearse() -> Result<(), Failure> {
    namespace::check_root()?;
    umask(Mode::from_bits_truncate(0o022));
    let request: Request = serde_json::from_reader(stdin()).map_err(Failure::Request)?;
    let reply = match namespace::enter() {
        Ok(()) => Reply::Rehearsed(rehearsal(&request)?),
        Err(errno) => Reply::NoNamespace { error: errno.desc().to_owned() },
    };
    print(&reply)
}

fn print(reply: &Reply) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(reply).map_err(Failure::Reply)?;
    writeln!(stdout(), "{text}").map_err(Failure::Output)
}

/// The account comes last: doctor and sshd must see the machine as it would be, with its own users and policy.
fn rehearsal(request: &Request) -> Result<Rehearsal, Failure> {
    overlay::put_in_place(&overlay::changes_of(request))?;
    let (sshd, findings) = (sshd::runs(), findings()?);
    let account = stand_in::create()?;
    let mut rehearsal = Rehearsal { sshd, findings, ..Rehearsal::default() };
    for service in &request.services {
        let tried = trial::of_service(service, &account)?;
        rehearsal.logins.extend(tried.logins);
        rehearsal.left_out.extend(tried.left_out);
        rehearsal.not_rehearsed.extend(tried.not_rehearsed);
    }
    // A service with two first factors is tried twice.
    rehearsal.left_out.sort();
    rehearsal.left_out.dedup();
    Ok(rehearsal)
}

fn findings() -> Result<Vec<Finding>, Failure> {
    let report = twostep_doctor::examine(&Root::SYSTEM, || {})?;
    let findings = report.findings().iter().map(|finding| Finding {
        id: finding.id.to_string(),
        severity: finding.severity,
        location: finding.location.clone(),
        text: finding.to_string(),
    });
    Ok(findings.collect())
}
