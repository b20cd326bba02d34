//! Trusted files: opened below a checked directory, without following links, and checked on the descriptor that is then
//! read.

use std::fs::File;
use std::io::{Read, Write};
use std::ops::Deref;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::Dir as Listing;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, open, openat, renameat2};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, lstat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, linkat, unlinkat};

use crate::fault::{Failed, Fault, FileProblem, Operation};
use crate::zeroizing::Zeroizing;

/// The most bytes of any file of twostep.
pub const LONGEST_FILE: u64 = 64 * 1024;

/// Follows no link, does not wait for the other end of a FIFO, takes no controlling terminal, and leaves no descriptor
/// to children.
const CAREFUL: OFlag =
    OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// The access to a file that its mode may give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privacy {
    /// Only the owner may read it: secrets and states.
    Secret,
    /// All users may read it, but only the owner may change it: the policy.
    Public,
}

/// The access with which a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading only (O_RDONLY).
    Read,
    /// Reading and writing in place (O_RDWR).
    Write,
}

/// Fails unless each of `dirs` is a directory that belongs to root or `owner` and that no other user can change.
pub fn check_above(dirs: &[PathBuf], owner: Uid) -> Result<(), Fault> {
    for dir in dirs {
        let stat = lstat(dir).map_err(|error| Fault::of(dir, Operation::LookAt, error))?;
        check_directory(&stat, &[Uid::from_raw(0), owner], Privacy::Public, dir)?;
    }
    Ok(())
}

/// Fails unless `path` is a directory of `owner` with this privacy. The directories above it must have been checked.
pub fn check_dir(path: &Path, owner: Uid, privacy: Privacy) -> Result<(), Fault> {
    let stat = lstat(path).map_err(|error| Fault::of(path, Operation::LookAt, error))?;
    check_directory(&stat, &[owner], privacy, path)
}

/// What is at `path`, if that can be looked at. A link is not followed.
pub(crate) fn look_at(path: &Path) -> Option<FileStat> {
    lstat(path).ok()
}

/// Opens the file at `path` for reading and checks it; none if there is no such name. The directories above it must
/// have been checked: then only root and their owners can put another file or directory in its place.
pub(crate) fn open_file(path: &Path, owner: Uid, privacy: Privacy) -> Result<Option<Opened>, Fault> {
    let fd = match open(path, CAREFUL, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(not_opened(path, error)),
    };
    Opened::check(fd, owner, privacy, path).map(Some)
}

/// An open file that passed its checks, with the metadata that was checked.
pub struct Opened {
    file: File,
    stat: FileStat,
}

impl Opened {
    /// A file that a test has opened.
    #[cfg(test)]
    pub(crate) fn unchecked(file: File) -> Self {
        let stat = fstat(&file).unwrap();
        Self { file, stat }
    }

    fn check(fd: OwnedFd, owner: Uid, privacy: Privacy, path: &Path) -> Result<Self, Fault> {
        let stat = fstat(&fd).map_err(|error| Fault::of(path, Operation::LookAt, error))?;
        check_file(&stat, owner, privacy, path)?;
        Ok(Self { file: File::from(fd), stat })
    }

    /// Its length in bytes when it was checked.
    pub fn length(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// The open file, without the metadata that was checked.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Deref for Opened {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

/// A directory that passed its checks, with its descriptor.
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    owner: Uid,
    privacy: Privacy,
}

impl Dir {
    /// Opens the directory at `path`, which must belong to `owner`. The directories above it must have been checked.
    pub fn open(path: PathBuf, owner: Uid, privacy: Privacy) -> Result<Self, Fault> {
        let fd = open(&path, CAREFUL | OFlag::O_DIRECTORY, Mode::empty())
            .map_err(|error| Fault::of(&path, Operation::OpenDirectory, error))?;
        Self::check(fd, path, owner, privacy)
    }

    fn check(fd: OwnedFd, path: PathBuf, owner: Uid, privacy: Privacy) -> Result<Self, Fault> {
        let stat = fstat(&fd).map_err(|error| Fault::of(&path, Operation::LookAt, error))?;
        check_directory(&stat, &[owner], privacy, &path)?;
        Ok(Self { fd, path, owner, privacy })
    }

    /// Fails unless `name` is a directory in this one, of the same owner and with the same privacy.
    pub(crate) fn check_dir(&self, name: &str) -> Result<(), Fault> {
        let stat = fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| self.fault(name, Operation::LookAt, error))?;
        check_directory(&stat, &[self.owner], self.privacy, &self.path_of(name))
    }

