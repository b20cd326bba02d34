//! The system's log. The crate syslog would bring nine others into a set-uid program.

use std::os::unix::net::UnixDatagram;

use twostep_core::login::audit::{Line, Sentence};
use twostep_core::verdict::Priority;

/// LOG_AUTHPRIV of syslog(3), as it stands in a line's priority.
const AUTHPRIV: i32 = 10 << 3;

/// Writes one line. It never waits: a log that is away, or is not read, holds up nobody.
pub(crate) fn write(line: &Line) {
    let text =
        format!("<{}>twostep-helper[{}]: {}", AUTHPRIV | line.priority as i32, std::process::id(), line.text);
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(text.as_bytes(), "/dev/log")
    });
    let _ = sent; // there is nobody else to tell
}

/// Writes why the helper gives up.
pub(crate) fn write_fault(cause: &str) {
    write(&Line { priority: Priority::Err, text: format!("result=error cause={}", Sentence(cause)) });
}
