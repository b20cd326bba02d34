//! Why there is no reply.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use twostep_core::fault::Fault;
use twostep_core::manage::act::ActError;

#[derive(Debug)]
pub(crate) enum Failure {
    Arguments,
    NotRoot,
    /// The request is not JSON of the right form.
    Request(serde_json::Error),
    Reply(serde_json::Error),
    Output(io::Error),
    NotAbsolute(String),
    /// More links than libpam or sshd would follow.
    Links(String),
    NotAFile(PathBuf),
    File {
        path: PathBuf,
        error: io::Error,
    },
    Mount {
        path: PathBuf,
        errno: Errno,
    },
    /// This machine has an account or a group of this name, which is that of the logins.
    AccountExists(&'static str),
    NoFreeUid,
    /// The name service does not know the account.
    AccountNotFound,
    Core(Fault),
    Enrollment(ActError),
    /// A call that changes this process.
    Call(&'static str, Errno),
    /// A login has lost its rehearsal.
    NoRehearsal,
    /// The process of a login could not be started.
    Start(io::Error),
    /// The process of a login could not prepare it.
    Login {
        service: String,
        text: String,
    },
    /// A value has a null byte.
    NullByte,
    Authenticator,
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments => {
                f.write_str("twostep-rehearse takes no arguments; 'twostep enable' gives it a request")
            }
            Self::NotRoot => f.write_str("only root can rehearse a change"),
            Self::Request(error) => write!(f, "the request cannot be read: {error}"),
            Self::Reply(error) => write!(f, "the reply cannot be written: {error}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
            Self::NotAbsolute(path) => write!(f, "{path}: the path is not absolute"),
            Self::Links(path) => write!(f, "{path}: too many links"),
            Self::NotAFile(path) => write!(f, "{}: it is not a regular file", path.display()),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Mount { path, errno } => write!(f, "mount on {}: {}", path.display(), errno.desc()),
            Self::AccountExists(name) => {
                write!(f, "this machine has an account or group '{name}'; remove it")
            }
            Self::NoFreeUid => f.write_str("no uid for the account of the rehearsal is free"),
            Self::AccountNotFound => {
                f.write_str("the name service does not read /etc/passwd, so no login was tried")
            }
            Self::Core(fault) => write!(f, "{fault}"),
            Self::Enrollment(error) => write!(f, "the account of the rehearsal was not enrolled: {error:?}"),
            Self::Call(call, errno) => write!(f, "{call}: {}", errno.desc()),
            Self::NoRehearsal => f.write_str("the rehearsal of this login has ended"),
            Self::Start(error) => write!(f, "a login was not started: {error}"),
            Self::Login { service, text } => write!(f, "the login by '{service}' was not prepared: {text}"),
            Self::NullByte => f.write_str("a value of the request has a null byte"),
            Self::Authenticator => f.write_str("no authenticator can be made"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Core(fault)
    }
}

/// For `map_err` of what was done to the file at `path`.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    |error| Failure::File { path, error }
}
