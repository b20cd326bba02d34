//! What `twostep enable` hands to `twostep-rehearse`, and what that program answers: JSON on its standard input and output.
//!
//! The reply names modules, prompts and return values. It holds no password, code or secret.

use serde::{Deserialize, Serialize};
use twostep_doctor::finding::Severity;
use twostep_hostconf::location::Location;

/// The installed program. Only root may run it.
pub const PROGRAM: &str = "/usr/libexec/twostep/twostep-rehearse";

/// A planned change, and the services whose logins are tried.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub files: Vec<NewFile>,
    /// Files that the change deletes.
    #[serde(default)]
    pub removed: Vec<String>,
    pub services: Vec<Service>,
}

/// A file with its whole new text. A file that exists keeps its owner and mode; a new one is root's, with mode 0644.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct NewFile {
    /// An absolute path. Links are followed.
    pub path: String,
    pub text: String,
}

/// A PAM service, and what its logins prove before the code. A service with two first factors is named twice.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: String,
    pub first_factor: FirstFactor,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum FirstFactor {
    /// A PAM module asks for it.
    Password,
    /// sshd has checked it.
    Publickey,
}

/// What the program prints. Its exit status is then 0.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Reply {
    Rehearsed(Rehearsal),
    /// This machine allows no mount namespace, as some containers do not. Nothing was rehearsed.
    NoNamespace {
        /// The system's text for the error.
        error: String,
    },
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Rehearsal {
    /// Each question to an sshd; empty if none is installed.
    pub sshd: Vec<SshdRun>,
    /// What `twostep doctor` finds on the changed machine.
    pub findings: Vec<Finding>,
    pub logins: Vec<Login>,
    /// The modules without which logins were tried.
    pub left_out: Vec<LeftOut>,
    /// The services whose logins were not all tried, or prove nothing.
    pub not_rehearsed: Vec<NotRehearsed>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SshdRun {
    /// The command, as for a shell.
    pub command: String,
    /// The first lines that it prints, or why it could not be run; none if it accepts the settings.
    pub error: Option<String>,
}

/// A finding of `twostep doctor`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The text of a `twostep_doctor::id::Id`. `sshd.not-reloaded` is expected: the change is newer than each running sshd.
    pub id: String,
    pub severity: Severity,
    pub location: Location,
    /// The whole finding, as doctor prints it.
    pub text: String,
}

/// One login by libpam: of an account that exists only in the rehearsal.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Login {
    pub service: String,
    pub first_factor: FirstFactor,
    pub case: Case,
    pub ended: Ended,
    /// The prompts, in their order.
    pub asked: Vec<Question>,
    /// What is wrong with it; none if it went as it must.
    pub fault: Option<LoginFault>,
}

/// What the user of the account types. Only the login with all of it right must succeed.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// A wrong password, and a right code.
    WrongPassword,
    /// sshd has checked no key; a right code.
    NoKey,
    /// A right first factor, and a wrong code.
    WrongCode,
    /// A right first factor, and an empty answer in place of the code.
    NoCode,
    /// A right first factor, and a right code.
    Right,
}

/// How a login ended.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ended {
    /// Both phases succeeded.
    LetIn,
    /// libpam refused.
    Refused {
        phase: Phase,
        /// The return value (pam(3)).
        code: i32,
        /// The text of pam_strerror(3).
        text: String,
    },
    /// libpam could not begin: it cannot read the stack. The login is refused.
    NotStarted { code: i32, text: String },
    /// A module crashed.
    Killed { signal: i32 },
    /// It did not end in time, and was stopped.
    TooSlow { seconds: u64 },
    /// The program of the login ended otherwise, such as by a module that calls exit(3).
    Exited { status: i32 },
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// pam_authenticate(3).
    Auth,
    /// pam_acct_mgmt(3).
    Account,
}

/// A prompt.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Without echo.
    Password,
    /// With echo, as twostep asks.
    Code,
    /// One prompt for both, without echo: the argument `forward_pass`. A later prompt without echo is for the password alone.
    PasswordAndCode,
}

/// What is wrong with a login. If several are true, the first one counts.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum LoginFault {
    /// It succeeded, and must not.
    LetIn,
    /// It neither succeeded nor was refused: see `Login::ended`.
    NotEnded,
    /// It was refused, although everything was right.
    Refused,
    /// The code was asked for, although the first factor was wrong.
    CodeAskedTooEarly,
    /// The code was not asked for.
    CodeNotAsked,
    /// A password was asked for, although sshd had checked a key.
    PasswordAsked,
}

/// A module that may change something outside of the login, or is unknown. It was not run: its lines in this service are optional.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LeftOut {
    pub service: String,
    pub module: String,
}

/// A service of which the logins prove nothing, or were not tried.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NotRehearsed {
    pub service: String,
    pub first_factor: FirstFactor,
    pub why: WhyNot,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WhyNot {
    /// The module may change something outside of the login, or is unknown. It was not run.
    Module { module: String, location: Location },
    /// The module refuses this account for what it is, such as its groups. It was run, and the login was refused where everything
    /// was right. So a refusal of the other logins proves nothing.
    Condition { module: String, location: Location },
    /// No PAM file belongs to the service.
    NoFile,
    /// Logins by key belong to sshd.
    NotSshd,
}
