//! What failed outside of this program: a file, a lock, the clock, a look-up. A fault holds facts; its `Display` is the
//! sentence.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// A failure outside of this program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A file or folder cannot be used.
    File {
        /// The path of the file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A call of the operating system failed. The call is named as in section 2 or 3 of the manual.
    Call(&'static str, Failed),
    /// The name service (nsswitch.conf(5)) failed, or its answer is not usable.
    Names(NamesProblem),
    /// A resource limit of this process, set by the program that started it, is too low.
    Limit {
        /// The limited resource, with the limit's name.
        what: &'static str,
        /// The amount that the limit allows.
        allowed: u64,
        /// The amount that this program needs.
        least: u64,
    },
    /// The system clock is before 1970, or after 9999.
    Clock {
        /// True if it is before 1970, false if it is after 9999.
        is_early: bool,
    },
    /// Another program failed.
    Program {
        /// The path of the program.
        program: String,
        /// What is wrong with it.
        problem: ProgramProblem,
    },
    /// The socket between the helper and the program that asks it failed.
    Socket(SocketProblem),
    /// This program was not started as it must be.
    Start(StartProblem),
}

/// Why a call failed: an error number, or the text of a library that has no number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failed {
    /// An error number of errno(3).
    Errno(Errno),
    /// The text of the standard library or of a crate.
    Other(String),
}

/// What this program did to a file when it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Read its metadata.
    LookAt,
    /// Open it.
    Open,
    /// Open it as a directory.
    OpenDirectory,
    /// Read it.
    Read,
    /// Create it.
    Create,
    /// Give it to its owner.
    HandOver,
    /// Write it.
    Write,
    /// Replace it by a new file.
    Replace,
    /// Remove it.
    Remove,
    /// List the names in it.
    List,
    /// Flush it to disk.
    Flush,
    /// Lock it.
    Lock,
    /// Connect to it; it is a socket.
    Connect,
}

/// What is wrong with a file or folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileProblem {
    /// An operation on it failed.
    Failed(Operation, Failed),
    /// It does not exist.
    Missing,
    /// It cannot be read, and the reason is not known.
    Unreadable,
    /// It was removed after it was opened.
    Removed,
    /// It is a symbolic link.
    Link,
    /// It is not a directory.
    NotDirectory,
    /// It is not a regular file.
    NotRegular,
    /// It has more than one hard link.
    HardLinks,
    /// It is longer than 64 KiB.
    TooLong,
    /// It has the wrong owner.
    Owner {
        /// The owner.
        uid: u32,
        /// The owner that it must have.
        expected: u32,
    },
    /// Its group or others may read it.
    Readable {
        /// Its mode, of which the Display shows four octal digits.
        mode: u32,
    },
    /// Its group or others may write it.
    Writable {
        /// Its mode, of which the Display shows four octal digits.
        mode: u32,
    },
    /// Its file system lacks O_TMPFILE.
    NoUnnamedFiles,
    /// Another process holds its lock.
    Locked {
        /// How many seconds this program waited for the lock.
        seconds: u64,
    },
    /// Another program keeps replacing it by a new file.
    ReplacedAgain,
    /// It names a format of state files that this program does not know.
    UnknownFormat,
    /// It is a relative path.
    NotAbsolute,
}

/// What is wrong with the name service or its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NamesProblem {
    /// A look-up failed.
    LookUp(Wanted, Failed),
    /// The name service knows no user with this name.
    NoUser(String),
    /// The name service knows a user with this uid, but does not find the uid.
    Nameless(u32),
    /// The name of this uid cannot be stored: it is not UTF-8, empty, too long, or has control characters.
    OddName {
        /// The uid.
        uid: u32,
        /// The most bytes that a name may have.
        longest: usize,
    },
    /// This text cannot be the name of a user or group.
    NoName(String),
    /// This name was not looked up, because the login had too many names or too little time.
    NotAsked {
        /// The name.
        name: String,
        /// The most names that are looked up for one login.
        most: usize,
    },
    /// The primary group has no name.
    NamelessGroup {
        /// The group id.
        gid: u32,
        /// The user whose primary group it is.
        user: String,
    },
    /// This source knows a group that the look-up did not find.
    Disagreement(String),
    /// This environment variable stops the directory's library from answering.
    Silenced(&'static str),
    /// nsswitch.conf names a source that cannot be the name of a library.
    OddSource(String),
    /// The library of this source is installed, but cannot be loaded.
    NotLoaded(String),
    /// This source does not answer.
    Away(String, Failed),
}

/// What is looked up. A name that a user typed is left out, because users type passwords there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A user, by a typed name.
    TypedUser,
    /// A user, by a name in the policy.
    User(String),
    /// A user, by the uid.
    Uid(u32),
    /// A group, by the name.
    Group(String),
    /// A group, by the gid.
    Gid(u32),
    /// The groups of a user.
    Groups,
    /// The list of users.
    Users,
    /// The expiry of an account and its password (shadow(5)).
    Age(String),
}

