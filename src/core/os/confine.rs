//! The first steps of the helper: it takes its own ids, and everything out of its caller's control.

use nix::errno::Errno;
use nix::sys::prctl::{set_dumpable, set_no_new_privs, set_timerslack};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, getegid, geteuid, getuid, setresgid, setresuid, setsid};

use crate::fault::{Fault, StartProblem};

use super::limits;

/// By how many nanoseconds a wait may end late: the default of a process.
const TIMER_SLACK: u64 = 50_000;

/// Resets everything that the caller chose, except that it is the caller. Returns the real uid, which comes from the
/// kernel.
///
/// After this, the process belongs to the account alone: its caller may not signal it, and it no longer has its
/// caller's terminal and session. Supplementary groups stay those of the caller, because only root can drop them; no
/// file is opened by the rights of a group.
pub fn confine() -> Result<Uid, Fault> {
    let caller = getuid();
    if caller.is_root() || geteuid().is_root() {
        return Err(StartProblem::ByRoot.into());
    }
    let step = |call: &'static str| move |error: Errno| Fault::Call(call, error.into());
    take_ids().map_err(step("setresuid"))?;
    setsid().map_err(step("setsid"))?;
    forget_environment().map_err(step("clearenv"))?;
    close_others().map_err(step("close_range"))?;
    reset_signals().map_err(step("signals"))?;
    limits::raise()?;
    set_timerslack(TIMER_SLACK).map_err(step("PR_SET_TIMERSLACK"))?;
    set_dumpable(false).map_err(step("PR_SET_DUMPABLE"))?;
    set_no_new_privs().map_err(step("PR_SET_NO_NEW_PRIVS"))?;
    umask(Mode::from_bits_truncate(0o077));
    chdir("/").map_err(step("chdir"))?;
    Ok(caller)
}

/// Ends the process after this many seconds, whatever it does then.
pub fn end_after(seconds: u32) {
    // SAFETY: takes a number. The signal has its default action, which ends the process.
    unsafe { libc::alarm(seconds) };
}

/// The effective ids become the only ones.
fn take_ids() -> Result<(), Errno> {
    let (uid, gid): (Uid, Gid) = (geteuid(), getegid());
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

/// The dynamic linker has ignored the environment, because the file is set-uid. Later code must not use it either.
fn forget_environment() -> Result<(), Errno> {
    // SAFETY: nothing else runs in this process yet, and no code has kept a pointer into the environment.
    Errno::result(unsafe { libc::clearenv() }).map(drop)
}

/// Standard output and error become /dev/null, because no program reads them. Every descriptor except these and
/// standard input is closed.
fn close_others() -> Result<(), Errno> {
    // SAFETY: the kernel takes three numbers; no descriptor beyond 2 is used yet.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) })?;
    let null = nix::fcntl::open("/dev/null", nix::fcntl::OFlag::O_RDWR, Mode::empty())?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)
}

/// Sets the default action for every signal except the real-time ones, blocks none, and stops the timers that would
/// send one.
fn reset_signals() -> Result<(), Errno> {
    for timer in [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF] {
        // SAFETY: the structure holds only numbers, for which zeros are valid; they stop the timer.
        let off = unsafe { std::mem::zeroed::<libc::itimerval>() };
        // SAFETY: the kernel reads one structure of this type, and writes none.
        Errno::result(unsafe { libc::setitimer(timer, &raw const off, std::ptr::null_mut()) })?;
    }
    for kind in Signal::iterator().filter(|kind| ![Signal::SIGKILL, Signal::SIGSTOP].contains(kind)) {
        // SAFETY: the default action calls no function of this program.
        unsafe { signal(kind, SigHandler::SigDfl) }?;
    }
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}
