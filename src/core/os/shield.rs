//! Keeps the caller of a setuid host from stopping it while it holds a lock.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::unistd::{Uid, geteuid, getuid};

/// Protects a login from being stopped. In su and sudo the real uid is the caller's, so the caller may send signals,
/// including SIGSTOP, and the terminal sends SIGTSTP. A login that is stopped while it holds a user's lock blocks that
/// user's other logins. While this value exists, the thread's real uid is root's, and the terminal's stop signals wait.
/// Both are then restored.
pub struct Shield {
    caller: Option<Uid>,
    mask: SigSet,
}

impl Shield {
    /// Raises the shield. It has no effect in a process that is not root, and in one that could not restore the
    /// caller's uid.
    pub fn raise() -> Result<Self, Errno> {
        let mut mask = SigSet::empty();
        let mut stops = SigSet::empty();
        [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU].into_iter().for_each(|stop| stops.add(stop));
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&stops), Some(&mut mask))?;
        let mut shield = Self { caller: None, mask };
        let caller = getuid();
        if !caller.is_root() && geteuid().is_root() && may_set_uids() && set_real_uid(caller).is_ok() {
            set_real_uid(Uid::from_raw(0))?;
            shield.caller = Some(caller);
        }
        Ok(shield)
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        // Neither call fails: setting this uid was tried before, and the mask came from the kernel.
        let _ = self.caller.map(set_real_uid);
        let _ = self.mask.thread_set_mask();
    }
}

/// On 32-bit machines the call of the plain name cuts uids to 16 bits.
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
const SETRESUID: libc::c_long = libc::SYS_setresuid32;
#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
const SETRESUID: libc::c_long = libc::SYS_setresuid;

/// Sets the real uid of this thread only. libc's function would set it for all threads of the host.
fn set_real_uid(uid: Uid) -> Result<(), Errno> {
    // SAFETY: setresuid(2) takes three numbers; -1 leaves the effective and the saved uid as they are.
    Errno::result(unsafe { libc::syscall(SETRESUID, uid.as_raw(), -1, -1) }).map(drop)
}

/// Whether this thread has CAP_SETUID, which a container may have taken from root. Taking root's uid as the real one
/// needs no capability, but restoring the caller's does.
fn may_set_uids() -> bool {
    const CAP_SETUID: u32 = 7;
    /// The header and the two sets of capget(2), version 3: 64 bits for each of effective, permitted, inheritable.
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    // SAFETY: the kernel reads and writes two 32-bit numbers at the first pointer, and writes six at the second.
    let got = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    let [effective, ..] = sets;
    got == 0 && effective & (1 << CAP_SETUID) != 0
}