    /// Opens the directory `name` in this one, which must have the same owner and privacy.
    pub(crate) fn open_dir(&self, name: &str) -> Result<Self, Fault> {
        let fd = openat(&self.fd, name, CAREFUL | OFlag::O_DIRECTORY, Mode::empty())
            .map_err(|error| self.fault(name, Operation::OpenDirectory, error))?;
        Self::check(fd, self.path_of(name), self.owner, self.privacy)
    }

    /// The path of `name` in this directory, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens the file `name` and checks it; none if there is no such name. If `name` leads through a directory in this
    /// one, none may also mean that there is no such directory.
    pub fn open_file(&self, name: &str, access: Access) -> Result<Option<Opened>, Fault> {
        let access = match access {
            Access::Read => OFlag::O_RDONLY,
            Access::Write => OFlag::O_RDWR,
        };
        let fd = match openat(&self.fd, name, CAREFUL | access, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return self.exists().map(|()| None),
            Err(error) => return Err(not_opened(&self.path_of(name), error)),
        };
        Opened::check(fd, self.owner, self.privacy, &self.path_of(name)).map(Some)
    }

    /// Fails if the directory was removed: then every name in it is missing, which proves nothing.
    fn exists(&self) -> Result<(), Fault> {
        let stat = fstat(&self.fd).map_err(|error| self.fault(".", Operation::LookAt, error))?;
        if stat.st_nlink > 0 { Ok(()) } else { Err(Fault::file(&self.path, FileProblem::Removed)) }
    }

    /// Whether `name` is still the file that was opened.
    pub(crate) fn still_names(&self, name: &str, opened: &Opened) -> Result<bool, Fault> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (opened.stat.st_dev, opened.stat.st_ino)),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(self.fault(name, Operation::LookAt, error)),
        }
    }

    /// Creates the file `name` with `bytes`, whole and on disk. Its name is on disk after [`Self::flush_names`]. False if
    /// the name is taken.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, Fault> {
        let file = self.write_unnamed(name, bytes)?;
        match self.link(&file, name) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(error) => Err(self.fault(name, Operation::Create, error)),
        }
    }

    /// Replaces the file `name` by one with `bytes`, whole and on disk. The caller must hold the lock that every caller
    /// of this holds.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let interim = interim(name);
        self.unlink(&interim)?;
        let file = self.write_unnamed(name, bytes)?;
        self.link(&file, &interim).map_err(|error| self.fault(&interim, Operation::Create, error))?;
        if let Err(error) = renameat2(&self.fd, interim.as_str(), &self.fd, name, RenameFlags::empty()) {
            self.unlink(&interim)?;
            return Err(self.fault(name, Operation::Replace, error));
        }
        self.flush_names()
    }

    /// Removes the file `name` and the rest of an interrupted replacement. False if there was no such file.
    pub fn remove(&self, name: &str) -> Result<bool, Fault> {
        self.unlink(&interim(name))?;
        let removed = self.unlink(name)?;
        self.flush_names()?;
        Ok(removed)
    }

    fn unlink(&self, name: &str) -> Result<bool, Fault> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(self.fault(name, Operation::Remove, error)),
        }
    }

    /// The names in this directory that do not begin with a dot, sorted.
    pub fn names(&self) -> Result<Vec<String>, Fault> {
        let unreadable = |error| self.fault(".", Operation::List, error);
        let mut listing = Listing::openat(&self.fd, ".", CAREFUL, Mode::empty()).map_err(unreadable)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file with `bytes` and without a name, flushed. Until it is linked, a crash leaves nothing of it.
    fn write_unnamed(&self, name: &str, bytes: &[u8]) -> Result<File, Fault> {
        check_file_size_limit(bytes.len())?;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, ".", flags, mode).map_err(|error| self.uncreated(name, error))?;
        self.hand_over(&fd, mode).map_err(|error| self.fault(name, Operation::HandOver, error))?;
        let mut file = File::from(fd);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|error| self.fault(name, Operation::Write, error))?;
        Ok(file)
    }

    /// Why `name` could not be created. The administrator must learn that a file system cannot hold the files at all.
    fn uncreated(&self, name: &str, error: Errno) -> Fault {
        if error == Errno::EOPNOTSUPP || error == Errno::EISDIR {
            return Fault::file(&self.path, FileProblem::NoUnnamedFiles);
        }
        self.fault(name, Operation::Create, error)
    }

    /// Sets the mode, which the host's umask must not change, and the owner, because root creates files for another
    /// account.
    fn hand_over(&self, fd: &OwnedFd, mode: Mode) -> Result<(), Errno> {
        fchmod(fd, mode)?;
        let stat = fstat(fd)?;
        if stat.st_uid == self.owner.as_raw() {
            return Ok(());
        }
        let group = fstat(&self.fd)?.st_gid;
        fchown(fd, Some(self.owner), Some(Gid::from_raw(group)))
    }

    fn link(&self, file: &File, name: &str) -> Result<(), Errno> {
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(nix::fcntl::AT_FDCWD, unnamed.as_str(), &self.fd, name, AtFlags::AT_SYMLINK_FOLLOW)
    }

    /// Makes all changes of names in this directory durable.
    pub fn flush_names(&self) -> Result<(), Fault> {
        nix::unistd::fsync(&self.fd).map_err(|error| self.fault(".", Operation::Flush, error))
    }

    fn fault(&self, name: &str, operation: Operation, error: impl Into<Failed>) -> Fault {
        Fault::of(self.path_of(name), operation, error)
    }
}

