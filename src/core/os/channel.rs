//! A pair of sockets between a program and its helper. Each message arrives whole or not at all: SOCK_SEQPACKET
//! (unix(7)).

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::fault::{Fault, SocketProblem};
use crate::zeroizing::Zeroizing;

/// One end of a pair of sockets (`SOCK_SEQPACKET`).
pub struct Channel {
    socket: OwnedFd,
}

impl Channel {
    /// Both ends: one for this process, and one for the program to be started. Neither gets the descriptor number of a
    /// standard stream.
    pub fn pair() -> Result<(Self, OwnedFd), Fault> {
        let failed = |error: Errno| SocketProblem::NotMade(error.into());
        let (ours, theirs) = socket_pair().map_err(failed)?;
        let ours = Self { socket: beyond_standard(&ours).map_err(failed)? };
        Ok((ours, beyond_standard(&theirs).map_err(failed)?))
    }

    /// The end that this process got as its standard input. It is an error if standard input is anything other than
    /// such a socket.
    pub fn of_standard_input() -> Result<Self, Fault> {
        // SAFETY: the standard library has made sure that descriptor 0 exists, and nothing else in this process uses
        // it.
        let socket = unsafe { OwnedFd::from_raw_fd(0) };
        let is_ours = option(&socket, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
            && option(&socket, libc::SO_TYPE) == Ok(libc::SOCK_SEQPACKET);
        if !is_ours {
            return Err(SocketProblem::NotSocket.into());
        }
        Ok(Self { socket })
    }

    /// Sends one message, before `deadline`.
    pub fn send(&self, message: &[u8], deadline: Instant) -> Result<(), Fault> {
        loop {
            match send(&self.socket, message) {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN) => wait(&self.socket, PollFlags::POLLOUT, deadline)?,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(SocketProblem::Send(error.into()).into()),
            }
        }
    }

    /// Waits until `deadline` for one message of at most `longest` bytes; none if the other end is closed.
    pub fn receive(&self, longest: usize, deadline: Instant) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let mut message = Zeroizing::new(vec![0; longest]);
        let length = loop {
            wait(&self.socket, PollFlags::POLLIN, deadline)?;
            match receive(&self.socket, &mut message) {
                Ok(length) => break length,
                // A reset is reported once, if the other end closed with a message unread. What the other end sent
                // before then follows.
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNRESET) => {}
                Err(error) => return Err(SocketProblem::Receive(error.into()).into()),
            }
        };
        if length > longest {
            return Err(SocketProblem::TooLong(length).into());
        }
        message.truncate(length);
        Ok((length > 0).then_some(message))
    }
}

/// Waits until the socket is ready for `what`. Fails at `deadline`.
pub(super) fn wait(socket: impl AsFd, what: PollFlags, deadline: Instant) -> Result<(), Fault> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SocketProblem::Late.into());
        }
        let mut asked = [PollFd::new(socket.as_fd(), what)];
        match poll(&mut asked, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(Fault::Call("poll", error.into())),
        }
    }
}

/// The moment when `time` has passed.
pub fn after(time: Duration) -> Result<Instant, Fault> {
    Instant::now().checked_add(time).ok_or_else(|| SocketProblem::Late.into())
}

fn socket_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut pair = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptors to the pointer.
    Errno::result(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) })?;
    // SAFETY: the kernel has just made these two, and nothing else owns them.
    Ok(pair.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).into())
}

/// A numeric option of the socket.
fn option(socket: &OwnedFd, name: libc::c_int) -> Result<libc::c_int, Errno> {
    let mut value: libc::c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    let (fd, place) = (socket.as_raw_fd(), (&raw mut value).cast());
    // SAFETY: the kernel writes at most `length` bytes to `place`, and the number of bytes to `length`.
    Errno::result(unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, place, &raw mut length) })?;
    Ok(value)
}

/// Sends what can be sent at once. If the reader is gone, this is an error and not a signal.
fn send(socket: &OwnedFd, message: &[u8]) -> Result<usize, Errno> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the kernel reads the message, whose length is given.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), flags) };
    length(sent)
}

/// Receives a message that has arrived. Returns its whole length, including the bytes that did not fit.
fn receive(socket: &OwnedFd, message: &mut [u8]) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: the kernel writes no more than the given length.
    let came = unsafe { libc::recv(socket.as_raw_fd(), message.as_mut_ptr().cast(), message.len(), flags) };
    length(came)
}

fn length(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

/// A copy with a number above those of the standard streams: if a host has closed these, a new descriptor gets their
/// numbers.
fn beyond_standard(socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    let copy = fcntl(socket, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: fcntl(2) has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

    use nix::sys::signal::{SigHandler, Signal};

    use super::*;
    use crate::test_support::PATIENCE;

    /// For what is certain to succeed.
    fn patient() -> Instant {
        Instant::now() + PATIENCE
    }

    /// For what must fail.
    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn pair() -> (Channel, Channel) {
        let (ours, socket) = Channel::pair().unwrap();
        (ours, Channel { socket })
    }

    #[test]
    fn delivers_messages_whole_and_in_order() {
        let (one, other) = pair();
        one.send(b"first", patient()).unwrap();
        one.send(&[0; 9000], patient()).unwrap();
        assert_eq!(other.receive(16, patient()).unwrap().unwrap().as_slice(), b"first");
        assert_eq!(other.receive(9000, patient()).unwrap().unwrap().len(), 9000);
        drop(one);
        assert_eq!(other.receive(16, patient()), Ok(None), "closed");
        // By default the signal that a pipe sends here would end all of these tests.
        // SAFETY: the default action calls no function of this program.
        unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
        assert!(other.send(b"x", patient()).is_err(), "and no signal");
    }

    #[test]
    fn receives_message_of_a_sender_that_has_closed() {
        let (one, other) = pair();
        one.send(b"unread", patient()).unwrap();
        other.send(b"no", patient()).unwrap();
        drop(other);
        assert_eq!(one.receive(16, patient()).unwrap().unwrap().as_slice(), b"no");
        assert_eq!(one.receive(16, patient()), Ok(None));
    }

    #[test]
    fn fails_in_bounded_time_on_long_or_missing_messages() {
        let (one, other) = pair();
        one.send(b"seventeen letters", patient()).unwrap();
        assert_eq!(other.receive(16, patient()), Err(SocketProblem::TooLong(17).into()));
        assert_eq!(other.receive(16, soon()), Err(SocketProblem::Late.into()));
        while send(&one.socket, &[0; 9000]).is_ok() {}
        assert_eq!(one.send(&[0; 9000], soon()), Err(SocketProblem::Late.into()), "nobody reads");
    }
}
