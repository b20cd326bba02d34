//! Whether an account can log in at all. If that is not known, it counts as possible.

use twostep_core::os::root::Root;
use twostep_core::pam::factor::stem;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::modules::Role;
use twostep_hostconf::pam::service::Service;
use twostep_hostconf::sshd::keys::KeyFiles;
use twostep_hostconf::tree;

use crate::accounts::Local;
use crate::shadow::{Password, Shadow};

/// The module that checks the password in /etc/shadow.
const UNIX: &str = "pam_unix";

pub(crate) struct WaysIn<'a> {
    root: &'a Root,
    shadow: Shadow,
    /// Whether its services accept only the password in /etc/shadow.
    unix_alone: bool,
    /// Where sshd looks for keys; none if that is not known.
    keys: Option<KeyFiles>,
}

impl<'a> WaysIn<'a> {
    /// The ways by these services, and by a key at sshd.
    pub(crate) fn of(root: &'a Root, services: &[&str]) -> Self {
        let files = Files::new(root);
        let asks = |service: &&str| Service::load(&files, service).is_some_and(|one| asks_unix_alone(&one));
        Self {
            root,
            shadow: Shadow::read(root),
            unix_alone: services.iter().all(asks),
            keys: KeyFiles::of(root),
        }
    }

    /// Whether `account` can log in: by a password that is not locked, or by a key at sshd.
    pub(crate) fn lets_in(&self, account: &Local) -> bool {
        let password = Password::of(&self.shadow, &account.name, &account.password);
        password != Some(Password::Locked) || !self.unix_alone || self.may_have_key(account)
    }

    /// Whether sshd may find a key. A home that is missing now may be mounted later.
    fn may_have_key(&self, account: &Local) -> bool {
        let is_there = |path: &str| tree::resolve(self.root, path).is_some_and(|real| real.exists());
        let Local { name, uid, home, .. } = account;
        let finds = |keys: &KeyFiles| keys.paths(name, *uid, home).any(|path| is_there(&path));
        !is_there(home) || self.keys.as_ref().is_none_or(finds)
    }
}

/// Whether the service accepts only the password in /etc/shadow.
fn asks_unix_alone(service: &Service) -> bool {
    let factors = service.auth.iter().filter(|line| line.role() == Role::Factor);
    let mut modules = factors.map(|line| stem(line.module())).peekable();
    modules.peek().is_some() && modules.all(|module| module == UNIX)
}
