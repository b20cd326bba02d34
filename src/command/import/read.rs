//! Reading what is not ours: files in homes, where their owners may have put anything.

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
use zeroize::Zeroizing;

/// Longer than any file that one person has.
pub(crate) const LONGEST_OF_ONE: u64 = 64 * 1024;
/// Longer than the file of everybody.
pub(crate) const LONGEST_OF_ALL: u64 = 16 * 1024 * 1024;

/// What stands behind the name of a file after `--retire`.
pub(crate) const RETIRED: &str = ".imported";
/// What is in a home that eCryptfs has not opened.
const LOCKED_BY_ECRYPTFS: &[u8] = b"Access-Your-Private-Data.desktop";

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

/// Why a file is not read.
pub(crate) enum Unread {
    /// Nobody knows what is there.
    Unseen(String),
    /// What is there is not taken.
    Unfit(String),
}

/// The bytes of a regular file of at most `longest` bytes, which no link leads to; none if there is no such file. `owners` are
/// those to whom it may belong; nobody else may read it.
pub(crate) fn private(
    path: &Path,
    who: &As<'_>,
    owners: &[Uid],
    longest: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, Unread> {
    let opened = match who {
        As::Person(user) => as_person(user, || open(path, CAREFUL, Mode::empty())).map_err(Unread::Unseen)?,
        As::Root => open_as_root(path, CAREFUL),
    };
    let Some(file) = there(opened)? else { return Ok(None) };
    let about = file.metadata().map_err(|error| Unread::Unseen(format!("cannot be looked at: {error}")))?;
    if !owners.iter().any(|owner| owner.as_raw() == about.uid()) {
        return Err(Unread::Unfit(format!("belongs to uid {}", about.uid())));
    }
    if about.is_file() && about.mode() & 0o077 != 0 {
        return Err(Unread::Unfit(
            "can be read by others than its owner: its key is no secret. Run chmod 600, or enroll anew"
                .to_owned(),
        ));
    }
    if about.is_file() && about.nlink() != 1 {
        return Err(Unread::Unfit("has more than one name (hard links)".to_owned()));
    }
    contents(file, longest).map(Some)
}

/// Fails unless `home`, that of `user`, can be looked into: it may be mounted only while they are logged in. A file that was not
/// found in it may then be there all the same.
pub(crate) fn check_home(home: &Path, user: &User) -> Result<(), String> {
    if !home.is_absolute() {
        return Err("is not an absolute path".to_owned());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = match as_person(user, || open(home, flags, Mode::empty()))? {
        Ok(folder) => folder,
        // Files in it can be opened all the same: that is another permission.
        Err(Errno::EACCES) => return Ok(()),
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Err("is not there".to_owned()),
        Err(error) => return Err(format!("cannot be opened: {}", error.desc())),
    };
    let mut entries = Dir::from_fd(folder).map_err(|error| format!("cannot be listed: {}", error.desc()))?;
    let names = entries.iter().flatten().map(|entry| entry.file_name().to_bytes().to_vec());
    let names: Vec<_> = names.filter(|name| !matches!(name.as_slice(), b"." | b"..")).collect();
    if names.is_empty() {
        return Err("is empty".to_owned());
    }
    if names.iter().any(|name| name == LOCKED_BY_ECRYPTFS) {
        return Err("is encrypted".to_owned());
    }
    Ok(())
}

/// The bytes of a regular file that root has named.
pub(crate) fn named(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let read = there(open_as_root(path, CAREFUL))
        .and_then(|file| file.map(|file| contents(file, LONGEST_OF_ALL)).transpose());
    match read {
        Ok(bytes) => bytes.ok_or_else(|| "is not there".to_owned()),
        Err(Unread::Unseen(problem) | Unread::Unfit(problem)) => Err(problem),
    }
}

/// Follows no link on the whole way: somebody else may have put one there.
fn open_as_root(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    openat2(AT_FDCWD, path, OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS))
}

fn there(opened: nix::Result<OwnedFd>) -> Result<Option<File>, Unread> {
    match opened {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(Errno::ELOOP) => Err(Unread::Unfit("is, or lies behind, a symbolic link".to_owned())),
        Err(error) => Err(Unread::Unseen(format!("cannot be opened: {}", error.desc()))),
    }
}

fn contents(file: File, longest: u64) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let unseen = |error| Unread::Unseen(format!("cannot be read: {error}"));
    let about = file.metadata().map_err(unseen)?;
    if !about.is_file() {
        return Err(Unread::Unfit("is not a regular file".to_owned()));
    }
    if about.len() > longest {
        return Err(Unread::Unfit(format!("is longer than {} KiB", longest / 1024)));
    }
    let room = usize::try_from(about.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(about.len()).read_to_end(&mut bytes).map_err(unseen)?;
    Ok(bytes)
}

/// Gives the file a name beside its own under which nothing looks for it. Fails if there is a file of that name.
pub(crate) fn retire(path: &Path, who: &As<'_>) -> Result<(), String> {
    let cannot = |error: Errno| format!("cannot be renamed: {}", error.desc());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err("cannot be renamed".to_owned());
    };
    let mut retired = name.to_owned();
    retired.push(RETIRED);
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