/// What is wrong with another program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProgramProblem {
    /// It could not be started.
    NotStarted(Failed),
    /// A signal with this number ended it.
    Signal(i32),
    /// It could not be started, or it ended without an answer.
    NoAnswer,
    /// It gave an answer that this program does not understand.
    Unclear,
}

/// What is wrong with a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SocketProblem {
    /// It cannot be made.
    NotMade(Failed),
    /// Standard input is not a socket.
    NotSocket,
    /// A message cannot be sent.
    Send(Failed),
    /// A message cannot be received.
    Receive(Failed),
    /// A message has this many bytes, which is too long.
    TooLong(usize),
    /// No message arrived in time.
    Late,
    /// The other end closed the socket and sent no message.
    Closed,
}

/// Why the helper refuses to run: how it was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartProblem {
    /// root started the helper.
    ByRoot,
    /// The helper was given an argument.
    Argument,
    /// The helper runs as this uid, because its file is not set-uid.
    NotSetUid(u32),
    /// The account that owns the store is missing.
    NoAccount(&'static str),
    /// This uid has as many helpers as it may have.
    TooMany {
        /// The uid of the helpers.
        uid: u32,
        /// How many of them run.
        helpers: u32,
    },
}

impl Fault {
    /// A [`Fault::File`] with the file's path and its problem.
    pub fn file(path: impl Into<PathBuf>, problem: FileProblem) -> Self {
        Self::File { path: path.into(), problem }
    }

    /// A [`Fault::File`]: `operation` failed on `path`.
    pub fn of(path: impl Into<PathBuf>, operation: Operation, error: impl Into<Failed>) -> Self {
        Self::file(path, FileProblem::Failed(operation, error.into()))
    }

    /// A look-up of the name service failed.
    pub fn look_up(wanted: Wanted, error: impl Into<Failed>) -> Self {
        Self::Names(NamesProblem::LookUp(wanted, error.into()))
    }

    /// The path of the file, if the fault is about one.
    pub fn path(&self) -> Option<&Path> {
        if let Self::File { path, .. } = self { Some(path) } else { None }
    }

    /// The same fault. If it is about a file, `change` replaces the path.
    #[must_use]
    pub fn with_path(self, change: impl FnOnce(PathBuf) -> PathBuf) -> Self {
        if let Self::File { path, problem } = self {
            return Self::File { path: change(path), problem };
        }
        self
    }
}

impl From<Errno> for Failed {
    fn from(error: Errno) -> Self {
        Self::Errno(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        error
            .raw_os_error()
            .map_or_else(|| Self::Other(error.to_string()), |number| Self::Errno(Errno::from_raw(number)))
    }
}

impl From<NamesProblem> for Fault {
    fn from(problem: NamesProblem) -> Self {
        Self::Names(problem)
    }
}

impl From<SocketProblem> for Fault {
    fn from(problem: SocketProblem) -> Self {
        Self::Socket(problem)
    }
}

impl From<StartProblem> for Fault {
    fn from(problem: StartProblem) -> Self {
        Self::Start(problem)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, problem: problem @ FileProblem::Failed(..) } => {
                write!(f, "{}: {problem}", path.display())
            }
            Self::File { path, problem } => write!(f, "{} {problem}", path.display()),
            Self::Call(call, error) => write!(f, "{call}: {error}"),
            Self::Names(problem) => write!(f, "{problem}"),
            Self::Limit { what, allowed, least } => {
                write!(f, "the process is limited to {allowed} {what}, and needs at least {least}")
            }
            Self::Clock { is_early: true } => write!(f, "the system clock is before 1970: set it"),
            Self::Clock { is_early: false } => write!(f, "the system clock is after the year 9999: set it"),
            Self::Program { program, problem } => write!(f, "{program}: {problem}"),
            Self::Socket(problem) => write!(f, "{problem}"),
            Self::Start(problem) => write!(f, "{problem}"),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errno(error) => f.write_str(error.desc()),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LookAt => "cannot be looked at",
            Self::Open => "cannot be opened",
            Self::OpenDirectory => "cannot be opened as a directory",
            Self::Read => "cannot be read",
            Self::Create => "cannot be created",
            Self::HandOver => "cannot be given to its owner",
            Self::Write => "cannot be written",
            Self::Replace => "cannot be replaced",
            Self::Remove => "cannot be removed",
            Self::List => "cannot be listed",
            Self::Flush => "cannot be flushed to disk",
            Self::Lock => "cannot be locked",
            Self::Connect => "cannot be connected to",
        })
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(operation, error) => write!(f, "{operation}: {error}"),
            Self::Missing => write!(f, "is missing"),
            Self::Unreadable => write!(f, "cannot be read"),
            Self::Removed => write!(f, "was removed"),
            Self::Link => write!(f, "is a symbolic link, which twostep does not follow"),
            Self::NotDirectory => write!(f, "is not a directory"),
            Self::NotRegular => write!(f, "is not a regular file"),
            Self::HardLinks => write!(f, "has more than one name (hard links)"),
            Self::TooLong => write!(f, "is longer than 64 KiB"),
            Self::Owner { uid, expected } => write!(f, "belongs to uid {uid}, not to uid {expected}"),
            Self::Readable { mode } => write!(f, "is open to its group or others (mode {mode:04o})"),
            Self::Writable { mode } => write!(f, "is writable by its group or others (mode {mode:04o})"),
            Self::NoUnnamedFiles => write!(
                f,
                "is on a file system that lacks O_TMPFILE (ext4, xfs, btrfs, zfs and tmpfs have it; overlayfs from Linux 6.1)"
            ),
            Self::Locked { seconds } => write!(
                f,
                "is locked by another process for more than {seconds} s (lsof names it): try again, or end that process"
            ),
            Self::UnknownFormat => {
                write!(
                    f,
                    "names no format that this version knows: install the version that wrote it, or remove it and run 'twostep storage upgrade'"
                )
            }
            Self::ReplacedAgain => {
                write!(f, "is replaced again and again: find the program that does this, and end it")
            }
            Self::NotAbsolute => write!(f, "is not an absolute path"),
        }
    }
}

