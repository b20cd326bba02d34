//! Starts a program without an effect on the host: no signal, no handler, no child that the host could find.

use std::convert::Infallible;
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::null;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

use crate::fault::{Fault, ProgramProblem};

use super::channel::Channel;

/// The exit status of a child that could not run its program, as shells have it.
const NOT_RUN: c_int = 127;
/// The exit statuses from this on mean that a signal ended the program, as in shells.
const BY_SIGNAL: c_int = 128;

/// Starts `program` with `socket` as its standard input, `name` as its only argument, and an empty environment. It
/// becomes a child of init, or of a process that asked for this (`PR_SET_CHILD_SUBREAPER` of prctl(2)); this process
/// does not wait for it.
///
/// The standard library would send the host SIGCHLD, and leave it a child that its own wait(2) may find.
pub fn start(program: &CStr, name: &CStr, socket: OwnedFd) -> Result<(), Fault> {
    let arguments = [name.as_ptr(), null()];
    let started = fork_undisturbed(|| in_child(program, &arguments, socket.as_raw_fd()));
    let child = started.map_err(|error| cannot_start(program, error))?;
    let _ = wait_for(child); // the result of the program shows at the socket
    Ok(())
}

/// Runs `program` to its end, with these arguments, the name first, an empty environment, and standard streams on a
/// socket that no process reads. Returns its exit status. After `patience` seconds it is killed, and that is an error.
pub(crate) fn run(program: &CStr, arguments: &[&CStr], patience: c_uint) -> Result<c_int, Fault> {
    let (_ours, nowhere) = Channel::pair()?;
    let pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).chain([null()]).collect();
    let started = fork_undisturbed(|| between(program, &pointers, nowhere.as_raw_fd(), patience));
    let ended = started.and_then(wait_for).map_err(|error| cannot_start(program, error))?;
    match libc::WEXITSTATUS(ended).checked_sub(BY_SIGNAL) {
        Some(signal) if signal >= 0 => Err(of(program, ProgramProblem::Signal(signal))),
        Some(_) | None => Ok(libc::WEXITSTATUS(ended)),
    }
}

/// The process between the host and the program. Once a child executes a program, its end sends SIGCHLD to its parent,
/// and any wait(2) finds it (execve(2)). The parent must therefore not be the host.
fn between(program: &CStr, arguments: &[*const c_char], nowhere: RawFd, patience: c_uint) -> Infallible {
    // SAFETY: the default action calls no function. If the signal were ignored, there would be nothing to wait for.
    let _ = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let child = match fork_without_signal() {
        Ok(None) => {
            end_after(patience);
            // SAFETY: takes numbers. An older kernel refuses; the program then gets the descriptors that the host has
            // not marked itself.
            let _ =
                unsafe { libc::syscall(libc::SYS_close_range, 3, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            let Err(_) = become_program(program, arguments, &[0, 1, 2], nowhere);
            exit(NOT_RUN)
        }
        Ok(Some(child)) => child,
        Err(_) => exit(NOT_RUN),
    };
    match wait_for(child) {
        Ok(ended) if libc::WIFEXITED(ended) => exit(libc::WEXITSTATUS(ended)),
        Ok(ended) => exit(BY_SIGNAL.saturating_add(libc::WTERMSIG(ended))),
        Err(_) => exit(NOT_RUN),
    }
}

/// SIGALRM kills this process, also after exec, in `patience` seconds, even if the host ignored or blocked that signal.
/// The other signals stay blocked, as [`fork_undisturbed`] has left them.
fn end_after(patience: c_uint) {
    let alarm = SigSet::from(Signal::SIGALRM);
    // SAFETY: the default action calls no function.
    let _ = unsafe { libc::signal(libc::SIGALRM, libc::SIG_DFL) };
    let _ = alarm.thread_unblock(); // its only error is a wrong argument
    // SAFETY: takes a number.
    let _ = unsafe { libc::alarm(patience) };
}

fn of(program: &CStr, problem: ProgramProblem) -> Fault {
    Fault::Program { program: program.to_string_lossy().into_owned(), problem }
}

fn cannot_start(program: &CStr, error: Errno) -> Fault {
    of(program, ProgramProblem::NotStarted(error.into()))
}

/// The child, which makes the program a grandchild of the host and ends. Only exec or exit leaves this function.
fn in_child(program: &CStr, arguments: &[*const c_char], socket: RawFd) -> ! {
    match fork_without_signal() {
        Ok(None) => {
            let Err(_) = become_program(program, arguments, &[0], socket);
            exit(NOT_RUN)
        }
        Ok(Some(_)) | Err(_) => exit(NOT_RUN),
    }
}

/// Makes a child that runs `child`. No handler of the host runs in the child, although it is a copy of the host at
/// first.
fn fork_undisturbed(child: impl FnOnce() -> Infallible) -> Result<libc::pid_t, Errno> {
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    let forked = fork_without_signal().map(|forked| match forked {
        None => match child() {},
        Some(child) => child,
    });
    let _ = before.thread_set_mask(); // the mask came from the kernel
    forked
}

/// Like fork(2), except that the parent gets no signal when the child ends, and finds it only if it asks for such
/// children (`__WALL` of wait(2)). The child may call only functions that are safe in a signal handler.
fn fork_without_signal() -> Result<Option<libc::pid_t>, Errno> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: no flag is set, so nothing is shared. The order of the arguments differs between machines, but all are
    // zero.
    let child = Errno::result(unsafe { libc::syscall(libc::SYS_clone, NONE, NONE, NONE, NONE, NONE) })?;
    Ok(libc::pid_t::try_from(child).ok().filter(|&child| child != 0))
}

/// Waits for a child to end. Returns the status of wait(2).
fn wait_for(child: libc::pid_t) -> Result<c_int, Errno> {
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes one number to the pointer.
        let waited = Errno::result(unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) });
        if waited != Err(Errno::EINTR) {
            return waited.map(|_| status);
        }
    }
}

