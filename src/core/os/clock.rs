//! The machine's clock, in UTC.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fault::Fault;
use crate::time::UnixTime;

/// The last second of the year 9999. The crates that write dates fail after it.
const LAST: u64 = 253_402_300_799;

/// The present moment. A clock before 1970, or after 9999, is an error.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Result<UnixTime, Fault> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.map_err(|_| Fault::Clock { is_early: true })?;
    if since.as_secs() > LAST {
        return Err(Fault::Clock { is_early: false });
    }
    Ok(UnixTime::new(since.as_secs()))
}

/// Whether a program keeps the clock right, as far as the kernel knows (adjtimex(2)). None if the call fails.
pub fn is_synchronised() -> Option<bool> {
    let mut clock = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: the pointer is valid for one `timex`. Its modes are zero, so the kernel changes nothing and fills it in.
    let state = unsafe { libc::adjtimex(clock.as_mut_ptr()) };
    // SAFETY: a `timex` holds only numbers, for which zeros are valid, and so are the values that the kernel wrote.
    let clock = unsafe { clock.assume_init() };
    (state >= 0).then_some(clock.status & libc::STA_UNSYNC == 0)
}
