//! One login whose circumstances are known: whether a stack lets it in, as libpam walks it.

use twostep_core::pam::control::ReturnValue;
use twostep_core::pam::walk::{Handler, Walk};

use super::module_type::ModuleType;
use super::modules::Role;
use super::pam_line::PamLine;

/// Who takes the password that is typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Password {
    /// No module accepts it.
    Wrong,
    /// This module alone, by the name in its line; the others do not know the user.
    TakenBy(String),
    /// Every module that asks for it.
    TakenByAll,
}

/// What each module answers in one login.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who takes the password.
    pub password: Password,
    /// The answer of pam_twostep.
    pub ours: ReturnValue,
    /// What those modules answer that look at user, time or place, or only prepare something.
    pub others: ReturnValue,
    /// Whether the program runs as root, for pam_rootok.
    pub by_root: bool,
}

impl Login {
    /// Whether `stack` lets it in.
    pub fn passes(&self, stack: &[PamLine]) -> bool {
        let mut walk = Walk::start();
        while let Some(line) = stack.get(walk.next()) {
            walk = walk.step(stack, self.answer(line));
        }
        walk.outcome() == ReturnValue::SUCCESS
    }

    fn answer(&self, line: &PamLine) -> ReturnValue {
        if line.handler != Handler::Module {
            return ReturnValue::PERM_DENIED;
        }
        let says = |yes: bool| if yes { ReturnValue::SUCCESS } else { ReturnValue::AUTH_ERR };
        match line.role() {
            Role::Ours => self.ours,
            // The login is by password.
            Role::SshdAccepted => ReturnValue::AUTHINFO_UNAVAIL,
            Role::Factor if line.kind == ModuleType::Auth => self.factor(line.module()),
            Role::Factor | Role::Permit => ReturnValue::SUCCESS,
            Role::Deny => ReturnValue::AUTH_ERR,
            Role::Root => says(self.by_root),
            Role::Counter => says(!line.arguments().any(|argument| argument == "authfail")),
            Role::Condition => self.others,
            Role::Quiet if self.others == ReturnValue::SUCCESS => ReturnValue::SUCCESS,
            Role::Quiet => ReturnValue::IGNORE,
        }
    }

    fn factor(&self, module: &str) -> ReturnValue {
        match &self.password {
            Password::Wrong => ReturnValue::AUTH_ERR,
            Password::TakenBy(taker) if taker != module => ReturnValue::USER_UNKNOWN,
            Password::TakenBy(_) | Password::TakenByAll => ReturnValue::SUCCESS,
        }
    }
}
