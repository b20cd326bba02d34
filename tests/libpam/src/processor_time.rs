//! What a test takes of the processor. It does not depend on how busy the machine is.

use std::time::Duration;

/// The time for which this thread has a processor while it runs `act`.
pub fn processor_time(act: impl FnOnce()) -> Duration {
    let before = of_thread();
    act();
    of_thread() - before
}

fn of_thread() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one structure of this type to the pointer.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "clock_gettime");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
