//! What every verb of an administrator's needs: the machine, the store, and a line in the log.

use std::path::PathBuf;

use syslog::{Facility, Formatter3164, LoggerBackend};
use twostep_core::attempts::State;
use twostep_core::audit::Value;
use twostep_core::machine::System;
use twostep_core::os::account::{self, Account};
use twostep_core::os::root::Root;
use twostep_core::os::{Fault, clock};
use twostep_core::store::Store;
use twostep_core::time::UnixTime;
use twostep_core::totp;
use twostep_core::world::Machine;

use crate::failure::Failure;

/// Somebody who may read and write the store.
pub struct Administrator {
    system: System,
    /// Whether the machine itself is meant, and so its log.
    real: bool,
}

/// Whom a command is about: an account, or the uid of one that is gone.
pub struct Target {
    /// The user id.
    pub uid: u32,
    /// The account, if it still exists.
    pub account: Option<Account>,
}

impl Target {
    /// The name, or the uid of an account that is gone.
    pub fn name(&self) -> String {
        self.account.as_ref().map_or_else(|| format!("uid {}", self.uid), |account| account.name.clone())
    }
}

impl Administrator {
    /// Whoever runs this command, if they may.
    pub fn new(root: Option<PathBuf>) -> Result<Self, Failure> {
        let real = root.is_none();
        let root = match root {
            Some(dir) => Root::at(&std::path::absolute(&dir).unwrap_or(dir))?,
            None => Root::SYSTEM,
        };
        if !root.is_ours() {
            return Err(Failure::refused("only root can do this.", "Run it again with sudo."));
        }
        Ok(Self { system: System::new(root), real })
    }

    /// The store.
    pub fn store(&self) -> Result<Store, Failure> {
        Ok(self.system.store()?)
    }

    /// How many steps the policy tolerates to each side.
    pub fn skew(&self) -> Result<u8, Failure> {
        Ok(self.system.policy()?.verification.skew_steps)
    }

    /// Failures in a row until codes are disabled.
    pub fn lockout_after(&self) -> Result<u16, Failure> {
        Ok(self.system.policy()?.verification.lockout_after)
    }

    /// The account called `name`.
    pub fn account(&self, name: &str) -> Result<Account, Failure> {
        let account = account::by_name(name)?;
        account.ok_or_else(|| {
            Failure::refused(format!("there is no user '{}'.", Value(name)), "Check the spelling.")
        })
    }

    /// Whom `user` means: a name, or a uid, so that what a deleted account left can be named, too.
    pub fn target(&self, user: &str) -> Result<Target, Failure> {
        if let Some(account) = account::by_name(user)? {
            return Ok(Target { uid: account.uid, account: Some(account) });
        }
        let uid = user.parse().ok().filter(|uid: &u32| uid.to_string() == user);
        match uid {
            Some(uid) => Ok(Target { uid, account: account::by_uid(uid)? }),
            None => self.account(user).map(|account| Target { uid: account.uid, account: Some(account) }),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Result<UnixTime, Failure> {
        Ok(clock::now()?)
    }

    /// The last moment at which a step of `uid`'s begins that could be accepted now.
    pub fn window_end(&self, store: &Store, uid: u32) -> Result<UnixTime, Failure> {
        let credential = store.credential(uid)?;
        let authenticators = credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
        Ok(totp::window_end(authenticators, self.now()?, self.skew()?.into()))
    }

    /// Whether the mark of `state` lies beyond that moment.
    pub fn clock_is_wrong(&self, store: &Store, uid: u32, state: &State) -> Result<bool, Failure> {
        Ok(state.is_ahead_of(self.window_end(store, uid)?))
    }

    /// Writes what was done to the log. That it was done counts more: a log that is away changes nothing.
    pub fn log(&self, act: &str, target: &Target, more: &str) {
        if self.real {
            let line =
                format!("act={act} user={} uid={}{more} by={}", Value(&target.name()), target.uid, caller());
            let _ = write_log(&line);
        }
    }
}

/// The login uid (credentials that survive su and sudo), as far as the kernel knows it.
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
