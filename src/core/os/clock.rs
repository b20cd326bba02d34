//! The machine's clock: UTC, whatever the time zone says.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::fault::Fault;
use crate::time::UnixTime;

/// The last second of the year 9999: behind it the crates that write dates give up.
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

/// Whether something keeps the clock right, as far as the kernel was told: adjtimex(2). None if it does not say.
pub fn is_synchronised() -> Option<bool> {
    let mut clock = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: the pointer is valid for one `timex`; its modes are zero, so the kernel changes nothing and fills it in.
    let state = unsafe { libc::adjtimex(clock.as_mut_ptr()) };
    // SAFETY: a `timex` is numbers alone, for which zeros are valid, and so is what the kernel wrote.
    let clock = unsafe { clock.assume_init() };
    (state >= 0).then_some(clock.status & libc::STA_UNSYNC == 0)
}
