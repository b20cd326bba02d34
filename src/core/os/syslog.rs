//! The system's log, for programs that must not block on it.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::poll::PollFlags;

use super::channel::{after, wait};
use crate::fault::{Fault, Operation};
use crate::verdict::Priority;

/// The socket of syslog(3). The daemons of Linux distributions make it a datagram socket.
const LOG: &str = "/dev/log";
/// LOG_AUTHPRIV of syslog(3), as in the priority of a line.
const AUTHPRIV: i32 = 10 << 3;
/// How long a login waits for a log that accepts no line.
const PATIENCE: Duration = Duration::from_secs(1);

/// A socket on which a line waits at most `patience` while the log is busy. Sending fails if the daemon is stopped or
/// the socket stays full; syslog(3) hides the first and waits for the second without end.
pub fn connect(patience: Duration) -> Result<UnixDatagram, Fault> {
    let socket = UnixDatagram::unbound().map_err(|error| Fault::Call("socket", error.into()))?;
    limit(&socket, patience)?;
    socket.connect(LOG).map_err(|error| Fault::of(LOG, Operation::Connect, error))?;
    Ok(socket)
}

fn limit(socket: &UnixDatagram, patience: Duration) -> Result<(), Fault> {
    if patience.is_zero() {
        return socket.set_nonblocking(true).map_err(|error| Fault::Call("fcntl", error.into()));
    }
    socket.set_write_timeout(Some(patience)).map_err(|error| Fault::Call("setsockopt", error.into()))
}

/// Writes `text`, which holds no line end, to the log as a line of `program`. It does not wait.
pub fn write(program: &str, priority: Priority, text: &str) -> Result<(), Fault> {
    let line = format!("<{}>{program}[{}]: {text}", AUTHPRIV | priority as i32, std::process::id());
    let sent = connect(Duration::ZERO)?.send(line.as_bytes());
    sent.map(drop).map_err(|error| Fault::of(LOG, Operation::Write, error))
}

/// Waits until the log accepts a line, at most a second. False if it does not: a program listens but does not read,
/// and the kernel keeps no more lines for it. syslog(3) would then block without end.
pub fn takes_a_line() -> bool {
    let Ok(socket) = UnixDatagram::unbound() else { return true };
    // If no program listens, or it listens on a socket of another kind, syslog(3) does not wait.
    let is_stuck = socket.connect(LOG).is_ok()
        && after(PATIENCE).and_then(|deadline| wait(&socket, PollFlags::POLLOUT, deadline)).is_err();
    !is_stuck
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Instant;

    use super::*;
    use crate::test_support::PATIENCE;

    const SHORT: Duration = Duration::from_millis(50);

    fn sent(socket: &UnixDatagram, patience: Duration) -> (Result<usize, ErrorKind>, Duration) {
        limit(socket, patience).unwrap();
        let began = Instant::now();
        let sent = socket.send(b"<85>twostep[1]: act=unlock").map_err(|error| error.kind());
        (sent, began.elapsed())
    }

    #[test]
    fn sends_line_to_log_that_is_read() {
        let (socket, log) = UnixDatagram::pair().unwrap();
        sent(&socket, SHORT).0.unwrap();
        let mut line = [0; 64];
        let length = log.recv(&mut line).unwrap();
        assert_eq!(&line[..length], b"<85>twostep[1]: act=unlock");
    }

    #[test]
    fn gives_up_on_full_log_after_its_patience() {
        for patience in [SHORT, Duration::ZERO] {
            let (socket, _log) = UnixDatagram::pair().unwrap();
            while sent(&socket, patience).0.is_ok() {}
            let (full, took) = sent(&socket, patience);
            assert_eq!(full, Err(ErrorKind::WouldBlock));
            assert!(took >= patience && took < PATIENCE, "{took:?}");
        }
    }

    #[test]
    fn fails_at_once_if_no_program_listens() {
        let (socket, log) = UnixDatagram::pair().unwrap();
        drop(log);
        let (gone, took) = sent(&socket, 2 * PATIENCE);
        assert_eq!(gone, Err(ErrorKind::ConnectionRefused));
        assert!(took < PATIENCE, "{took:?}");
    }
}
