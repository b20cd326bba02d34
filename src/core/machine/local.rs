//! The machine for a process that may read the store and judges codes itself.

use std::cell::OnceCell;

use crate::dialogue::enroll::Source;
use crate::fault::Fault;
use crate::login::machine::Machine;
use crate::manage::act::WithStore;
use crate::os::account::Account;
use crate::os::clock;
use crate::os::root::{Owners, Root};
use crate::policy::Verification;
use crate::proof::code::{LongCode, Typed};
use crate::proof::state::AttemptCounter;
use crate::proof::ticket::Ticket;
use crate::proof::totp::Authenticator;
use crate::store::enroll::enroll;
use crate::store::files::{self, credential::NewEnrollment};
use crate::store::{Record, Store};
use crate::verdict::{Accepted, Denial, EarlierFailures, Occasion, Origin, TicketFault};
use crate::verify::{self, Attempt, NOT_ENROLLED, Purpose};

use super::system::{OnSystem, System};

/// The machine as a process that may read the store sees it.
pub struct LocalMachine {
    system: System,
    /// The counter of failures.
    by: AttemptCounter,
    /// Looked up once: a name service may be slow, and one login opens the store several times.
    owners: OnceCell<Owners>,
    /// The failures before the first code of this login. Its user knows of the later ones.
    earlier: OnceCell<Option<EarlierFailures>>,
}

impl LocalMachine {
    /// The machine whose files lie below `root`, as root sees it.
    pub const fn new(root: Root) -> Self {
        Self::counting(root, AttemptCounter::Hosts)
    }

    /// The machine, as the helper sees it.
    pub const fn of_helper() -> Self {
        Self::counting(Root::SYSTEM, AttemptCounter::Helper)
    }

    const fn counting(root: Root, by: AttemptCounter) -> Self {
        Self { system: System::new(root), by, owners: OnceCell::new(), earlier: OnceCell::new() }
    }

    fn owners(&self) -> Result<Owners, Fault> {
        if let Some(owners) = self.owners.get() {
            return Ok(*owners);
        }
        let owners = self.system.root.owners_with(|name| self.system.accounts().uid_by_name(name))?;
        Ok(*self.owners.get_or_init(|| owners))
    }

    /// The facts of the machine that every process may read.
    pub const fn system(&self) -> &System {
        &self.system
    }
}

impl OnSystem for LocalMachine {
    fn system(&self) -> &System {
        &self.system
    }
}

impl WithStore for LocalMachine {
    type Store = files::Store;

    fn store(&self) -> Result<files::Store, Fault> {
        files::Store::open_of(&self.system.root, self.owners()?)
    }
}

impl Machine for LocalMachine {
    const ASKED_BY_OWNER: bool = false;

    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial> {
        Ok(files::is_enrolled(&self.system.root, self.owners()?, account.uid)?)
    }

    fn is_required(&self, account: &Account) -> Result<bool, Denial> {
        Ok(self.store()?.is_required(account)?)
    }

    fn code_lengths(&self, account: &Account) -> Result<Vec<u8>, Denial> {
        let credential = self.store()?.credential(account)?.ok_or(NOT_ENROLLED)?;
        Ok(credential.authenticators.iter().map(Authenticator::digits).collect())
    }

    fn verify(
        &self,
        account: &Account,
        typed: &Typed,
        rules: &Verification,
        from: &Origin,
        remark: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial> {
        let (store, opened) = (self.store()?, clock::now()?);
        let record = store.open(account, |authenticators| rules.window_end(authenticators, opened))?;
        let failures = || record.as_ref().and_then(|record| record.state().count(self.by).earlier(self.by));
        let earlier = *self.earlier.get_or_init(failures);
        let on = Occasion { at: clock::now()?, from: *from };
        let attempt = Attempt { by: self.by, purpose: Purpose::Accept, rules, on };
        let accepted = verify::judge(record, typed, &attempt, remark)?;
        Ok(Accepted { earlier, ..accepted })
    }

    /// Fails if the state belongs to another account, or would refuse the codes of a new authenticator. Otherwise the
    /// user would learn that only after the dialogue.
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
