//! The helper's lines in the system's log.

use twostep_core::login::audit::{Line, Sentence};
use twostep_core::os::syslog;
use twostep_core::verdict::Priority;

/// Writes one line. A log that is away, or is not read, holds up nobody: the line is lost.
pub(crate) fn write(line: &Line) {
    let _ = syslog::write("twostep-helper", line.priority, &line.text); // there is nobody else to tell
}

/// Writes why the helper failed.
pub(crate) fn write_fault(cause: &str) {
    write(&Line { priority: Priority::Err, text: format!("result=error cause={}", Sentence(cause)) });
}
