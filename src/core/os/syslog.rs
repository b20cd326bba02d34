//! The system's log, for programs that must not wait for it without end.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::channel::{after, wait};
use crate::fault::{Fault, Operation};
use crate::verdict::Priority;

/// The socket of syslog(3). The daemons of Linux distributions make it a datagram socket.
const LOG: &str = "/dev/log";
/// LOG_AUTHPRIV of syslog(3), as a line's priority has it.
const AUTHPRIV: i32 = 10 << 3;

/// Writes `text` to the log, as a line of `program`. If the log is busy, it waits at most `patience`.
///
/// `text` must hold no line end. A daemon that is stopped and a full socket are errors: syslog(3) hides the one and waits for the
/// other without end.
pub fn write(program: &str, priority: Priority, text: &str, patience: Duration) -> Result<(), Fault> {
    let line = format!("<{}>{program}[{}]: {text}", AUTHPRIV | priority as i32, std::process::id());
    let deadline = after(patience)?;
    let socket = UnixDatagram::unbound().map_err(|error| Fault::Call("socket", error.into()))?;
    socket.set_nonblocking(true).map_err(|error| Fault::Call("fcntl", error.into()))?;
    socket.connect(LOG).map_err(|error| Fault::of(LOG, Operation::Connect, error))?;
    send(&socket, line.as_bytes(), deadline).map_err(|error| Fault::of(LOG, Operation::Write, error))
}

fn send(socket: &UnixDatagram, line: &[u8], deadline: Instant) -> Result<(), Errno> {
    loop {
        match nix::unistd::write(socket, line) {
            Ok(_) => return Ok(()),
            Err(Errno::EAGAIN) => {
                wait(socket, PollFlags::POLLOUT, deadline).map_err(|_| Errno::ETIMEDOUT)?;
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until the log takes a line, at most `patience`. False if it did not: a program listens, does not read, and the kernel
/// keeps no more lines for it. syslog(3), whose socket blocks, would not return then.
pub fn takes_a_line(patience: Duration) -> bool {
    let Ok(socket) = UnixDatagram::unbound() else { return true };
    // Without a listener, or with one of another kind of socket, syslog(3) does not wait.
    let is_stuck = socket.connect(LOG).is_ok()
        && after(patience).and_then(|deadline| wait(&socket, PollFlags::POLLOUT, deadline)).is_err();
    !is_stuck
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn sent(socket: &UnixDatagram) -> (Result<(), Errno>, Duration) {
        socket.set_nonblocking(true).unwrap();
        let began = Instant::now();
        let sent = send(socket, b"<85>twostep[1]: act=unlock", after(PATIENCE).unwrap());
        (sent, began.elapsed())
    }

    #[test]
    fn sends_line_to_log_that_is_read() {
        let (socket, log) = UnixDatagram::pair().unwrap();
        assert_eq!(sent(&socket).0, Ok(()));
        let mut line = [0; 64];
        let length = log.recv(&mut line).unwrap();
        assert_eq!(&line[..length], b"<85>twostep[1]: act=unlock");
    }

    #[test]
    fn gives_up_on_log_that_is_full_after_its_patience() {
        let (socket, _log) = UnixDatagram::pair().unwrap();
        while sent(&socket).0.is_ok() {}
        let (full, took) = sent(&socket);
        assert_eq!(full, Err(Errno::ETIMEDOUT));
        assert!(took >= PATIENCE && took < Duration::from_secs(2), "{took:?}");
    }

    #[test]
    fn fails_at_once_where_no_program_listens() {
        let (socket, log) = UnixDatagram::pair().unwrap();
        drop(log);
        let (gone, took) = sent(&socket);
        assert_eq!(gone, Err(Errno::ECONNREFUSED));
        assert!(took < PATIENCE, "{took:?}");
    }
}
