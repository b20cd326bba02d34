//! What takes a change back, whatever becomes of the terminal, the network and the machine: systemd's timer, or a process of our
//! own, and cron after a restart.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::setsid;
use twostep_change::journal::pending;
use twostep_core::os::root::Root;

use crate::failure::Failure;
use crate::words::enable as words;

/// There if systemd is the init of this machine (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";
const TIMER: &str = "twostep-revert.timer";
const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// The shipped line that takes a change back after a restart.
const CRONTAB: &str = "/etc/cron.d/twostep";
/// The process id of a running cron.
const PID_FILES: [&str; 2] = ["/run/crond.pid", "/run/cron.pid"];
/// How often the process looks whether the change is due.
const PAUSE: Duration = Duration::from_secs(5);
/// How long it waits after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);
/// How long the process waits for the change to be made.
const BEFORE: u32 = 12;

/// Starts what takes a change back. Called before the change is made.
pub(super) fn start() -> Result<(), Failure> {
    if Path::new(SYSTEMD).is_dir() {
        let started = Command::new(SYSTEMCTL).args(["start", TIMER]).stdin(Stdio::null()).status();
        return match started {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(unavailable()),
        };
    }
    if !Path::new(CRONTAB).is_file() || !PID_FILES.iter().any(|file| is_running(file)) {
        return Err(Failure::refused(words::NO_WAY_BACK, words::NO_WAY_BACK_THEN));
    }
    let program = std::env::current_exe().map_err(|_| unavailable())?;
    let mut command = Command::new(program);
    command.args(["revert", "--watch"]).env_clear().current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| unavailable())?;
    Ok(())
}

fn unavailable() -> Failure {
    Failure::unavailable(words::WAY_BACK_UNAVAILABLE, words::NO_WAY_BACK_THEN)
}

/// Whether the process of this number is there, by the file that it wrote.
fn is_running(file: &str) -> bool {
    let pid = fs::read_to_string(file).unwrap_or_default();
    let pid = pid.trim();
    !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) && Path::new("/proc").join(pid).exists()
}

/// Waits in the background as long as a change waits. `revert` is called again and again until the change is gone; it says whether it
/// has failed.
pub(super) fn watch(root: &Root, mut revert: impl FnMut() -> Result<(), Failure>) {
    // It must outlive the terminal. A process that leads a group already cannot, and needs not.
    let _ = setsid();
    let mut before = 0_u32;
    loop {
        let mut pause = PAUSE;
        match pending(root) {
            Ok(None) if before >= BEFORE => return,
            Ok(None) => before = before.saturating_add(1),
            Ok(Some(_)) | Err(_) => {
                before = BEFORE;
                if revert().is_err() {
                    pause = PAUSE_AFTER_FAILURE;
                }
            }
        }
        sleep(pause);
    }
}
