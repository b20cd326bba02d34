//! The helper's lines in the system's log.

use twostep_core::login::audit::{Line, Sentence};
use twostep_core::os::syslog;
use twostep_core::verdict::Priority;

/// Writes one line. It never waits: if the log is down or not read, the line is lost.
pub(crate) fn write(line: &Line) {
    let _ = syslog::write("twostep-helper", line.priority, &line.text); // there is no other place to report it
}

/// Writes why the helper failed.
pub(crate) fn write_fault(cause: &str) {
    write(&Line { priority: Priority::Err, text: format!("result=error cause={}", Sentence(cause)) });
}
