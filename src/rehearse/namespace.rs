//! A mount namespace of this process, and what is mounted in it.

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{geteuid, getuid};
use twostep_rehearse::PROGRAM;

use crate::failure::{Failure, at};

const NOTHING: Option<&str> = None;
/// For what lies in memory: no program is started from there.
const INERT: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// Fails for every user but root, and in a set-uid program.
pub(crate) fn check_root() -> Result<(), Failure> {
    if getuid().is_root() && geteuid().is_root() { Ok(()) } else { Err(Failure::NotRoot) }
}

/// Gives this process a mount namespace of its own. No later mount gets out of it or into it.
pub(crate) fn enter() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)
}

/// Mounts `what` over `over`, with what is mounted below it. Both are files, or both are directories.
pub(crate) fn bind(what: &Path, over: &Path) -> Result<(), Failure> {
    let mounted = mount(Some(what), over, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING);
    mounted.map_err(|errno| Failure::Mount { path: over.to_owned(), errno })
}

/// Mounts an empty directory in memory over `over`, with the owner and mode of that.
pub(crate) fn cover(over: &Path) -> Result<(), Failure> {
    let kept = fs::metadata(over).map_err(at(over))?;
    mount_memory(over, &format!("mode={:o},uid={},gid={}", kept.mode() & 0o7777, kept.uid(), kept.gid()))
}

fn mount_memory(over: &Path, options: &str) -> Result<(), Failure> {
    let mounted = mount(Some("twostep-rehearse"), over, Some("tmpfs"), INERT, Some(options));
    mounted.map_err(|errno| Failure::Mount { path: over.to_owned(), errno })
}

/// A place in memory, for files that are then mounted elsewhere. They last as long as these mounts.
pub(crate) struct Scratch {
    place: &'static Path,
    made: usize,
}

impl Scratch {
    /// It covers the directory of this program, because that is there on every machine. Until this value is dropped, no program
    /// may be started from there.
    pub(crate) fn new() -> Result<Self, Failure> {
        let program = Path::new(PROGRAM);
        let place = program.parent().unwrap_or(program);
        mount_memory(place, "mode=700")?;
        Ok(Self { place, made: 0 })
    }

    fn next(&mut self) -> PathBuf {
        self.made = self.made.saturating_add(1);
        self.place.join(self.made.to_string())
    }

    /// A file with these bytes, and the owner and mode of `like`; without that, root's with mode 0644.
    pub(crate) fn file(&mut self, bytes: &[u8], like: Option<&Metadata>) -> Result<PathBuf, Failure> {
        let path = self.next();
        write(&path, bytes, like)?;
        Ok(path)
    }

    /// An empty directory with the owner and mode of `like`.
    pub(crate) fn directory(&mut self, like: &Metadata) -> Result<PathBuf, Failure> {
        let path = self.next();
        make_directory(&path, like)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If this fails, the helper is hidden and the logins that need it fail: nothing is let in.
        let _ = umount2(self.place, MntFlags::MNT_DETACH);
    }
}

/// Makes a directory with the owner and mode of `like`.
pub(crate) fn make_directory(path: &Path, like: &Metadata) -> Result<(), Failure> {
    DirBuilder::new().mode(0o700).create(path).map_err(at(path))?;
    give(path, like)
}

/// Writes a new file, see [`Scratch::file`].
pub(crate) fn write(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(bytes)).map_err(at(path))?;
    match like {
        Some(like) => give(path, like),
        None => fs::set_permissions(path, Permissions::from_mode(0o644)).map_err(at(path)),
    }
}

/// The mode comes last: a change of the owner removes bits from it.
fn give(path: &Path, like: &Metadata) -> Result<(), Failure> {
    chown(path, Some(like.uid()), Some(like.gid())).map_err(at(path))?;
    fs::set_permissions(path, Permissions::from_mode(like.mode() & 0o7777)).map_err(at(path))
}
