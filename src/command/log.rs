//! The system's log, in which the acts of administrators stand.

use syslog::{Facility, Formatter3164, LoggerBackend};
use twostep_core::fault::Fault;
use twostep_core::login::audit::Value;
use twostep_core::manage::act::{ActLog, Target};

/// The log of this machine, or none.
#[derive(Clone, Copy)]
pub(crate) struct Log {
    /// Whether the machine itself is meant, and so its log.
    pub real: bool,
}

impl ActLog for Log {
    /// That it was done counts more: a log that is away changes nothing.
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        if self.real {
            let line =
                format!("act={act} user={} uid={}{more} by={}", Value(&target.name()), target.uid, caller());
            let _ = write(&line);
        }
    }
}

/// The login uid, which survives su and sudo, as far as the kernel knows it.
fn caller() -> String {
    let uid = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    match uid.trim() {
        "" | "4294967295" => "root".to_owned(),
        uid => format!("loginuid:{uid}"),
    }
}

/// One connection an event, which never waits: the crate would block for ever on a log that is not read.
fn write(line: &str) -> Result<(), Fault> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "twostep".to_owned(),
        pid: std::process::id(),
    };
    let failed = |error: syslog::Error| Fault::Log(error.to_string());
    let mut logger = syslog::unix(formatter).map_err(failed)?;
    if let LoggerBackend::Unix(socket) = &logger.backend {
        socket.set_nonblocking(true).map_err(|error| Fault::Log(error.to_string()))?;
    }
    logger.notice(line).map_err(failed)
}
