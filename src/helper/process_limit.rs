//! The limit on helpers that one user may run at once. The kernel does not count them as processes of the user, because
//! they run as the account `twostep`.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::Uid;
use twostep_core::fault::{Fault, FileProblem, Operation, StartProblem};
use twostep_core::os::files::{Access, Dir, Privacy};
use twostep_core::os::root::Root;
use twostep_core::paths::STORE;

/// The most helpers of one caller at once.
const SLOTS: u32 = 16;
/// The file on which they are counted. It stays empty: a slot is a lock on a byte beyond its end.
const FILE: &str = "helpers";

/// A slot, kept until the process ends.
pub(crate) struct ProcessSlot(#[expect(dead_code, reason = "the lock is on it")] File);

/// Takes one of the slots of `caller`. `own` is the uid of the store's owner.
pub(crate) fn take_slot(caller: Uid, own: Uid) -> Result<ProcessSlot, Fault> {
    let dir = Dir::open(Root::SYSTEM.path(STORE), own, Privacy::Secret)?;
    if dir.open_file(FILE, Access::Read)?.is_none() {
        dir.create(FILE, b"")?; // another helper may have created it
    }
    let path = Root::SYSTEM.path(STORE).join(FILE);
    let file = dir.open_file(FILE, Access::Write)?;
    let file = file.ok_or_else(|| Fault::file(&path, FileProblem::Removed))?;
    for slot in 0..SLOTS {
        match lock(&file, u64::from(caller.as_raw()), slot) {
            Ok(()) => return Ok(ProcessSlot(file.into_file())),
            Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => {}
            Err(error) => return Err(Fault::of(&path, Operation::Lock, error)),
        }
    }
    Err(StartProblem::TooMany { uid: caller.as_raw(), helpers: SLOTS }.into())
}

/// Locks a byte of the caller while the file is open in this process (fcntl(2), open file description locks).
fn lock(file: &File, caller: u64, slot: u32) -> Result<(), Errno> {
    let byte = caller.saturating_mul(SLOTS.into()).saturating_add(slot.into());
    let what = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: libc::off_t::try_from(byte).map_err(|_| Errno::EOVERFLOW)?,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&what)).map(drop)
}
