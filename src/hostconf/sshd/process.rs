//! A process that runs, as /proc shows it (proc(5)), and what has changed since it began.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use twostep_core::os::root::Root;

use crate::tree;

/// The milliseconds of a clock tick in /proc, on every architecture of Linux.
const TICK: u64 = 10;
/// The time of boot is known in whole seconds, and the start of a process since then in ticks, both rounded down.
const DOUBT: Duration = Duration::from_secs(1).saturating_add(Duration::from_millis(TICK));

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process {
    pub pid: u32,
    /// The earliest moment at which it may have been started, since 1970, and at most [`DOUBT`] too early; none if that is not known.
    started: Option<Duration>,
}

impl Process {
    /// The process of this number, on the machine below `root`.
    pub(crate) fn of(root: &Root, pid: u32) -> Self {
        Self { pid, started: started(root, pid) }
    }

    /// When this sshd last read its settings. It writes its PID file each time, so a file that names it tells. Any other file
    /// tells nothing: several sshds may write the same one, and an sshd with `PidFile none` writes none.
    pub fn last_read(&self, root: &Root, pid_file: &str) -> Option<LastRead> {
        // A file that is older than the process was written for another one of this number, or by another clock.
        let is_own = |written: &Duration| self.started.is_none_or(|started| started <= *written);
        match self.noted(root, pid_file).filter(is_own) {
            Some(written) => Some(LastRead::At(written)),
            None => self.started?.checked_add(DOUBT).map(LastRead::NotBefore),
        }
    }

    /// When the PID file was written that names this process.
    fn noted(&self, root: &Root, pid_file: &str) -> Option<Duration> {
        let path = pid_file.starts_with('/').then(|| root.path(pid_file))?;
        let names_it = tree::text_of(&path)?.trim() == self.pid.to_string();
        let file = fs::metadata(path).ok().filter(|_| names_it)?;
        since_1970(file.mtime(), file.mtime_nsec())
    }
}

/// When an sshd last read its settings, since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastRead {
    /// At this moment.
    At(Duration),
    /// When it was started, or later, if it was told to read them again.
    NotBefore(Duration),
}

/// What has happened to a file of settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Its text was written.
    Text,
    /// It was put in place of another one, or something else about it was changed, such as its mode.
    Other,
    /// It is a folder, in which files were added, replaced or removed.
    Entries,
}

/// What has happened to the file or folder since that moment.
pub fn change(root: &Root, path: &str, moment: Duration) -> Option<Change> {
    let file = fs::metadata(root.path(path)).ok()?;
    let is_written = since_1970(file.mtime(), file.mtime_nsec())? > moment;
    // Nobody can set this one.
    let is_changed = since_1970(file.ctime(), file.ctime_nsec())? > moment;
    match (is_changed, file.is_dir(), is_written) {
        (false, ..) | (true, true, false) => None,
        (true, true, true) => Some(Change::Entries),
        (true, false, true) => Some(Change::Text),
        (true, false, false) => Some(Change::Other),
    }
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
    Duration::from_secs(boot).checked_add(Duration::from_millis(ticks.checked_mul(TICK)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_known_to_a_second_and_a_tick() {
        let folder = std::env::temp_dir().join(format!("twostep-process-{}", std::process::id()));
        fs::create_dir_all(folder.join("proc/7")).unwrap();
        fs::write(folder.join("proc/stat"), "cpu 1 2\nbtime 1000\n").unwrap();
        let fields = "0 ".repeat(18);
        let table = [("199", "1003.000"), ("200", "1003.010"), ("5000000000", "50001001.010")];
        for (ticks, not_before) in table {
            fs::write(folder.join("proc/7/stat"), format!("7 (a) b) S {fields}{ticks} 0")).unwrap();
            let root = Root::at(&folder).unwrap();
            let process = Process::of(&root, 7);
            let Some(LastRead::NotBefore(moment)) = process.last_read(&root, "none") else { panic!() };
            assert_eq!(format!("{}.{:03}", moment.as_secs(), moment.subsec_millis()), not_before);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
