//! Starts a program without the host's noticing: no signal, no handler, no child that it could stumble over.

use std::convert::Infallible;
use std::ffi::{CStr, c_char};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::null;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use crate::fault::Fault;

use super::words;

/// Starts `program` with `socket` as its standard input, no argument but `name`, and no environment. It becomes a child of
/// init's, or of who has asked to be one (`PR_SET_CHILD_SUBREAPER` of prctl(2)): nobody here waits for it.
///
/// The standard library's way would send the host SIGCHLD, and leave it a child that its own wait(2) may find.
pub fn start(program: &CStr, name: &CStr, socket: OwnedFd) -> Result<(), Fault> {
    let failed = |error| Fault(format!("{}: cannot be started: {}", program.to_string_lossy(), words(error)));
    let arguments = [name.as_ptr(), null()];
    let mut before = SigSet::empty();
    // A handler of the host's shall not run in the copy of it that the child is at first.
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before)).map_err(failed)?;
    let started = fork_without_signal().map(|child| match child {
        None => in_child(program, &arguments, socket.as_raw_fd()),
        Some(child) => wait_for(child),
    });
    let _ = before.thread_set_mask(); // it is one that the kernel gave us
    started.map_err(failed)
}

/// The child, from which only exec or exit returns: it makes the program a grandchild of the host's, and ends.
fn in_child(program: &CStr, arguments: &[*const c_char; 2], socket: RawFd) -> ! {
    match fork_without_signal() {
        Ok(None) => {
            let Err(_) = become_program(program, arguments, socket);
            exit()
        }
        Ok(Some(_)) | Err(_) => exit(),
    }
}

/// fork(2), but that the parent gets no signal when the child ends, nor finds it without asking for such children
/// (`__WALL` of wait(2)). In the child only what is safe in a signal handler may be called.
fn fork_without_signal() -> Result<Option<libc::pid_t>, Errno> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: with no flag set nothing is shared; the order of the arguments differs between machines, and all are zero.
    let child = Errno::result(unsafe { libc::syscall(libc::SYS_clone, NONE, NONE, NONE, NONE, NONE) })?;
    Ok(libc::pid_t::try_from(child).ok().filter(|&child| child != 0))
}

/// Waits for a child that ends at once.
fn wait_for(child: libc::pid_t) {
    loop {
        // SAFETY: no status is asked for.
        let waited = Errno::result(unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) });
        if waited != Err(Errno::EINTR) {
            return;
        }
    }
}

fn become_program(
    program: &CStr,
    arguments: &[*const c_char; 2],
    socket: RawFd,
) -> Result<Infallible, Errno> {
    let environment: [*const c_char; 1] = [null()];
    // SAFETY: both are descriptors' numbers; 0 loses what it meant in this copy of the host alone.
    Errno::result(unsafe { libc::dup2(socket, 0) })?;
    // SAFETY: a string that ends with a zero, and two arrays of such that end with null.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Err(Errno::last())
}

fn exit() -> ! {
    // SAFETY: takes a number, runs no handler of the host's, and does not return.
    unsafe { libc::_exit(127) }
}
