//! A process that runs, as /proc shows it (proc(5)), and what has changed since it began.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use twostep_core::os::root::Root;

use crate::tree;

/// The clock ticks of a second in /proc, on every architecture of Linux.
const TICKS: u64 = 100;
/// The time of boot is known in whole seconds.
const DOUBT: Duration = Duration::from_secs(1);

/// A process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it was started, since 1970; none if nobody knows.
    started: Option<Duration>,
}

impl Process {
    /// The process of this number, on the machine below `root`.
    pub(crate) fn of(root: &Root, pid: u32) -> Self {
        Self { pid, started: started(root, pid) }
    }

    /// When this sshd last read its settings, as far as one can know: it writes `pid_file` anew each time. Where that names another
    /// process, only the start of this one is known.
    pub fn last_start(&self, root: &Root, pid_file: &str) -> Option<Duration> {
        let is_own = tree::text(root, pid_file).is_some_and(|text| text.trim() == self.pid.to_string());
        let written = fs::metadata(root.path(pid_file)).ok().filter(|_| is_own);
        let written = written.and_then(|file| since_1970(file.mtime(), file.mtime_nsec()));
        written.or_else(|| self.started?.checked_add(DOUBT))
    }
}

/// When this file or folder was last changed or replaced, since 1970.
pub fn last_change(root: &Root, path: &str) -> Option<Duration> {
    let file = fs::metadata(root.path(path)).ok()?;
    since_1970(file.ctime(), file.ctime_nsec())
}

fn since_1970(seconds: i64, nanoseconds: i64) -> Option<Duration> {
    Some(Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?))
}

/// When the process was started, since 1970: so many ticks after the boot.
fn started(root: &Root, pid: u32) -> Option<Duration> {
    let boot = tree::text(root, "/proc/stat")?;
    let boot: u64 = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())?;
    let stat = tree::text(root, &format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything. The start is the 22nd field, and the state behind the name the third.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(Duration::from_secs(boot.checked_add(ticks.checked_div(TICKS)?)?))
}
