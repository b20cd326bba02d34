//! How much of a machine whoever runs this may see.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
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

/// Whether this is there, and this process may not read it; or may not even know whether it is there.
pub fn is_hidden(path: &Path) -> bool {
    let opened = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    opened.err().as_ref().is_some_and(is_denied)
}

/// Whether the permission is missing.
pub fn is_denied(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}
