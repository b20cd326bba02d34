//! What every verb of an administrator's needs: the machine, the store, and a line in the log.

use std::path::PathBuf;

use syslog::{Facility, Formatter3164, LoggerBackend};
use twostep_core::dialogue::conversation::Conversation;
use twostep_core::fault::Fault;
use twostep_core::login::audit::Value;
use twostep_core::login::machine::Machine;
use twostep_core::machine::System;
use twostep_core::manage::{Actor, Context, Frontend};
use twostep_core::os::account::{self, Account};
use twostep_core::os::clock;
use twostep_core::os::root::Root;
use twostep_core::policy::{Policy, Verification};
use twostep_core::proof::code::Answer;
use twostep_core::store::files::Store;
use twostep_core::time::UnixTime;
use twostep_core::verdict::{Denial, Verdict};

use crate::failure::Failure;
use crate::terminal::{Terminal, note};

/// Somebody who may read and write the store.
pub(crate) struct Administrator {
    system: System,
    root: Root,
    /// Whether the machine itself is meant, and so its log.
    real: bool,
}

impl Administrator {
    /// Whoever runs this command, if they may.
    pub(crate) fn new(root: Option<PathBuf>) -> Result<Self, Failure> {
        let real = root.is_none();
        let root = root_at(root)?;
        if !root.is_ours() {
            return Err(Failure::refused("only root can do this.", "Run it again with sudo."));
        }
        Ok(Self { system: System::new(root.clone()), root, real })
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(self.system.store()?)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn machine(&self) -> &System {
        &self.system
    }

    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        Ok(self.system.policy()?)
    }

    /// How the policy wants codes judged.
    pub(crate) fn rules(&self) -> Result<Verification, Failure> {
        Ok(self.policy()?.verification)
    }

    /// What apps show beside an account of this machine.
    pub(crate) fn issuer(&self) -> Result<String, Failure> {
        Ok(self.policy()?.enrollment.issuer.unwrap_or_else(|| self.system.name()))
    }

    /// The account called `name`.
    pub(crate) fn account(&self, name: &str) -> Result<Account, Failure> {
        account::by_name(name)?.ok_or_else(|| unknown(name))
    }

    /// Whom `user` means: a name, or a uid, so that what a deleted account left can be named, too.
    pub(crate) fn target(&self, user: &str) -> Result<Target, Failure> {
        if let Some(account) = account::by_name(user)? {
            return Ok(Target { uid: account.uid, account: Some(account) });
        }
        match user.parse() {
            Ok(uid) => Target::of(uid),
            Err(_) => Err(unknown(user)),
        }
    }

    /// Puts the administrator before the second step of `account`.
    pub(crate) fn with_context<T>(
        &self,
        account: &Account,
        act: impl FnOnce(&Context<'_, System>, &mut AdminFrontend<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let open_store = || self.system.store();
        let context = Context::open(self.machine(), &open_store, account, Actor::Administrator)?;
        act(&context, &mut AdminFrontend { administrator: self, account })
    }

    pub(crate) fn now(&self) -> Result<UnixTime, Failure> {
        Ok(clock::now()?)
    }

    /// Writes what was done to the log. That it was done counts more: a log that is away changes nothing.
    pub(crate) fn log(&self, act: &str, target: &Target, more: &str) {
        if self.real {
            let line =
                format!("act={act} user={} uid={}{more} by={}", Value(&target.name()), target.uid, caller());
            let _ = write_log(&line);
        }
    }
}

/// An administrator at the terminal, with one person's account before them.
pub(crate) struct AdminFrontend<'a> {
    administrator: &'a Administrator,
    account: &'a Account,
}

impl Conversation for AdminFrontend<'_> {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        Terminal.ask(prompt)
    }

    fn tell(&mut self, text: &str) {
        Terminal.tell(text);
    }
}

impl Frontend for AdminFrontend<'_> {
    /// Only a code that is tried is judged here.
    fn log(&mut self, verdict: &Verdict) {
        if let Verdict::Deny(denial) = verdict {
            self.log_act("verify", &format!(" result=deny reason={}", denial.outward().reason));
        }
    }

    fn log_act(&mut self, act: &str, more: &str) {
        let target = Target { uid: self.account.uid, account: Some(self.account.clone()) };
        self.administrator.log(act, &target, more);
    }

    fn remark(&mut self, what: &str) {
        note(what);
    }
}

/// The root that is meant by `--root`, or its absence.
pub(crate) fn root_at(dir: Option<PathBuf>) -> Result<Root, Failure> {
    match dir {
        Some(dir) => Ok(Root::at(&std::path::absolute(&dir).unwrap_or(dir))?),
        None => Ok(Root::SYSTEM),
    }
}

/// There is nobody of that name.
pub(crate) fn unknown(name: &str) -> Failure {
    Failure::refused(format!("there is no user '{}'.", Value(name)), "Check the spelling.")
}

/// Whom a command is about: an account, or the uid of one that is gone.
pub(crate) struct Target {
    pub uid: u32,
    /// The account, if it still exists.
    pub account: Option<Account>,
}

impl Target {
    /// The name, or the uid of an account that is gone.
    pub(crate) fn name(&self) -> String {
        self.account.as_ref().map_or_else(|| format!("uid {}", self.uid), |account| account.name.clone())
    }

    /// The target whose uid is `uid`.
    pub(crate) fn of(uid: u32) -> Result<Self, Failure> {
        Ok(Self { uid, account: account::by_uid(uid)? })
    }
}

/// The login uid, which survives su and sudo, as far as the kernel knows it.
fn caller() -> String {
    let uid = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    match uid.trim() {
        "" | "4294967295" => "root".to_owned(),
        uid => format!("loginuid:{uid}"),
    }
}

/// One connection an event, which never waits: the crate would block for ever on a log that is not read.
fn write_log(line: &str) -> Result<(), Fault> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "twostep".to_owned(),
        pid: std::process::id(),
    };
    let failed = |error: syslog::Error| Fault(error.to_string());
    let mut logger = syslog::unix(formatter).map_err(failed)?;
    if let LoggerBackend::Unix(socket) = &logger.backend {
        socket.set_nonblocking(true).map_err(|error| Fault(error.to_string()))?;
    }
    logger.notice(line).map_err(failed)
}
