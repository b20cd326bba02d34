//! An exclusive lock, with a bounded wait.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

/// The first pause between two tries. Pauses grow up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Why the lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process held it until the deadline.
    Busy,
    /// flock(2) failed with this error.
    Failed(Errno),
}

/// Takes the exclusive flock(2) of `file`, trying until `deadline`. A blocking call would need a signal to end it,
/// and signals belong to the host.
pub fn lock_exclusive(file: &File, deadline: Instant) -> Result<(), LockError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match flock(file, libc::LOCK_EX | libc::LOCK_NB) {
            Ok(()) => return Ok(()),
            Err(Errno::EWOULDBLOCK | Errno::EINTR) => {}
            Err(error) => return Err(LockError::Failed(error)),
        }
        if Instant::now() >= deadline {
            return Err(LockError::Busy);
        }
        sleep(pause);
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Releases the lock at once. A descriptor that a thread of the host has copied by fork would keep the lock after this
/// one is closed.
pub fn unlock(file: &File) {
    // If this fails, the close that follows releases the lock.
    let _ = flock(file, libc::LOCK_UN);
}

fn flock(file: &File, operation: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the descriptor is open as long as `file` is borrowed; flock takes no pointer.
    Errno::result(unsafe { libc::flock(file.as_raw_fd(), operation) }).map(drop)
}
