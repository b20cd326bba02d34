//! Keeps whoever started a setuid host from stopping it while it holds a lock.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::unistd::{Uid, geteuid, getuid};

/// What must not be stopped. In su and sudo the real uid is the caller's, who may therefore send signals, SIGSTOP
/// too, and the terminal sends SIGTSTP: a login that is stopped while it holds a user's lock holds up that user's other
/// logins. As long as this lives the thread's real uid is root's and the terminal's stop signals wait. Both are then put
/// back as they were.
pub struct Shield {
    caller: Option<Uid>,
    mask: SigSet,
}

impl Shield {
    /// Raises the shield. A process that is not root has none to raise: who may signal it is its own matter.
    pub fn raise() -> Result<Self, Errno> {
        let mut mask = SigSet::empty();
        let mut stops = SigSet::empty();
        [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU].into_iter().for_each(|stop| stops.add(stop));
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&stops), Some(&mut mask))?;
        let mut shield = Self { caller: None, mask };
        if geteuid().is_root() && !getuid().is_root() {
            let caller = getuid();
            set_real_uid(Uid::from_raw(0))?;
            shield.caller = Some(caller);
        }
        Ok(shield)
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        // Neither can fail: the effective uid is root's, and the mask is one that the kernel gave us.
        let _ = self.caller.map(set_real_uid);
        let _ = self.mask.thread_set_mask();
    }
}

/// Sets the real uid of this thread alone. libc's function would set it for all threads of the host.
fn set_real_uid(uid: Uid) -> Result<(), Errno> {
    // SAFETY: setresuid(2) takes three numbers; -1 leaves the effective and the saved uid as they are.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid.as_raw(), -1, -1) }).map(drop)
}
