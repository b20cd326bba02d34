//! Random bytes from the kernel.

use crate::fault::{Failed, Fault};

/// Fills `bytes` from getrandom(2), which waits until the kernel has gathered enough entropy. There is no other source.
pub fn fill(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|error| Fault::Call("getrandom", Failed::Other(error.to_string())))
}
