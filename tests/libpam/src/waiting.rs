//! Waits of tests.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// Returns once `holds` is true. Fails after a time in which what is certain to come does so on a busy machine, too.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(1));
    }
}

/// How many descriptors of this process are of `file`. A login in a thread that waits for the lock has one.
pub fn descriptors_of(file: &Path) -> usize {
    let identity = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let wanted = identity(file);
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|entry| identity(&entry.as_ref().unwrap().path()) == wanted).count()
}
