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

/// How important a line is (RFC 3164).
#[derive(Clone, Copy)]
enum Severity {
    Notice,
    Error,
}

impl Log {
    pub(crate) fn new(is_real: bool) -> Self {
        Self { is_real, patience: Cell::new(PATIENCE), caller: OnceCell::new() }
    }
}

impl Log {
    /// A change to files of other programs, which is about services.
    pub(crate) fn log_change(&self, act: &str, services: &str, more: &str) {
        self.log(Severity::Notice, &format!("act={act} services={}{more}", Value(services)));
    }

    /// A change that cannot be taken back now.
    pub(crate) fn log_failed_revert(&self, cause: &str) {
        self.log(Severity::Error, &format!("act=revert result=failed cause={}", Value(cause)));
    }

    /// A service that asks for no code any more.
    pub(crate) fn log_lost(&self, service: &str) {
        let cause = Value("something has replaced the file of the service: run 'twostep doctor'");
        self.log(
            Severity::Error,
            &format!("act=enable result=lost services={} cause={cause}", Value(service)),
        );
    }

    /// The act is done, so a line that cannot be written is shown, and is no error.
    fn log(&self, severity: Severity, line: &str) {
        if !self.is_real {
            return;
        }
        let by = self.caller.get_or_init(caller);
        let line = format!("{line} by={by}");
        if let Err(error) = write(severity, &line, self.patience.get()) {
            self.patience.set(Duration::ZERO);
            warn(&not_logged(error, line));
        }
    }
}

impl ActLog for &Log {
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        self.log(
            Severity::Notice,
            &format!("act={act} user={} uid={}{more}", Value(&target.name()), target.uid),
        );
    }
}

/// The crate writes to a socket of ours: its own would wait without end for a log that is not read.
fn write(severity: Severity, line: &str, patience: Duration) -> Result<(), Box<dyn Error>> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "twostep".to_owned(),
        pid: std::process::id(),
    };
    let socket = LoggerBackend::Unix(connect(patience)?);
    let mut logger = Logger::new(socket, formatter);
    match severity {
        Severity::Notice => logger.notice(line)?,
        Severity::Error => logger.err(line)?,
    }
    Ok(())
}

/// The login uid, which survives su and sudo, if the kernel knows it.
fn caller() -> String {
    let uid = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    match uid.trim() {
        "" | "4294967295" => "root".to_owned(),
        uid => format!("loginuid:{uid}"),
    }
}
