//! Waits of tests.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test waits for what is certain to come. What waits for nothing is sooner, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Returns once `holds` is true.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(1));
    }
}

/// How many descriptors of this process are of `file`. A thread that waits for its lock has one.
pub(crate) fn descriptors_of(file: &Path) -> usize {
    let identity = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let wanted = identity(file);
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|entry| identity(&entry.as_ref().unwrap().path()) == wanted).count()
}
