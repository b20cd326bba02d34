//! What a login needs from outside: somebody to talk to, an application that asks, a machine that stores.

use std::collections::BTreeSet;

use crate::audit::{Line, Who};
use crate::code::{Answer, Code};
use crate::os::Fault;
use crate::os::account::{Account, Entry};
use crate::policy::{Policy, Verification};
use crate::verdict::{Accepted, Denial};

/// Talks to the person.
pub trait Conversation {
    /// Shows `prompt` and returns what was typed. An error means that nobody can be asked, or nobody answers.
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial>;
    /// Shows `text`, if that can be done; nobody may rely on its being read.
    fn tell(&mut self, text: &str);
}

/// What the application says of the login: the PAM items and environment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Request {
    /// PAM_USER; none if it is not UTF-8.
    pub user: Option<String>,
    /// PAM_SERVICE, PAM_RHOST and PAM_TTY; empty if not set.
    pub service: String,
    /// PAM_RHOST.
    pub rhost: String,
    /// PAM_TTY.
    pub tty: String,
    /// Whether PAM_AUTHTOK is set: an earlier line asked for a password.
    pub has_password: bool,
    /// `SSH_AUTH_INFO_0` of the PAM environment: the methods that sshd has accepted, one a line; none if not set.
    pub ssh_methods: Option<String>,
    /// Whether `SSH_CONNECTION` is in the PAM environment.
    pub ssh_connection: bool,
    /// Whether root started the application, and not a user through a setuid program.
    pub called_by_root: bool,
}

impl Request {
    /// Whether sshd asks, under whatever service name.
    pub fn is_sshd(&self) -> bool {
        self.service == "sshd" || self.tty == "ssh" || self.ssh_methods.is_some() || self.ssh_connection
    }

    /// How the log names this login.
    pub fn who(&self) -> Who {
        Who {
            user: None,
            service: self.service.clone(),
            rhost: self.rhost.clone(),
            tty: self.tty.clone(),
            rule: None,
        }
    }
}

/// The application that runs the login.
pub trait Host: Conversation {
    /// What it says of the login.
    fn request(&mut self) -> Request;
    /// Whether `answer` is the password that was typed before: never a code, however it looks.
    fn is_password(&self, answer: &[u8]) -> bool;
    /// Writes one line to the log.
    fn log(&mut self, line: &Line);
}

/// The machine: policy, accounts, store and clock.
pub trait Machine {
    /// The policy, read and parsed anew.
    fn policy(&self) -> Result<Policy, Denial>;
    /// The account called `name`; none if there is none.
    fn account(&self, name: &str) -> Result<Option<Account>, Denial>;
    /// Those of `groups` to which the person of `entry` belongs.
    fn memberships(&self, entry: &Entry, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault>;
    /// Whether the account has a credential.
    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial>;
    /// Judges `code`; `remark` is told what an administrator must know besides.
    fn verify(
        &self,
        account: &Account,
        code: &Code,
        rules: &Verification,
        remark: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial>;
}
