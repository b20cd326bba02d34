//! What failed outside of this program: a file, a lock, the clock, a look-up. Facts; the sentence is their `Display`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// What failed outside of this program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A file or folder.
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A call of the operating system, by its name in section 2 or 3 of the manual.
    Call(&'static str, Failed),
    /// The name service (nsswitch.conf(5)).
    Names(NamesProblem),
    /// Whoever started this process allows it too little.
    Limit {
        /// What is limited, with the limit's name.
        what: &'static str,
        /// How much is allowed.
        allowed: u64,
        /// How much is needed.
        least: u64,
    },
    /// The system clock is before 1970, or after 9999.
    Clock {
        /// Whether it is before.
        is_early: bool,
    },
    /// Another program.
    Program {
        /// Its path.
        program: String,
        /// What is wrong with it.
        problem: ProgramProblem,
    },
    /// The socket between the helper and the program that asks it.
    Socket(SocketProblem),
    /// This program was not started as it must be.
    Start(StartProblem),
}

/// Why the operating system failed: an error number, or the words of a library that has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failed {
    /// An error number of errno(3).
    Errno(Errno),
    /// The words of the standard library or of a crate.
    Other(String),
}

/// What was done to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Its metadata was asked for.
    LookAt,
    /// It was opened.
    Open,
    /// It was opened as a directory.
    OpenDirectory,
    /// It was read.
    Read,
    /// It was created.
    Create,
    /// It was handed to its owner.
    HandOver,
    /// It was written.
    Write,
    /// It was replaced by a new file.
    Replace,
    /// It was removed.
    Remove,
    /// The names in it were listed.
    List,
    /// What was written was to be on disk.
    Flush,
    /// It was locked.
    Lock,
    /// It is a socket, and was connected to.
    Connect,
}

/// What is wrong with a file or folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileProblem {
    /// An operation on it failed.
    Failed(Operation, Failed),
    /// It is not there.
    Missing,
    /// It cannot be read, for whatever reason.
    Unreadable,
    /// It was removed since it was opened.
    Removed,
    /// It is not a directory.
    NotDirectory,
    /// It is not a regular file.
    NotRegular,
    /// It has hard links.
    HardLinks,
    /// It is longer than 64 KiB.
    TooLong,
    /// It belongs to another user.
    Owner {
        /// Whose it is.
        uid: u32,
        /// Whose it must be.
        expected: u32,
    },
    /// Its group or others may read it.
    Readable {
        /// Its mode.
        mode: u32,
    },
    /// Its group or others may write it.
    Writable {
        /// Its mode.
        mode: u32,
    },
    /// Its file system lacks O_TMPFILE.
    NoUnnamedFiles,
    /// Another process holds its lock.
    Locked {
        /// For how many seconds it was waited for.
        seconds: u64,
    },
    /// Another program puts a new file in its place all the time.
    ReplacedAgain,
    /// It is not an absolute path.
    NotAbsolute,
}

/// What is wrong with the name service, or with what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NamesProblem {
    /// A look-up failed.
    LookUp(Wanted, Failed),
    /// There is no such user.
    NoUser(String),
    /// It knows a user with this uid, but not the uid.
    Nameless(u32),
    /// The name of this uid cannot be stored.
    OddName {
        /// The uid.
        uid: u32,
        /// The most bytes of a name.
        longest: usize,
    },
    /// This cannot be a name.
    NoName(String),
    /// This name was not looked up: there were too many.
    NotAsked {
        /// The name.
        name: String,
        /// How many names are looked up for one login.
        most: usize,
    },
    /// The primary group has no name.
    NamelessGroup {
        /// The group id.
        gid: u32,
        /// Whose primary group it is.
        user: String,
    },
    /// This source knows a group that the look-up did not find.
    Disagreement(String),
    /// This variable in the environment makes the directory's library say nothing.
    Silenced(&'static str),
    /// nsswitch.conf names a source whose name no library has.
    OddSource(String),
    /// The library of this source is installed, and cannot be loaded.
    NotLoaded(String),
    /// This source does not answer.
    Away(String, Failed),
}

/// What is looked up. Names that people typed are left out: they type passwords there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A user, by a name that was typed.
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
    /// When an account or its password expires.
    Age(String),
}

/// What is wrong with another program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProgramProblem {
    /// It could not be started.
    NotStarted(Failed),
    /// This signal ended it.
    Signal(i32),
    /// It was not started, or ended without an answer.
    NoAnswer,
    /// Its answer cannot be understood.
    Unclear,
}

