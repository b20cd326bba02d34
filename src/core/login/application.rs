//! The interface to the application that runs a login.

use crate::dialogue::conversation::Conversation;
use crate::dialogue::screen::Screen;
use crate::os::account::Account;
use crate::proof::code::Answer;
use crate::store::files::credential::NewEnrollment;
use crate::verdict::{Denial, Program};

use super::audit::{Line, Who};

/// The PAM items and environment of the login.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PamItems {
    /// PAM_USER; none if it is not UTF-8.
    pub user: Option<String>,
    /// PAM_SERVICE, PAM_RHOST and PAM_TTY; empty if not set.
    pub service: String,
    /// PAM_RHOST: an address or a name, empty if not set.
    pub rhost: String,
    /// PAM_TTY, such as `pts/0`, `ssh` or `tty1`; empty if not set.
    pub tty: String,
    /// Whether PAM_AUTHTOK is set: an earlier line asked for a password.
    pub has_password: bool,
    /// `SSH_AUTH_INFO_0` of the PAM environment: the methods that sshd has accepted, one a line; none if not set.
    pub ssh_methods: Option<String>,
    /// Whether `SSH_CONNECTION` is in the PAM environment.
    pub ssh_connection: bool,
    /// Whether root started the application, and not a user through a setuid program.
    pub called_by_root: bool,
    /// PAM_SILENT: the application shows no texts.
    pub silent: bool,
    /// Seconds until the application ends the login, if this is known: login(1) sets an alarm.
    pub time_left: Option<u64>,
}

impl PamItems {
    /// Whether sshd asks, under any service name.
    pub fn is_sshd(&self) -> bool {
        self.service == SSHD || self.tty == "ssh" || self.ssh_methods.is_some() || self.ssh_connection
    }

    /// Whether this login is by one of `services`. The name `sshd` means sshd under any service name.
    pub(crate) fn is_one_of(&self, services: &[String]) -> bool {
        services.iter().any(|service| *service == self.service || (service == SSHD && self.is_sshd()))
    }

    /// The methods that sshd has accepted, without the details that follow them: the key, or the device as in
    /// `keyboard-interactive/pam`.
    pub fn methods_of_sshd(&self) -> impl Iterator<Item = &str> {
        let lines = self.ssh_methods.as_deref().unwrap_or("").lines();
        lines.filter_map(|line| line.split([' ', '/']).next()).filter(|method| !method.is_empty())
    }

    /// The methods that the user proved before, as far as the auth phase knows: those of sshd, and a password that an
    /// earlier line asked for.
    pub fn methods(&self) -> Vec<&str> {
        self.methods_of_sshd().chain(self.has_password.then_some("password")).collect()
    }

    /// The names of this login in the log.
    pub(crate) fn who(&self) -> Who {
        Who {
            service: self.service.clone(),
            rhost: self.rhost.clone(),
            tty: self.tty.clone(),
            program: if self.is_sshd() { Program::Sshd } else { Program::Other },
            ..Who::default()
        }
    }
}

/// The PAM service of sshd, unless it was renamed.
const SSHD: &str = "sshd";

/// What a phase leaves on the PAM handle for the account phase of the same login.
pub struct Handoff {
    /// The account's user id.
    pub uid: u32,
    /// The account's canonical name.
    pub name: String,
    /// PAM_SERVICE of that phase.
    pub service: String,
    /// The outcome of that phase.
    pub kind: HandoffKind,
}

impl Handoff {
    /// Whether this is for the present login: applications use one handle for several users.
    pub(crate) fn is_for(&self, account: &Account, items: &PamItems) -> bool {
        (self.uid, self.name.as_str(), self.service.as_str())
            == (account.uid, account.name.as_str(), items.service.as_str())
    }
}

/// The outcome of a phase that was not refused.
pub enum HandoffKind {
    /// A code was accepted, or the policy asks for nothing.
    Passed,
    /// The user has enrolled, and nothing is stored yet.
    Enrolling(Box<NewEnrollment>),
    /// No code was asked for. The account phase let the user in and logged it.
    Unasked,
}

/// The application that runs the login.
pub trait Application: Conversation {
    /// Asks like [`Conversation::ask`], but without echo.
    fn ask_hidden(&mut self, prompt: &str) -> Result<Answer, Denial>;
    /// The PAM items and environment of the login.
    fn items(&mut self) -> PamItems;
    /// What the terminal can show that is the standard input of the application, which root has started.
    fn screen(&mut self) -> Screen;
    /// Whether `answer` is the password that the user typed before. Such an answer is never a code, whatever its form.
    fn is_password(&self, answer: &[u8]) -> bool;
    /// Gives `password` to the lines after the pam_twostep auth line, as PAM_AUTHTOK.
    fn hand_on(&mut self, password: &[u8]) -> Result<(), Denial>;
    /// Writes one line to the log.
    fn log(&mut self, line: &Line);
    /// Keeps `handoff` for the account phase. While an enrollment is kept, the login cannot be completed.
    fn keep(&mut self, handoff: Handoff) -> Result<(), Denial>;
    /// Takes the handoff that was kept.
    fn take(&mut self) -> Option<Handoff>;
    /// Records that no enrollment is pending any more, because it was stored or a new login begins.
    fn end_pending(&mut self);
    /// Whether an enrollment is pending: kept in this process or another one of the same login, and not stored.
    fn is_pending(&mut self) -> bool;
}
