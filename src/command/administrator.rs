//! What each verb of root needs: the machine, the store, and a line in the log.

use std::path::PathBuf;

use twostep_core::dialogue::conversation::Conversation;
use twostep_core::login::audit::Value;
use twostep_core::login::machine::Surroundings;
use twostep_core::machine::{LocalMachine, Roster};
use twostep_core::manage::act::{ActError, ActLog, Acts, Target, WithStore};
use twostep_core::manage::{Actor, Context, Frontend};
use twostep_core::os::account::Account;
use twostep_core::os::clock;
use twostep_core::os::names::Names;
use twostep_core::os::root::Root;
use twostep_core::policy::{Policy, Verification};
use twostep_core::proof::code::Answer;
use twostep_core::store::files::Store;
use twostep_core::time::UnixTime;
use twostep_core::verdict::{Denial, Verdict};

use crate::act_error::explain;
use crate::failure::Failure;
use crate::log::Log;
use crate::subject::Subject;
use crate::terminal::{Terminal, note};
use crate::words::frame::{CHECK_SPELLING, ONLY_ROOT, ONLY_ROOT_THEN, unknown_user};

/// Root, or a user who gives a root directory of their own.
pub(crate) struct Administrator {
    machine: LocalMachine,
    root: Root,
    names: Names,
    log: Log,
}

impl Administrator {
    /// Fails unless the user who runs this command may read and write the store.
    pub(crate) fn new(root: Option<PathBuf>) -> Result<Self, Failure> {
        let log = Log::new(root.is_none());
        let root = root_at(root)?;
        if !root.is_ours() {
            return Err(Failure::refused(ONLY_ROOT, ONLY_ROOT_THEN));
        }
        Ok(Self { machine: LocalMachine::new(root.clone()), root, names: Names::default(), log })
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(self.machine.store()?)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn machine(&self) -> &LocalMachine {
        &self.machine
    }

    /// The users and groups of the machine.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The machine for many users.
    pub(crate) fn roster(&self) -> Roster<'_> {
        Roster::new(self.machine.system(), &self.names)
    }

    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        Ok(self.machine.policy()?)
    }

    /// The rules of the policy for codes.
    pub(crate) fn rules(&self) -> Result<Verification, Failure> {
        Ok(self.policy()?.verification)
    }

    /// What apps show beside the name of an account.
    pub(crate) fn issuer(&self) -> Result<String, Failure> {
        Ok(self.policy()?.enrollment.issuer.unwrap_or_else(|| self.machine.name()))
    }

    /// The account called `name`.
    pub(crate) fn account(&self, name: &str) -> Result<Account, Failure> {
        Account::find(name, &self.names)?.ok_or_else(|| unknown(name))
    }

    /// The account that `user` names, by name or uid. A uid may be that of a deleted account.
    pub(crate) fn target(&self, user: &str) -> Result<Target, Failure> {
        Target::find(user, &self.names)?.ok_or_else(|| unknown(user))
    }

    /// Does something with the second step of `account`, for which a user would need a code.
    pub(crate) fn with_context<T>(
        &self,
        account: &Account,
        act: impl FnOnce(&Context<'_, LocalMachine>, &mut AdminFrontend<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let context = Context::open(self.machine(), account, Actor::Administrator)?;
        act(&context, &mut AdminFrontend { log: &self.log, target: account.into() })
    }

    pub(crate) fn now(&self) -> Result<UnixTime, Failure> {
        Ok(clock::now()?)
    }

    /// Does what only root may do. It is stored and logged when this returns.
    pub(crate) fn carry_out<T>(
        &self,
        target: &Target,
        act: impl FnOnce(&mut Acts<'_, LocalMachine, &Log>) -> Result<T, ActError>,
    ) -> Result<T, Failure> {
        act(&mut self.acts()).map_err(|error| explain(target, error))
    }

    /// All that only root may do.
    pub(crate) fn acts(&self) -> Acts<'_, LocalMachine, &Log> {
        Acts::new(&self.machine, &self.log)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

/// Root at the terminal, who acts for one account.
pub(crate) struct AdminFrontend<'a> {
    log: &'a Log,
    target: Target,
}

impl Conversation for AdminFrontend<'_> {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        Terminal.ask(prompt)
    }

    fn tell(&mut self, text: &str) {
        Terminal.tell(text);
    }
}

impl ActLog for AdminFrontend<'_> {
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        self.log.log_act(act, target, more);
    }
}

impl Frontend for AdminFrontend<'_> {
    /// Root needs no code, so this is the verdict on a code that is tried.
    fn log(&mut self, verdict: &Verdict) {
        if let Verdict::Deny(denial) = verdict {
            let more = format!(" result=deny reason={}", denial.outward().reason);
            self.log.log_act("verify", &self.target, &more);
        }
    }

    fn remark(&mut self, what: &str) {
        note(what);
    }
}

/// The root directory of `--root`; without it the root of this machine.
pub(crate) fn root_at(dir: Option<PathBuf>) -> Result<Root, Failure> {
    match dir {
        Some(dir) => Ok(Root::at(&std::path::absolute(&dir).unwrap_or(dir))?),
        None => Ok(Root::SYSTEM),
    }
}

/// No account has this name or uid.
pub(crate) fn unknown(name: &str) -> Failure {
    Failure::refused(unknown_user(Value(name)), CHECK_SPELLING)
}