/// Why the file at `path` could not be opened with [`CAREFUL`].
fn not_opened(path: &Path, error: Errno) -> Fault {
    if error == Errno::ELOOP {
        Fault::file(path, FileProblem::Link)
    } else {
        Fault::of(path, Operation::Open, error)
    }
}

/// The name that a replacement has for a moment.
fn interim(name: &str) -> String {
    format!(".{name}.new")
}

/// Reads a checked file whole, at most [`LONGEST_FILE`] bytes. The result is wiped when dropped.
pub fn read(opened: &Opened, path: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let length = opened.length().min(LONGEST_FILE);
    // Allocates room for the whole file: a growing vector would leave unwiped copies.
    let room = usize::try_from(length).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let read = (&opened.file).take(length).read_to_end(&mut bytes);
    read.map_err(|error| Fault::of(path, Operation::Read, error))?;
    Ok(bytes)
}

/// Fails if a file of `length` bytes cannot be written, because the write would send SIGXFSZ, which ends the host.
pub(crate) fn check_file_size_limit(length: usize) -> Result<(), Fault> {
    let limit = getrlimit(Resource::RLIMIT_FSIZE);
    let (allowed, _) = limit.map_err(|error| Fault::Call("getrlimit", error.into()))?;
    let least = u64::try_from(length).unwrap_or(u64::MAX);
    if least <= allowed {
        return Ok(());
    }
    Err(Fault::Limit { what: "bytes in a file (RLIMIT_FSIZE)", allowed, least })
}

fn check_directory(stat: &FileStat, owners: &[Uid], privacy: Privacy, path: &Path) -> Result<(), Fault> {
    match kind(stat) {
        SFlag::S_IFDIR => {}
        SFlag::S_IFLNK => return Err(Fault::file(path, FileProblem::Link)),
        _ => return Err(Fault::file(path, FileProblem::NotDirectory)),
    }
    check_owner(stat, owners, path)?;
    check_mode(stat, privacy, path)
}

/// Fails unless `stat` is that of a regular file of `owner` with this privacy, which is not too long.
pub(crate) fn check_file(stat: &FileStat, owner: Uid, privacy: Privacy, path: &Path) -> Result<(), Fault> {
    let path_is = |problem| Err(Fault::file(path, problem));
    if kind(stat) != SFlag::S_IFREG {
        return path_is(FileProblem::NotRegular);
    }
    check_owner(stat, &[owner], path)?;
    check_mode(stat, privacy, path)?;
    // Any user may make a second name for a file that they can see: that must not stop logins.
    if privacy == Privacy::Secret && stat.st_nlink != 1 {
        return path_is(FileProblem::HardLinks);
    }
    if u64::try_from(stat.st_size).is_ok_and(|size| size <= LONGEST_FILE) {
        return Ok(());
    }
    path_is(FileProblem::TooLong)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn check_owner(stat: &FileStat, owners: &[Uid], path: &Path) -> Result<(), Fault> {
    if owners.contains(&Uid::from_raw(stat.st_uid)) {
        return Ok(());
    }
    let expected = owners.last().map_or(0, |uid| uid.as_raw());
    Err(Fault::file(path, FileProblem::Owner { uid: stat.st_uid, expected }))
}

fn check_mode(stat: &FileStat, privacy: Privacy, path: &Path) -> Result<(), Fault> {
    let mode = stat.st_mode & 0o7777;
    let (forbidden, problem) = match privacy {
        Privacy::Secret => (0o077, FileProblem::Readable { mode }),
        Privacy::Public => (0o022, FileProblem::Writable { mode }),
    };
    if mode & forbidden == 0 { Ok(()) } else { Err(Fault::file(path, problem)) }
}

#[cfg(test)]
mod tests;
