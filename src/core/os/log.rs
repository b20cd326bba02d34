//! Whether the system's log can be written to without waiting for ever.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::poll::PollFlags;

use super::channel::{after, wait};

/// Where syslog(3) sends its lines.
const LOG: &str = "/dev/log";

/// Waits until the log takes a line, but not longer than `patience`. False if it did not: somebody listens, does not read, and
/// has as much as the kernel keeps. syslog(3), whose socket blocks, would not come back then.
pub fn takes_a_line(patience: Duration) -> bool {
    let Ok(socket) = UnixDatagram::unbound() else { return true };
    // Where nobody listens, or not in this way, syslog(3) does not wait.
    let stuck = socket.connect(LOG).is_ok()
        && after(patience).and_then(|deadline| wait(&socket, PollFlags::POLLOUT, deadline)).is_err();
    !stuck
}
