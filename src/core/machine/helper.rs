//! The machine for a process that may not read the store: the helper judges.

use std::cell::OnceCell;

use crate::helper::client;
use crate::helper::error::HelperError;
use crate::login::machine::Machine;
use crate::manage::status::{StateSummary, Status};
use crate::os::account::{self, Account};
use crate::os::root::Root;
use crate::policy::Verification;
use crate::proof::code::{LongCode, Typed};
use crate::proof::ticket::Ticket;
use crate::store::files::credential::NewEnrollment;
use crate::verdict::{Accepted, AttemptCounter, Denial, EarlierFailures, Origin};

use super::system::{OnSystem, System};

/// The machine as a process that is not root sees it.
pub struct HelperMachine {
    system: System,
    /// The failures before the first code of this login. Its user knows of the later ones.
    earlier: OnceCell<Option<EarlierFailures>>,
}

impl HelperMachine {
    /// The machine whose files lie below `root`.
    pub const fn new(root: Root) -> Self {
        Self { system: System::new(root), earlier: OnceCell::new() }
    }
}

impl OnSystem for HelperMachine {
    fn system(&self) -> &System {
        &self.system
    }
}

impl Machine for HelperMachine {
    const ASKED_BY_OWNER: bool = true;

    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial> {
        let status = status_of(account)?;
        let by = AttemptCounter::Helper;
        let failures = || status.state.and_then(|state| state.helper.count().earlier(by));
        self.earlier.get_or_init(failures);
        Ok(status.enrolled)
    }

    fn is_required(&self, account: &Account) -> Result<bool, Denial> {
        is_required(status_of(account)?)
    }

    fn code_lengths(&self, account: &Account) -> Result<Vec<u8>, Denial> {
        let authenticators = status_of(account)?.authenticators;
        Ok(authenticators.iter().map(|one| one.digits).collect())
    }

    fn verify(
        &self,
        account: &Account,
        typed: &Typed,
        _: &Verification,
        _: &Origin,
        _: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial> {
        check_own(account)?;
        let accepted = client::verify(typed)?;
        Ok(Accepted { earlier: self.earlier.get().copied().flatten(), ..accepted })
    }

    fn check_enrollable(&self, _: &Account, _: &Verification) -> Result<(), Denial> {
        Err(no_enrollment())
    }

    fn check_ticket(&self, _: &Account, _: &LongCode) -> Result<Ticket, Denial> {
        Err(no_enrollment())
    }

    fn enroll(&self, _: &Account, _: NewEnrollment) -> Result<(), Denial> {
        Err(no_enrollment())
    }
}

fn no_enrollment() -> Denial {
    Denial::unavailable(HelperError::NoEnrollment)
}

/// The status of `account`, from the helper.
fn status_of(account: &Account) -> Result<Status, Denial> {
    check_own(account)?;
    client::status()
}

/// Fails unless `account` is the user of this process: the helper judges no other.
fn check_own(account: &Account) -> Result<(), Denial> {
    let own = account::real_uid();
    if account.uid == own {
        return Ok(());
    }
    Err(Denial::unavailable(HelperError::OnlyOwn(own)))
}

/// A state that is unreadable or belongs to another account is an error: an administrator's requirement must not be
/// ignored.
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
    fn reports_unreadable_state_never_as_unrequired() {
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
