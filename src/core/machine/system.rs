//! The facts of a machine that every process may read.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use nix::unistd::gethostname;

use crate::dialogue::enroll::Source;
use crate::fault::{Fault, FileProblem};
use crate::login::account_line::{self, AccountLineFault};
use crate::login::first_factor;
use crate::login::machine::Surroundings;
use crate::login::may_log_in::{self, MayNotLogIn};
use crate::os::account::{Account, Accounts, NssName};
use crate::os::files::{self, Privacy};
use crate::os::look_up::{self, Entry};
use crate::os::root::Root;
use crate::os::{aging, clock, entropy, groups};
use crate::paths::{DEBIAN_PAM_DIRS, POLICY, POLICY_DIR};
use crate::policy::{Policy, PolicyFileError};
use crate::time::UnixTime;
use crate::verdict::Denial;
use crate::zeroizing::Zeroizing;

/// The facts of a machine that every process may read: the files below a root, the name service, the clock.
pub struct System {
    pub(super) root: Root,
    /// Read once: the answers of one login must agree.
    accounts: OnceCell<Accounts>,
}

impl System {
    /// The machine whose files lie below `root`.
    pub const fn new(root: Root) -> Self {
        Self { root, accounts: OnceCell::new() }
    }

    pub(super) fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::read)
    }

    /// The places of the file of a PAM service; the first that exists counts. libpam knows more folders on other
    /// distributions. If the file of a service is in one of those, no login by that service enrolls.
    pub fn paths_of_service(&self, service: &str) -> impl Iterator<Item = PathBuf> {
        DEBIAN_PAM_DIRS.iter().map(move |dir| self.root.path(&format!("{dir}/{service}")))
    }

    /// The text of a file in PAM's directory; none if it cannot be read.
    fn text_of_service(&self, file: &str) -> Option<String> {
        let is_there = |bytes: &io::Result<_>| {
            !bytes.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let bytes = self.paths_of_service(file).map(std::fs::read).find(is_there)?.ok()?;
        // Comments may be in any encoding.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The path and the text of the policy file. It is an error if another user could change the file.
    pub fn policy_text(&self) -> Result<(PathBuf, Zeroizing<Vec<u8>>), Fault> {
        let owner = self.root.system_owner()?;
        files::check_above(&self.root.above(POLICY_DIR), owner)?;
        files::check_dir(&self.root.path(POLICY_DIR), owner, Privacy::Public)?;
        let path = self.root.path(POLICY);
        let file = files::open_file(&path, owner, Privacy::Public)?;
        let file = file.ok_or_else(|| Fault::file(&path, FileProblem::Missing))?;
        let text = files::read(&file, &path)?;
        Ok((path, text))
    }
}

/// A machine that contains a [`System`].
pub(super) trait OnSystem {
    fn system(&self) -> &System;
}

impl OnSystem for System {
    fn system(&self) -> &System {
        self
    }
}

impl<M: OnSystem> Source for M {
    fn now(&self) -> Result<UnixTime, Denial> {
        Ok(clock::now()?)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        Ok(entropy::fill(bytes)?)
    }
}

impl<M: OnSystem> Surroundings for M {
    fn name(&self) -> String {
        gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
    }

    fn policy(&self) -> Result<Policy, Denial> {
        let (path, text) = self.system().policy_text().map_err(Denial::misconfigured)?;
        Policy::parse(&text).map_err(|error| Denial::misconfigured(PolicyFileError { path, error }))
    }

    fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
        Ok(self.system().accounts().by_name(name)?)
    }

    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
        look_up::entries(names)
    }

    fn memberships(&self, entry: &NssName, named: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        groups::memberships(entry, named)
    }

    fn check_account_phase(&self, service: &str) -> Result<Vec<String>, AccountLineFault> {
        account_line::check_account_phase(service, &|file| self.system().text_of_service(file))
    }

    fn proves_first_factor(&self, service: &str) -> bool {
        first_factor::is_proved(service, &|file| self.system().text_of_service(file))
    }

    fn check_may_log_in(&self, account: &Account) -> Result<(), MayNotLogIn> {
        may_log_in::check_nologin(account.uid, |file| {
            std::fs::metadata(self.system().root.path(file)).map(drop)
        })?;
        for NssName { name, .. } in &account.names {
            if let Some(answer) = aging::check(name)? {
                may_log_in::check_age(name, answer)?;
            }
        }
        Ok(())
    }
}
