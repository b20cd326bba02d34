//! Reads files in homes, where their owners may have put anything.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, RenameFlags, ResolveFlag, open, openat2, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, User, getegid, geteuid, getgrouplist, getgroups, setegid, seteuid, setgroups};

use super::obstacle::Obstacle;
use twostep_core::zeroizing::Zeroizing;

/// No file of one user is longer. Bytes.
pub(crate) const LONGEST_OF_ONE: u64 = 64 * 1024;
/// No file of all users is longer. Bytes.
pub(crate) const LONGEST_OF_ALL: u64 = 16 * 1024 * 1024;

/// The suffix of a file after `--retire`.
pub(crate) const RETIRED: &str = ".imported";
/// A file in a home that eCryptfs has not opened.
const LOCKED_BY_ECRYPTFS: &[u8] = b"Access-Your-Private-Data.desktop";

const CAREFUL: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// With whose rights a file is opened.
pub(crate) enum As<'a> {
    /// With this user's, so that they can have no file read that they cannot read themselves.
    User(&'a User),
    /// With root's.
    Root,
}

/// Why a file is not read.
pub(crate) enum Unread {
    /// It is not known what is there.
    Unseen(Obstacle),
    /// What is there is refused.
    Unfit(Obstacle),
}

/// The bytes of a regular file of at most `longest` bytes, without a link in its path; none if there is no such file. It must
/// belong to one of `owners`, and no other user may read it.
pub(crate) fn private(
    path: &Path,
    who: &As<'_>,
    owners: &[Uid],
    longest: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, Unread> {
    let opened = match who {
        As::User(user) => as_user(user, || open(path, CAREFUL, Mode::empty())).map_err(Unread::Unseen)?,
        As::Root => open_as_root(path, CAREFUL),
    };
    let Some(file) = there(opened)? else { return Ok(None) };
    let about = file.metadata().map_err(|error| Unread::Unseen(Obstacle::NotLookedAt(error)))?;
    if !owners.iter().any(|owner| owner.as_raw() == about.uid()) {
        return Err(Unread::Unfit(Obstacle::BelongsTo(about.uid())));
    }
    if about.is_file() && about.mode() & 0o077 != 0 {
        return Err(Unread::Unfit(Obstacle::Readable));
    }
    if about.is_file() && about.nlink() != 1 {
        return Err(Unread::Unfit(Obstacle::HardLinks));
    }
    contents(file, longest).map(Some)
}

/// Fails unless the home of `user` is there. It may be mounted only while they are logged in, and files in it are not found before.
pub(crate) fn check_home(home: &Path, user: &User) -> Result<(), Obstacle> {
    if !home.is_absolute() {
        return Err(Obstacle::NotAbsolute);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = match as_user(user, || open(home, flags, Mode::empty()))? {
        Ok(folder) => folder,
        // Files in it can be opened: that needs another permission.
        Err(Errno::EACCES) => return Ok(()),
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Err(Obstacle::Missing),
        Err(error) => return Err(Obstacle::NotOpened(error)),
    };
    let mut entries = Dir::from_fd(folder).map_err(|error| Obstacle::NotListed(error.into()))?;
    let names = entries.iter().flatten().map(|entry| entry.file_name().to_bytes().to_vec());
    let names: Vec<_> = names.filter(|name| !matches!(name.as_slice(), b"." | b"..")).collect();
    if names.is_empty() {
        return Err(Obstacle::Empty);
    }
    if names.iter().any(|name| name == LOCKED_BY_ECRYPTFS) {
        return Err(Obstacle::Encrypted);
    }
    Ok(())
}

/// The bytes of a regular file that root names.
pub(crate) fn named(path: &Path) -> Result<Zeroizing<Vec<u8>>, Obstacle> {
    let read = there(open_as_root(path, CAREFUL))
        .and_then(|file| file.map(|file| contents(file, LONGEST_OF_ALL)).transpose());
    match read {
        Ok(bytes) => bytes.ok_or(Obstacle::Missing),
        Err(Unread::Unseen(obstacle) | Unread::Unfit(obstacle)) => Err(obstacle),
    }
}

/// Follows no link in the whole path, because another user may have put one there.
fn open_as_root(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    openat2(AT_FDCWD, path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS))
}

fn there(opened: nix::Result<OwnedFd>) -> Result<Option<File>, Unread> {
    match opened {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(Errno::ELOOP) => Err(Unread::Unfit(Obstacle::BehindLink)),
        Err(error) => Err(Unread::Unseen(Obstacle::NotOpened(error))),
    }
}

fn contents(file: File, longest: u64) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let unseen = |error| Unread::Unseen(Obstacle::NotRead(error));
    let about = file.metadata().map_err(unseen)?;
    if !about.is_file() {
        return Err(Unread::Unfit(Obstacle::NotRegular));
    }
    if about.len() > longest {
        return Err(Unread::Unfit(Obstacle::TooLong(longest)));
    }
    let room = usize::try_from(about.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(about.len()).read_to_end(&mut bytes).map_err(unseen)?;
    Ok(bytes)
}

/// Adds the suffix `RETIRED` to the name of the file, so that no program looks for it. Fails if there is a file of that name.
pub(crate) fn retire(path: &Path, who: &As<'_>) -> Result<(), Obstacle> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Obstacle::HasNoName);
    };
    let mut retired = name.to_owned();
    retired.push(RETIRED);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let rename = |folder: OwnedFd| {
        let folder = folder.as_fd();
        renameat2(folder, name, folder, retired.as_os_str(), RenameFlags::RENAME_NOREPLACE)
    };
    match who {
        As::User(user) => as_user(user, || open(folder, flags, Mode::empty()).and_then(rename))?,
        As::Root => open_as_root(folder, flags).and_then(rename),
    }
    .map_err(Obstacle::NotRenamed)
}

/// Does `act` with the rights of `user`. A process that is not root has no others.
fn as_user<T>(user: &User, act: impl FnOnce() -> T) -> Result<T, Obstacle> {
    if !geteuid().is_root() || user.uid.is_root() {
        return Ok(act());
    }
    let rights = Rights::of(user).map_err(Obstacle::RightsNotTaken)?;
    let done = act();
    rights.give_back().map_err(Obstacle::RightsNotGivenBack)?;
    Ok(done)
}

/// Root's groups, while this process has a user's rights.
struct Rights {
    groups: Vec<Gid>,
    group: Gid,
}

impl Rights {
    fn of(user: &User) -> nix::Result<Self> {
        let name = std::ffi::CString::new(user.name.as_str()).map_err(|_| Errno::EINVAL)?;
        let own = Self { groups: getgroups()?, group: getegid() };
        let taken = setgroups(&getgrouplist(&name, user.gid)?)
            .and_then(|()| setegid(user.gid))
            .and_then(|()| seteuid(user.uid));
        match taken {
            Ok(()) => Ok(own),
            Err(error) => own.give_back().and(Err(error)),
        }
    }

    fn give_back(self) -> nix::Result<()> {
        seteuid(Uid::from_raw(0))?;
        setegid(self.group)?;
        setgroups(&self.groups)
    }
}
