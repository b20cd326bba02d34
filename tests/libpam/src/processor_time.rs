//! What a test takes of the processor, and how often it waits. Neither depends on how busy the machine is.

use std::mem::MaybeUninit;
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

/// How often this thread gave up its processor by itself while it ran `act`: it slept, or waited for a disk or a lock.
pub fn waits(act: impl FnOnce()) -> i64 {
    let before = waits_of_thread();
    act();
    waits_of_thread() - before
}

fn waits_of_thread() -> i64 {
    let mut usage = MaybeUninit::uninit();
    // SAFETY: the kernel writes one structure of this type to the pointer.
    let status = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    assert_eq!(status, 0, "getrusage");
    // SAFETY: the call has succeeded.
    unsafe { usage.assume_init() }.ru_nvcsw
}
