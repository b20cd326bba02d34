//! How a remedy changes logins: every service is walked as it is, and as it would be after the remedy.

use std::collections::BTreeSet;

use twostep_core::pam::control::ReturnValue;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::login::{Login, Password};
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::pam::service::Service;

use super::asking::asks_first_factor;
use super::auth_stack::CalledBy;
use super::shared;
use crate::effect::Effect;
use crate::finding::Remedy;

/// The answers of modules that look at user, time or place.
const OTHERS: [ReturnValue; 3] = [ReturnValue::SUCCESS, ReturnValue::IGNORE, ReturnValue::PERM_DENIED];

/// How `remedy` changes logins by the services of these files. `guarded` are the services of `[enrollment]` and `[gate]`; `gates`
/// are those of `[gate]`.
pub(crate) fn effect(files: &Files<'_>, remedy: &Remedy, guarded: &[String], gates: &[String]) -> Effect {
    let Some(changed) = remedy.changes(|file| files.text(file)) else { return Effect::default() };
    let unchanged = Files::new(files.root());
    let after = changed.into_iter().fold(unchanged, |after, (file, text)| after.with(&file, text));
    let names = files.names().into_iter().filter(|name| !shared::is_shared(name));
    let services =
        names.filter_map(|name| Some((Service::load(files, &name)?, Service::load(&after, &name)?)));
    let effects = services.filter(|(was, is)| !is_same(was, is)).map(|(was, is)| {
        let caller = CalledBy::of(&was.name, guarded.contains(&was.name));
        let here = Change { was, is, by_root: caller == CalledBy::AlwaysRoot };
        here.effect(gates)
    });
    effects.fold(Effect::default(), Effect::and)
}

/// Whether libpam reads the same lines.
fn is_same(was: &Service, is: &Service) -> bool {
    let alike = |(was, is): (&PamLine, &PamLine)| {
        (&was.words, was.level, was.handler) == (&is.words, is.level, is.handler)
    };
    let same = |was: &[PamLine], is: &[PamLine]| was.len() == is.len() && was.iter().zip(is).all(alike);
    same(&was.auth, &is.auth) && same(&was.account, &is.account) && was.lost == is.lost
}

/// A service as it is, and as it would be.
struct Change {
    was: Service,
    is: Service,
    /// Whether root always calls it.
    by_root: bool,
}

impl Change {
    fn effect(&self, gates: &[String]) -> Effect {
        let name = self.was.name.as_str();
        let mut effect = Effect::default();
        for login in self.right_logins() {
            effect = match (Access::of(&self.was, &login), Access::of(&self.is, &login)) {
                (Access::NeedsCode, Access::Free) => effect.and(Effect::opens(name)),
                (Access::Free, Access::NeedsCode) => effect.and(Effect::closes(name)),
                (Access::NeedsCode | Access::Free, Access::Refused) => effect.and(Effect::locks(name)),
                (Access::NeedsCode, Access::NeedsCode)
                | (Access::Free, Access::Free)
                | (Access::Refused, _) => effect,
            };
            let unasked = |service: &Service| passes(service, &login, ReturnValue::IGNORE);
            if unasked(&self.was) && !unasked(&self.is) {
                effect = effect.and(Effect::locks(name));
            }
        }
        let is_gate = gates.contains(&self.was.name);
        if self.opens_to_wrong_password() || is_gate && self.opens_the_gate() {
            effect = effect.and(Effect::opens(name));
        }
        effect
    }

    /// Logins with a right first factor: each module that may take it, and all together.
    fn right_logins(&self) -> Vec<Login> {
        let lines = self.was.auth.iter().chain(&self.is.auth).filter(|line| asks_first_factor(line));
        let modules: BTreeSet<&str> = lines.map(PamLine::module).collect();
        let each = modules.into_iter().map(|module| Password::TakenBy(module.to_owned()));
        each.chain([Password::TakenByAll]).flat_map(|password| self.logins(&password)).collect()
    }

    /// Logins with this password under all circumstances.
    fn logins(&self, password: &Password) -> Vec<Login> {
        let login = |others| Login {
            password: password.clone(),
            ours: ReturnValue::IGNORE,
            others,
            by_root: self.by_root,
        };
        OTHERS.into_iter().map(login).collect()
    }

    /// Whether a login with a right code and a wrong password succeeds only after the change. False for a service that refuses
    /// every login before the change.
    fn opens_to_wrong_password(&self) -> bool {
        let granted = |service: &Service, login: &Login| passes(service, login, ReturnValue::SUCCESS);
        let is_used = self.logins(&Password::TakenByAll).iter().any(|login| granted(&self.was, login));
        let wrong = self.logins(&Password::Wrong);
        is_used && wrong.iter().any(|login| !granted(&self.was, login) && granted(&self.is, login))
    }

    /// Whether a login by key alone, which the account line refuses now, succeeds after the change.
    fn opens_the_gate(&self) -> bool {
        let passes = |service: &Service, ours: ReturnValue| {
            let mut logins = self.logins(&Password::TakenByAll).into_iter();
            logins.any(|login| Login { ours, ..login }.passes(&service.account)) && !service.lost
        };
        let refused = ReturnValue::PERM_DENIED;
        passes(&self.was, ReturnValue::IGNORE) && !passes(&self.was, refused) && passes(&self.is, refused)
    }
}

/// How a login with a right first factor ends.
#[derive(Clone, Copy)]
enum Access {
    /// It succeeds without a code.
    Free,
    /// It succeeds only with a right code.
    NeedsCode,
    Refused,
}

impl Access {
    fn of(service: &Service, login: &Login) -> Self {
        match [ReturnValue::AUTH_ERR, ReturnValue::SUCCESS].map(|ours| passes(service, login, ours)) {
            [true, _] => Self::Free,
            [false, true] => Self::NeedsCode,
            [false, false] => Self::Refused,
        }
    }
}

/// Whether the login succeeds if our auth line answers `ours`, and our account line PAM_IGNORE.
fn passes(service: &Service, login: &Login, ours: ReturnValue) -> bool {
    let auth = Login { ours, ..login.clone() }.passes(&service.auth);
    auth && Login { ours: ReturnValue::IGNORE, ..login.clone() }.passes(&service.account) && !service.lost
}
