//! The resource limits (getrlimit(2)) below which no answer of the name service can be trusted.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::fault::Fault;

/// The limits that a caller may have set, and the least that this program needs. A limit that is too low does not only
/// make operations fail: if the name service cannot load a part of itself, it says that a group does not exist.
const NEEDED: [(Resource, &str, u64); 6] = [
    (Resource::RLIMIT_NOFILE, "descriptors (RLIMIT_NOFILE)", 64),
    (Resource::RLIMIT_STACK, "bytes of stack (RLIMIT_STACK)", 1 << 20),
    (Resource::RLIMIT_AS, "bytes of address space (RLIMIT_AS)", 256 << 20),
    (Resource::RLIMIT_DATA, "bytes of data (RLIMIT_DATA)", 256 << 20),
    (Resource::RLIMIT_FSIZE, "bytes in a file (RLIMIT_FSIZE)", 1 << 20),
    (Resource::RLIMIT_CPU, "seconds of processor time (RLIMIT_CPU)", 60),
];

/// Fails if a user started this process, possibly as a set-uid program, under limits that are too low. Limits that root
/// has set are accepted.
pub(crate) fn check() -> Result<(), Fault> {
    if is_started_by_root() {
        return Ok(());
    }
    NEEDED.into_iter().try_for_each(|(resource, what, least)| {
        let (now, _) = getrlimit(resource).map_err(cannot_get)?;
        enough(now, what, least)
    })
}

/// Forbids core dumps. Raises the needed limits to the caller's hard limits, and fails if those are too low.
pub(super) fn raise() -> Result<(), Fault> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(cannot_set)?;
    NEEDED.into_iter().try_for_each(|(resource, what, least)| {
        let (_, most) = getrlimit(resource).map_err(cannot_get)?;
        enough(most, what, least)?;
        setrlimit(resource, most, most).map_err(cannot_set)
    })
}

/// Whether the real uid was root's when the program was executed. Set-uid programs may change it later.
fn is_started_by_root() -> bool {
    // SAFETY: takes a number, and reads a value that the kernel has put beside the arguments.
    (unsafe { libc::getauxval(libc::AT_UID) }) == 0
}

fn enough(allowed: u64, what: &'static str, least: u64) -> Result<(), Fault> {
    if allowed >= least {
        return Ok(());
    }
    Err(Fault::Limit { what, allowed, least })
}

fn cannot_get(error: Errno) -> Fault {
    Fault::Call("getrlimit", error.into())
}

fn cannot_set(error: Errno) -> Fault {
    Fault::Call("setrlimit", error.into())
}
