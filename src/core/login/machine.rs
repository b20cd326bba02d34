//! The interface to the machine on which a login runs.

use std::collections::BTreeSet;

use crate::dialogue::enroll::Source;
use crate::fault::Fault;
use crate::login::account_line::AccountLineFault;
use crate::login::may_log_in::MayNotLogIn;
use crate::os::account::{Account, NssName};
use crate::os::look_up::Entry;
use crate::policy::{Policy, Verification};
use crate::proof::code::{LongCode, Typed};
use crate::proof::ticket::Ticket;
use crate::store::files::credential::NewEnrollment;
use crate::verdict::{Accepted, Denial, Origin};

/// The facts of the machine that every process may read: policy, accounts, files of PAM, clock and randomness.
pub trait Surroundings: Source {
    /// The machine's name; empty if it is not known.
    fn name(&self) -> String;
    /// The policy, read and parsed again at each call.
    fn policy(&self) -> Result<Policy, Denial>;
    /// The account called `name`; none if there is none.
    fn account(&self, name: &str) -> Result<Option<Account>, Denial>;
    /// The answer of the name service for each of `names`.
    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)>;
    /// The groups among `groups` to which `user` belongs.
    fn memberships(&self, user: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault>;
    /// The modules after the pam_twostep account line that may refuse a login by `service`. Fails unless the account
    /// phase certainly reaches that line, and only if no line has refused before.
    fn check_account_phase(&self, service: &str) -> Result<Vec<String>, AccountLineFault>;
    /// Whether `service` comes to its pam_twostep auth line only after a right first factor.
    fn proves_first_factor(&self, service: &str) -> bool;
    /// Fails if the files of the system let `account` log in by no service.
    fn check_may_log_in(&self, account: &Account) -> Result<(), MayNotLogIn>;
}

/// The machine with its store.
pub trait Machine: Surroundings {
    /// Whether only programs of the user's own can ask, not a stranger.
    const ASKED_BY_OWNER: bool;
    /// Whether the account has a credential.
    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial>;
    /// Whether an administrator requires a second step of the account.
    fn is_required(&self, account: &Account) -> Result<bool, Denial>;
    /// How many digits the codes of the account's authenticators have.
    fn code_lengths(&self, account: &Account) -> Result<Vec<u8>, Denial>;
    /// Judges an answer that was typed at `from`. Calls `remark` with any other fact that an administrator must know.
    fn verify(
        &self,
        account: &Account,
        typed: &Typed,
        rules: &Verification,
        from: &Origin,
        remark: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial>;
    /// Fails unless `account` could be enrolled now, before anything is typed.
    fn check_enrollable(&self, account: &Account, rules: &Verification) -> Result<(), Denial>;
    /// Judges a ticket. A wrong one is charged; the right one keeps its tries until the enrollment uses it up.
    fn check_ticket(&self, account: &Account, typed: &LongCode) -> Result<Ticket, Denial>;
    /// Stores a first authenticator.
    fn enroll(&self, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial>;
}
