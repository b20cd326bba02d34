//! Reading what is not ours: files in homes, where their owners may have put anything.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, RenameFlags, ResolveFlag, open, openat2, renameat2};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, User, getegid, geteuid, getgrouplist, getgroups, setegid, seteuid, setgroups};
use zeroize::Zeroizing;

/// Longer than any file that one person has.
pub(crate) const LONGEST_OF_ONE: u64 = 64 * 1024;
/// Longer than the file of everybody.
pub(crate) const LONGEST_OF_ALL: u64 = 16 * 1024 * 1024;

const CAREFUL: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// As whom a file is opened.
pub(crate) enum As<'a> {
    /// As this person: they can make us read nothing that they could not read themselves.
    Person(&'a User),
    /// As root, which the file or the person it is about must own.
    Root,
}

/// The bytes of a regular file of at most `longest` bytes, which no link leads to; none if there is no such file. `owners` are
/// those to whom it may belong; nobody else may read it.
pub(crate) fn private(
    path: &Path,
    who: &As<'_>,
    owners: &[Uid],
    longest: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    let opened = match who {
        As::Person(user) => as_person(user, || open(path, CAREFUL, Mode::empty()))?,
        As::Root => open_as_root(path, CAREFUL),
    };
    let Some(file) = there(opened)? else { return Ok(None) };
    let about = file.metadata().map_err(|error| format!("cannot be looked at: {error}"))?;
    if !owners.iter().any(|owner| owner.as_raw() == about.uid()) {
        return Err(format!("belongs to uid {}", about.uid()));
    }
    if about.is_file() && about.mode() & 0o077 != 0 {
        return Err(
            "can be read by others than its owner: its key is no secret. Run chmod 600, or enroll anew"
                .to_owned(),
        );
    }
    if about.is_file() && about.nlink() != 1 {
        return Err("has more than one name (hard links)".to_owned());
    }
    contents(file, longest).map(Some)
}

/// The bytes of a regular file that root has named.
pub(crate) fn named(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    match there(open_as_root(path, CAREFUL))? {
        Some(file) => contents(file, LONGEST_OF_ALL),
        None => Err("is not there".to_owned()),
    }
}

/// Follows no link on the whole way: somebody else may have put one there.
fn open_as_root(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    openat2(AT_FDCWD, path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS))
}

fn there(opened: nix::Result<OwnedFd>) -> Result<Option<File>, String> {
    match opened {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(Errno::ELOOP) => Err("is, or lies behind, a symbolic link".to_owned()),
        Err(error) => Err(format!("cannot be opened: {}", error.desc())),
    }
}

fn contents(file: File, longest: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let about = file.metadata().map_err(|error| format!("cannot be looked at: {error}"))?;
    if !about.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if about.len() > longest {
        return Err(format!("is longer than {} KiB", longest / 1024));
    }
    let room = usize::try_from(about.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let read = file.take(about.len()).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

/// Gives the file a name beside its own under which nothing looks for it. Fails if there is a file of that name.
pub(crate) fn retire(path: &Path, who: &As<'_>, suffix: &str) -> Result<(), String> {
    let cannot = |error: Errno| format!("cannot be renamed: {}", error.desc());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err("cannot be renamed".to_owned());
    };
    let mut retired = name.to_owned();
    retired.push(suffix);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let rename = |folder: OwnedFd| {
        let folder = folder.as_fd();
        renameat2(folder, name, folder, retired.as_os_str(), RenameFlags::RENAME_NOREPLACE)
    };
    match who {
        As::Person(user) => as_person(user, || open(folder, flags, Mode::empty()).and_then(rename))?,
        As::Root => open_as_root(folder, flags).and_then(rename),
    }
    .map_err(cannot)
}

/// Does `act` with the rights of `user`, if this process may choose; who is no root is that person already.
fn as_person<T>(user: &User, act: impl FnOnce() -> T) -> Result<T, String> {
    if !geteuid().is_root() || user.uid.is_root() {
        return Ok(act());
    }
    let rights =
        Rights::of(user).map_err(|error| format!("its owner's rights cannot be taken: {}", error.desc()))?;
    let done = act();
    rights.give_back().map_err(|error| format!("root's rights cannot be taken back: {}", error.desc()))?;
    Ok(done)
}

/// Somebody else's rights, and our own, to be taken back.
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
