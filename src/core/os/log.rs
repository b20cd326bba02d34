//! Whether a write to the system's log would block.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::poll::PollFlags;

use super::channel::{after, wait};

/// The socket to which syslog(3) sends.
const LOG: &str = "/dev/log";

/// Waits until the log accepts a line, at most `patience`. False if it does not: a program listens but does not read,
/// and the kernel's buffer is full. syslog(3) would then block without end.
pub fn takes_a_line(patience: Duration) -> bool {
    let Ok(socket) = UnixDatagram::unbound() else { return true };
    // If no program listens, or it listens in another way, syslog(3) does not wait.
    let stuck = socket.connect(LOG).is_ok()
        && after(patience).and_then(|deadline| wait(&socket, PollFlags::POLLOUT, deadline)).is_err();
    !stuck
}