/// What is wrong with a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SocketProblem {
    /// It cannot be made.
    NotMade(Failed),
    /// Standard input is none.
    NotSocket,
    /// Nothing can be sent.
    Send(Failed),
    /// Nothing can be received.
    Receive(Failed),
    /// The message has so many bytes.
    TooLong(usize),
    /// Nothing came in time.
    Late,
    /// The other end closed it without a message.
    Closed,
}

/// How a program was started that must not be started so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartProblem {
    /// root started the helper.
    ByRoot,
    /// The helper has an argument.
    Argument,
    /// The helper runs as this uid.
    NotSetUid(u32),
    /// The account that owns the store is missing.
    NoAccount(&'static str),
    /// This uid has as many helpers as it may have.
    TooMany {
        /// Whose helpers they are.
        uid: u32,
        /// How many there are.
        helpers: u32,
    },
}

impl Fault {
    /// `problem` of the file at `path`.
    pub fn file(path: impl Into<PathBuf>, problem: FileProblem) -> Self {
        Self::File { path: path.into(), problem }
    }

    /// `operation` failed on `path`.
    pub fn of(path: impl Into<PathBuf>, operation: Operation, error: impl Into<Failed>) -> Self {
        Self::file(path, FileProblem::Failed(operation, error.into()))
    }

    /// A look-up of the name service failed.
    pub fn look_up(wanted: Wanted, error: impl Into<Failed>) -> Self {
        Self::Names(NamesProblem::LookUp(wanted, error.into()))
    }

    /// The file that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        if let Self::File { path, .. } = self { Some(path) } else { None }
    }

    /// The same, with another path where it is about a file.
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
                write!(f, "the caller of this process allows {allowed} {what}, at least {least} are needed")
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
            Self::NotDirectory => write!(f, "is not a directory"),
            Self::NotRegular => write!(f, "is not a regular file"),
            Self::HardLinks => write!(f, "has more than one name (hard links)"),
            Self::TooLong => write!(f, "is longer than 64 KiB"),
            Self::Owner { uid, expected } => write!(f, "belongs to uid {uid}, not to uid {expected}"),
            Self::Readable { mode } => write!(f, "is open to its group or others (mode {mode:04o})"),
            Self::Writable { mode } => write!(f, "is writable by its group or others (mode {mode:04o})"),
            Self::NoUnnamedFiles => write!(
                f,
                "cannot hold our files: its file system lacks O_TMPFILE (ext4, xfs, btrfs, zfs, tmpfs have it, overlayfs from Linux 6.1)"
            ),
            Self::Locked { seconds } => write!(
                f,
                "is locked by another process for more than {seconds} s (lsof names it): try again, or end that process"
            ),
            Self::ReplacedAgain => {
                write!(f, "is replaced again and again: find out by which program, and end it")
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
                write!(f, "the name service knows a user with uid {uid}, but not that uid")
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
                    "user '{name}' was not looked up: a login looks up {most} names, and for 1 s, at most"
                )
            }
            Self::NamelessGroup { gid, user } => {
                write!(f, "the primary group {gid} of {user} has no name, so the directory may be away")
            }
            Self::Disagreement(source) => {
                write!(
                    f,
                    "the source '{source}' of the name service knows a group that the look-up did not find"
                )
            }
            Self::Silenced(variable) => {
                write!(f, "with {variable} in the environment the directory's library says nothing")
            }
            Self::OddSource(source) => {
                write!(f, "/etc/nsswitch.conf names a source '{}'", source.escape_debug())
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
            Self::Age(name) => write!(f, "the age of account '{name}'"),
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
            Self::Unclear => write!(f, "its answer is not understood: both must be of one version"),
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
            Self::Late => write!(f, "nothing came in time"),
            Self::Closed => write!(f, "the client closed the socket without a message"),
        }
    }
}

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByRoot => write!(f, "root started the helper, and judges codes itself"),
            Self::Argument => write!(f, "the helper takes no argument"),
            Self::NotSetUid(uid) => {
                write!(f, "it runs as uid {uid}, not as the account twostep: its file must be set-uid")
            }
            Self::NoAccount(name) => write!(f, "there is no account '{name}': install twostep again"),
            Self::TooMany { uid, helpers } => {
                write!(f, "uid {uid} has {helpers} helpers: no more are started")
            }
        }
    }
}