fn become_program(
    program: &CStr,
    arguments: &[*const c_char],
    streams: &[RawFd],
    socket: RawFd,
) -> Result<Infallible, Errno> {
    let environment: [*const c_char; 1] = [null()];
    for &stream in streams {
        // SAFETY: both are descriptor numbers. The standard stream changes only in this copy of the host.
        Errno::result(unsafe { libc::dup2(socket, stream) })?;
    }
    // SAFETY: a string that ends with a zero byte, and two arrays of such strings that end with null.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Err(Errno::last())
}

fn exit(status: c_int) -> ! {
    // SAFETY: takes a number, runs no handler of the host, and does not return.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_signal(signal: i32) -> Fault {
        of(c"/bin/sh", ProgramProblem::Signal(signal))
    }

    fn run_shell(script: &CStr, patience: c_uint) -> Result<c_int, Fault> {
        run(c"/bin/sh", &[c"sh", c"-c", script], patience)
    }

    #[test]
    fn gives_exit_status_of_program_that_ends() {
        // SAFETY: takes numbers; nothing else uses that descriptor.
        assert_eq!(unsafe { libc::dup2(0, 30) }, 30);
        assert_eq!(run_shell(c"echo out; echo err >&2; exit 27", 60), Ok(27));
        assert_eq!(run_shell(c"test ! -t 0 && test -z \"$HOME\"", 60), Ok(0));
        assert_eq!(run_shell(c"test ! -e /proc/self/fd/30", 60), Ok(0));
        assert_eq!(run(c"/nonexistent", &[c"x"], 60), Ok(127));
    }

    #[test]
    fn needs_no_sigchld_of_the_host() {
        // SAFETY: this replaces no handler of a test, and no other test here waits for children meanwhile.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let ended = run_shell(c"exit 27", 60);
        // SAFETY: as before.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        assert_eq!(ended, Ok(27));
    }

    #[test]
    fn fails_where_program_is_killed_or_too_slow() {
        assert_eq!(run_shell(c"kill -9 $$", 60), Err(by_signal(9)));
        // SAFETY: this replaces no handler of a test.
        unsafe { libc::signal(libc::SIGALRM, libc::SIG_IGN) };
        assert_eq!(run_shell(c"exec sleep 60", 1), Err(by_signal(14)));
    }
}