impl fmt::Display for NamesProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LookUp(wanted, error) => write!(f, "the look-up of {wanted} failed: {error}"),
            Self::NoUser(name) => write!(f, "there is no user '{name}'"),
            Self::Nameless(uid) => {
                write!(f, "the name service knows a user with uid {uid}, but does not find that uid")
            }
            Self::OddName { uid, longest } => {
                write!(
                    f,
                    "the name of uid {uid} must be UTF-8 of 1 to {longest} bytes without control characters"
                )
            }
            Self::NoName(name) => write!(f, "'{}' is not a name", name.escape_debug()),
            Self::NotAsked { name, most } => {
                write!(
                    f,
                    "user '{name}' was not looked up: a login looks up at most {most} names, for at most 1 s"
                )
            }
            Self::NamelessGroup { gid, user } => {
                write!(f, "the primary group {gid} of {user} has no name: the directory service may be down")
            }
            Self::Disagreement(source) => {
                write!(
                    f,
                    "the source '{source}' of the name service knows a group that the look-up did not find"
                )
            }
            Self::Silenced(variable) => {
                write!(f, "{variable} in the environment stops the directory's library from answering")
            }
            Self::OddSource(source) => {
                write!(f, "/etc/nsswitch.conf names '{}', which cannot be a source", source.escape_debug())
            }
            Self::NotLoaded(source) => {
                write!(f, "the source '{source}' of the name service cannot be loaded: libnss_{source}.so.2")
            }
            Self::Away(source, error) => {
                write!(f, "the source '{source}' of the name service does not answer: {error}")
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TypedUser => write!(f, "a user"),
            Self::User(name) => write!(f, "user '{name}'"),
            Self::Uid(uid) => write!(f, "uid {uid}"),
            Self::Group(name) => write!(f, "group '{name}'"),
            Self::Gid(gid) => write!(f, "gid {gid}"),
            Self::Groups => write!(f, "a user's groups"),
            Self::Users => write!(f, "the list of users"),
            Self::Age(name) => write!(f, "the expiry of account '{name}'"),
        }
    }
}

impl fmt::Display for ProgramProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "cannot be started: {error}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::NoAnswer => write!(
                f,
                "could not be started, or ended without an answer ('twostep doctor' looks at its file)"
            ),
            Self::Unclear => {
                write!(f, "gave an answer that is not understood: both programs must have the same version")
            }
        }
    }
}

impl fmt::Display for SocketProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMade(error) => write!(f, "cannot make a socket: {error}"),
            Self::NotSocket => write!(f, "standard input is not the socket of a program that asks"),
            Self::Send(error) => write!(f, "cannot send: {error}"),
            Self::Receive(error) => write!(f, "cannot receive: {error}"),
            Self::TooLong(length) => write!(f, "a message of {length} bytes is too long"),
            Self::Late => write!(f, "no message arrived in time"),
            Self::Closed => write!(f, "the client closed the socket without a message"),
        }
    }
}

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByRoot => write!(f, "root started the helper, but needs no helper to judge codes"),
            Self::Argument => write!(f, "the helper takes no argument"),
            Self::NotSetUid(uid) => {
                write!(
                    f,
                    "the helper runs as uid {uid}, not as the account twostep: its file must be set-uid"
                )
            }
            Self::NoAccount(name) => write!(f, "there is no account '{name}': install twostep again"),
            Self::TooMany { uid, helpers } => {
                write!(f, "uid {uid} already has {helpers} helpers, the most that it may have")
            }
        }
    }
}
