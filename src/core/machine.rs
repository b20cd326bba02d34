//! The machine as it is: the files below a root, the name service, the clock.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use nix::unistd::gethostname;
use zeroize::Zeroizing;

use crate::dialogue::enroll::Source;
use crate::fault::{Fault, FileProblem};
use crate::helper::client;
use crate::helper::error::HelperError;
use crate::login::account_line::{self, AccountLineFault};
use crate::login::machine::Machine;
use crate::login::may_log_in::{self, MayNotLogIn};
use crate::manage::act::WithStore;
use crate::manage::status::{StateSummary, Status};
use crate::os::account::{self, Account, NssName};
use crate::os::files::{self, Access, Dir, Privacy};
use crate::os::look_up::{self, Entry};
use crate::os::root::{Owners, Root};
use crate::os::{aging, clock, entropy, groups};
use crate::paths::{DEBIAN_PAM_DIRS, POLICY_DIR, POLICY_FILE};
use crate::policy::{Policy, PolicyFileError, Verification};
use crate::proof::code::{LongCode, Typed};
use crate::proof::state::AttemptCounter;
use crate::proof::ticket::Ticket;
use crate::proof::totp::Authenticator;
use crate::store::Store;
use crate::store::enroll::enroll;
use crate::store::files::{self as stored, credential::NewEnrollment};
use crate::time::UnixTime;
use crate::verdict::{Accepted, Denial, TicketFault};
use crate::verify::{self, NOT_ENROLLED, Purpose};

/// The files below a root, the name service, the clock.
pub struct System {
    root: Root,
    judge: Judge,
    /// Looked up once: a name service may be slow, and one login opens the store several times.
    owners: OnceCell<Owners>,
}

/// Who judges what was typed.
#[derive(Clone, Copy)]
enum Judge {
    /// This process, which may read the store; what fails is counted by this counter.
    Here(AttemptCounter),
    /// The helper: this process is not root.
    Helper,
}

impl System {
    /// The machine whose files lie below `root`, as this process sees it.
    pub fn new(root: Root) -> Self {
        let judge = if root.is_ours() { Judge::Here(AttemptCounter::Hosts) } else { Judge::Helper };
        Self { root, judge, owners: OnceCell::new() }
    }

    /// The machine, as the helper sees it.
    pub const fn of_helper() -> Self {
        Self { root: Root::SYSTEM, judge: Judge::Here(AttemptCounter::Helper), owners: OnceCell::new() }
    }

    /// Where the file of a PAM service may be; the first that exists counts. libpam knows more folders on other distributions.
    /// Nobody enrolls in a login by a service whose file is there.
    pub fn paths_of_service(&self, service: &str) -> impl Iterator<Item = PathBuf> {
        DEBIAN_PAM_DIRS.iter().map(move |dir| self.root.path(&format!("{dir}/{service}")))
    }

    /// The path and the text of the policy file. A file that somebody else could change is an error.
    pub fn policy_text(&self) -> Result<(PathBuf, Zeroizing<Vec<u8>>), Fault> {
        let owner = self.root.system_owner()?;
        files::check_above(&self.root.above(POLICY_DIR), owner)?;
        let dir = Dir::open(self.root.path(POLICY_DIR), owner, Privacy::Public)?;
        let path = dir.path_of(POLICY_FILE);
        let file = dir.open_file(POLICY_FILE, Access::Read)?;
        let file = file.ok_or_else(|| Fault::file(&path, FileProblem::Missing))?;
        let text = files::read(&file, &path)?;
        Ok((path, text))
    }
}

impl WithStore for System {
    type Store = stored::Store;

    fn store(&self) -> Result<stored::Store, Fault> {
        let owners = match self.owners.get() {
            Some(owners) => *owners,
            None => {
                let owners = self.root.owners()?;
                *self.owners.get_or_init(|| owners)
            }
        };
        stored::Store::open_of(&self.root, owners)
    }
}

impl Source for System {
    fn now(&self) -> Result<UnixTime, Denial> {
        Ok(clock::now()?)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        Ok(entropy::fill(bytes)?)
    }
}

impl Machine for System {
    fn name(&self) -> String {
        gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
    }

    fn policy(&self) -> Result<Policy, Denial> {
        let (path, text) = self.policy_text().map_err(Denial::misconfigured)?;
        Policy::parse(&text).map_err(|error| Denial::misconfigured(PolicyFileError { path, error }))
    }

    fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
        Ok(account::by_name(name)?)
    }

    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
        look_up::entries(names)
    }

    fn memberships(&self, entry: &NssName, named: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        groups::memberships(entry, named)
    }

    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial> {
        match self.judge {
            Judge::Here(_) => Ok(self.store()?.is_enrolled(account)?),
            Judge::Helper => Ok(status_of(account)?.enrolled),
        }
    }

    fn is_required(&self, account: &Account) -> Result<bool, Denial> {
        if let Judge::Helper = self.judge {
            return is_required(status_of(account)?);
        }
        Ok(self.store()?.is_required(account)?)
    }

    fn code_lengths(&self, account: &Account) -> Result<Vec<u8>, Denial> {
        if let Judge::Helper = self.judge {
            let authenticators = status_of(account)?.authenticators;
            return Ok(authenticators.iter().map(|one| one.digits).collect());
        }
        let credential = self.store()?.credential(account)?.ok_or(NOT_ENROLLED)?;
        Ok(credential.authenticators.iter().map(Authenticator::digits).collect())
    }

    fn verify(
        &self,
        account: &Account,
        typed: &Typed,
        rules: &Verification,
        remark: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial> {
        match self.judge {
            Judge::Here(by) => {
                let (store, opened) = (self.store()?, clock::now()?);
                let record =
                    store.open(account, |authenticators| rules.window_end(authenticators, opened))?;
                verify::judge(record, typed, by, Purpose::Accept, rules, clock::now()?, remark)
            }
            Judge::Helper => check_own(account).and_then(|()| client::verify(typed)),
        }
    }

    fn check_account_phase(&self, service: &str) -> Result<Vec<String>, AccountLineFault> {
        account_line::check_account_phase(service, &|file| {
            let is_there = |bytes: &io::Result<_>| {
                !bytes.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            };
            let bytes = self.paths_of_service(file).map(std::fs::read).find(is_there)?.ok()?;
            // Comments may be in any encoding.
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    fn check_may_log_in(&self, account: &Account) -> Result<(), MayNotLogIn> {
        may_log_in::check_nologin(account.uid, |file| std::fs::metadata(self.root.path(file)).map(drop))?;
        for NssName { name, .. } in &account.names {
            if let Some(answer) = aging::check(name)? {
                may_log_in::check_age(name, answer)?;
            }
        }
        Ok(())
    }

    /// Fails where the state is somebody else's, or would refuse the codes of a new authenticator: better now than after
    /// the dialogue.
    fn check_enrollable(&self, account: &Account, rules: &Verification) -> Result<(), Denial> {
        let store = self.store()?;
        let Some(state) = store.state(account)? else { return Ok(()) };
        let (credential, now) = (store.credential(account)?, self.now()?);
        let authenticators = credential.as_ref().map_or(&[][..], |credential| &credential.authenticators);
        state.check_clock(rules.window_end(authenticators, now), now)
    }

    fn check_ticket(&self, account: &Account, typed: &LongCode) -> Result<Ticket, Denial> {
        let (store, opened, rules) = (self.store()?, self.now()?, Verification::default());
        let record = store.open(account, |authenticators| rules.window_end(authenticators, opened))?;
        let mut record = record.ok_or(Denial::WrongTicket(TicketFault::None))?;
        verify::verify_ticket(&mut record, account.uid, typed, self.now()?)
    }

    fn enroll(&self, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
        enroll(&self.store()?, account, enrollment)
    }
}

/// How things stand with `account`, as the helper says.
fn status_of(account: &Account) -> Result<Status, Denial> {
    check_own(account)?;
    client::status()
}

/// The helper judges whoever starts it, and nobody else.
fn check_own(account: &Account) -> Result<(), Denial> {
    let own = account::real_uid();
    if account.uid == own {
        return Ok(());
    }
    Err(Denial::unavailable(HelperError::OnlyOwn(own)))
}

/// A state that cannot be read, or is somebody else's, says nothing; that an administrator required it is not passed over.
fn is_required(status: Status) -> Result<bool, Denial> {
    match (status.state, status.problem) {
        (None | Some(StateSummary { required: true, .. }), Some(problem)) => {
            Err(Denial::unavailable(HelperError::Record(problem)))
        }
        (Some(StateSummary { required, .. }), _) => Ok(required),
        (None, None) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_unreadable_state_for_an_error_not_for_unrequired() {
        let state = |required| {
            let failures = "{ codes = 0, recovery = 0, recovery_disabled = false, last = 0 }";
            format!("[state]\nmark = 0\nrequired = {required}\nhosts = {failures}\nhelper = {failures}\n")
        };
        let table = [
            (String::new(), Ok(false)),
            (state(false), Ok(false)),
            (state(true), Ok(true)),
            ("problem = \"x\"\n".to_owned(), Err(())),
            (format!("problem = \"x\"\n{}", state(true)), Err(())),
            (format!("problem = \"x\"\n{}", state(false)), Ok(false)),
        ];
        for (text, expected) in table {
            let status = Status::parse(&format!("enrolled = false\n{text}")).unwrap();
            assert_eq!(is_required(status).map_err(drop), expected, "{text}");
        }
    }
}
