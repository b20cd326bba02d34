//! How much of a machine whoever runs this may see.

use nix::unistd::geteuid;
use twostep_core::fault::Fault;
use twostep_core::os::root::Root;

/// How much can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Everything, to root and to whoever owns the root: what cannot be read is a fault.
    Whole,
    /// What everybody may read: what cannot be read may be as it should.
    Public,
}

impl Sight {
    /// What this process sees of `root`.
    pub fn of(root: &Root) -> Result<Self, Fault> {
        let own = geteuid();
        Ok(if own.is_root() || own == root.system_owner()? { Self::Whole } else { Self::Public })
    }
}
