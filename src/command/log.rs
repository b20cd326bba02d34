//! The system's log, which has a line for each act of an administrator.

use std::cell::{Cell, OnceCell};
use std::error::Error;
use std::time::Duration;

use syslog::{Facility, Formatter3164, Logger, LoggerBackend};
use twostep_core::login::audit::Value;
use twostep_core::manage::act::{ActLog, Target};
use twostep_core::os::syslog::connect;

use crate::terminal::warn;
use crate::words::frame::not_logged;

/// How long the first line waits for a log that is busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// The log of this machine, or none.
pub(crate) struct Log {
    /// Whether acts are those on this machine, and not on a folder given with `--root`.
    is_real: bool,
    /// How long a line waits. An import writes many lines, and only the first that fails waits.
    patience: Cell<Duration>,
    /// The user who acts, looked up once.
    caller: OnceCell<String>,
}

impl Log {
    pub(crate) fn new(is_real: bool) -> Self {
        Self { is_real, patience: Cell::new(PATIENCE), caller: OnceCell::new() }
    }
}

impl ActLog for &Log {
    /// The act is done, so a line that cannot be written is shown, and is no error.
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        if !self.is_real {
            return;
        }
        let by = self.caller.get_or_init(caller);
        let line = format!("act={act} user={} uid={}{more} by={by}", Value(&target.name()), target.uid);
        if let Err(error) = write(&line, self.patience.get()) {
            self.patience.set(Duration::ZERO);
            warn(&not_logged(error, line));
        }
    }
}

/// The crate writes to a socket of ours: its own would wait without end for a log that is not read.
fn write(line: &str, patience: Duration) -> Result<(), Box<dyn Error>> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "twostep".to_owned(),
        pid: std::process::id(),
    };
    let socket = LoggerBackend::Unix(connect(patience)?);
    Ok(Logger::new(socket, formatter).notice(line)?)
}

/// The login uid, which survives su and sudo, if the kernel knows it.
fn caller() -> String {
    let uid = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    match uid.trim() {
        "" | "4294967295" => "root".to_owned(),
        uid => format!("loginuid:{uid}"),
    }
}
