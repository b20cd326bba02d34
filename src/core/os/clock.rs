//! The machine's clock: UTC, whatever the time zone says.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Fault;
use crate::time::UnixTime;

/// The present moment. A clock before 1970 is an error.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Result<UnixTime, Fault> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.map_err(|_| Fault("the system clock is before 1970".to_owned()))?;
    Ok(UnixTime::new(since.as_secs()))
}
