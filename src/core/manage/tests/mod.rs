//! Every act, on a machine with its own store, with a user who types the answers of the test.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

mod enroll;
mod import;
mod issue;
mod issue_ticket;
mod proof;
mod rebind;
mod recovery;
mod remove;
mod replace;
mod require;
mod reset;
mod ticket;
mod try_out;
mod unlock;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::act::{ActError, Acts, Target, WithStore};
use super::request::ManageRequest::{self, Enroll, Recovery, Remove, Replace, Try};
use super::*;
use crate::dialogue::enroll::Source;
use crate::dialogue::qr::Colour;
use crate::dialogue::screen::Screen;
use crate::fault::Fault;
use crate::login::account_line::AccountLineFault;
use crate::login::machine::{Machine, Surroundings};
use crate::login::may_log_in::MayNotLogIn;
use crate::os::account::NssName;
use crate::os::look_up::Entry;
use crate::policy::Verification;
use crate::proof::code::{Answer, LongCode};
use crate::proof::recovery::hash;
use crate::proof::state::{AttemptCounter, Count, State};
use crate::proof::ticket::Ticket;
use crate::store::enroll as stored;
use crate::store::files;
use crate::store::files::credential::NewEnrollment;
use crate::store::{Change, CredentialChange, UncheckedRecord};
use crate::test_support::{CODES, REQUIRED, Scratch, Twice, ada, change, fill, ldap_is_down, phone};
use crate::time::UnixTime;
use crate::verdict::{Occasion, Proof, TicketFault};
use crate::verify::{Attempt, NOT_ENROLLED, Purpose, judge, verify_ticket};

/// A code that was accepted by one of the user's own commands.
fn by_command(at: u64) -> Option<Occasion> {
    Some(Occasion { at: UnixTime::new(at), from: own_command() })
}

const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n[enrollment]\nrecovery-codes = 1\n";
const MANDATORY: &str = "version = 1\nmode = \"mandatory\"\n[enrollment]\nrecovery-codes = 1\n";
/// A policy that cannot be read.
const BROKEN: &str = "";

/// The last group of the recovery code that this machine makes.
const LAST_GROUP: &str = "8d9p";

const NO_CODE: &str = "no code was accepted";
const ASK_PROOF: &str =
    "First prove it is you: enter a code from your app or a recovery code.\nVerification code: ";
const WRONG: &str = "That code was not accepted. Check the app's entry and your phone's clock.";
const TOO_SHORT: &str =
    "That is too short for a code. A code has 6 to 8 digits,\na recovery code 16 letters and digits.";
const USED: &str = "That code was already used. Wait for the next one.";
const KEPT: &str = "Nothing was changed.";
const NOT_SAVED: &str = "Nothing was saved. Delete the new entry in your app.\nThen run the command again.";
const MEND: &str = "Fix this, then run the command again.";
const CHANGED: &str = "your second step has changed in the meantime";

/// The text after [`NO_CODE`] if the code is wrong.
fn not_accepted() -> String {
    format!("{WRONG}\n{KEPT}")
}

/// The prompt after this text.
fn again(text: &str) -> String {
    format!("{text}\nVerification code: ")
}

/// The machine. The time is step 2 until an answer changes it.
struct Site {
    scratch: Scratch,
    store: files::Store,
    policy: RefCell<String>,
    now: Cell<u64>,
    knows_groups: Cell<bool>,
}

impl Site {
    fn new(policy: &str) -> Self {
        static SITES: AtomicUsize = AtomicUsize::new(0);
        let scratch = Scratch::new(&format!("manage-{}", SITES.fetch_add(1, Ordering::Relaxed)));
        let store = scratch.store();
        let policy = RefCell::new(policy.to_owned());
        Self { scratch, store, policy, now: Cell::new(60), knows_groups: Cell::new(true) }
    }

    /// The same machine with ada enrolled: with authenticators of these labels, and a state.
    fn enrolled(policy: &str, labels: &[&str]) -> Self {
        let site = Self::new(policy);
        site.store.create_credential(&credential("ada", labels)).unwrap();
        site.change(|state| state.with_recovery(old_codes()));
        site
    }

    fn set_policy(&self, text: &str) {
        text.clone_into(&mut self.policy.borrow_mut());
    }

    /// Changes the state as another program does.
    fn change(&self, next: impl Fn(&State) -> State) {
        change(&self.store, |_, state| Change::state(next(state)));
    }

    /// Changes the credential as another program does.
    fn change_credential(&self, credential: CredentialChange) {
        let record = self.store.open_unchecked(7).unwrap().unwrap();
        let once = Cell::new(Some(credential));
        let change = || Change { state: None, credential: once.take().unwrap() };
        record.change(|_| Ok::<_, Denial>((change(), ()))).unwrap();
    }

    fn state(&self) -> State {
        self.store.snapshot(7).state.unwrap().unwrap()
    }

    /// The labels of ada's authenticators.
    fn labels(&self) -> Vec<String> {
        let credential = self.store.snapshot(7).credential.unwrap();
        let authenticators = credential.map(|credential| credential.authenticators).unwrap_or_default();
        authenticators.into_iter().map(|one| one.label).collect()
    }

    fn act(&self, actor: Actor, request: &ManageRequest, replies: &[Reply<'_>]) -> Done {
        let mut person = Person::new(self, replies);
        let account = ada();
        let said = Context::open(self, &account, actor).and_then(|context| context.run(request, &mut person));
        Done { said, prompts: person.prompts, log: person.log }
    }

    /// The result of an administrator's act, and the log.
    fn acts<T>(
        &self,
        act: impl FnOnce(&mut Acts<'_, Self, &mut Vec<String>>) -> Result<T, ActError>,
    ) -> (Result<T, ActError>, Vec<String>) {
        let mut log = Vec::new();
        let done = act(&mut Acts::new(self, &mut log));
        (done, log)
    }

    /// Every file of the store, with its content.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folders = ["users", "state"].map(|name| self.scratch.0.join("var/lib/twostep").join(name));
        let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
    }

    fn owner(&self, request: &ManageRequest, replies: &[Reply<'_>]) -> Done {
        self.act(Actor::Owner, request, replies)
    }

    fn administrator(&self, request: &ManageRequest, replies: &[Reply<'_>]) -> Done {
        self.act(Actor::Administrator, request, replies)
    }
}

/// Another account.
fn eve() -> Account {
    Account { uid: 8, name: "eve".to_owned(), names: Vec::new() }
}

/// Ada as the subject of an act.
fn target() -> Target {
    Target::from(&ada())
}

/// The subject with a uid whose account is gone.
fn gone() -> Target {
    Target { uid: 7, account: None }
}

impl ActLog for &mut Vec<String> {
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        assert_eq!(target.uid, if target.name() == eve().name { 8 } else { 7 });
        self.push(format!("{act} {}{more}", target.name()));
    }
}

fn credential(name: &str, labels: &[&str]) -> Credential {
    let authenticators = labels.iter().map(|label| phone(label)).collect();
    Credential { uid: 7, name: name.to_owned(), id: "an id".to_owned(), authenticators }
}

/// One recovery code that no test knows.
fn old_codes() -> RecoveryCodes {
    let mut codes = RecoveryCodes { salt: [1; SALT], ..RecoveryCodes::NONE };
    codes.hashes[0] = [9; 16];
    codes
}

/// Recovery codes of another set, with one that the tests know.
fn known_codes() -> RecoveryCodes {
    let mut codes = RecoveryCodes { salt: [2; SALT], ..RecoveryCodes::NONE };
    codes.hashes[0] = hash(&the_code(), &[&[2; SALT][..], b"an id"].concat());
    codes
}

/// The code of [`known_codes`], which also serves as a ticket.
fn the_code() -> LongCode {
    LongCode::new([8; 10])
}

impl Source for Site {
    fn now(&self) -> Result<UnixTime, Denial> {
        Ok(UnixTime::new(self.now.get()))
    }
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        fill(bytes);
        Ok(())
    }
}

/// Failures at a proof are counted at the hosts, so that a test can tell them from those of a try.
impl Surroundings for Site {
    fn name(&self) -> String {
        "web1".to_owned()
    }
    fn policy(&self) -> Result<Policy, Denial> {
        let policy = Policy::parse(self.policy.borrow().as_bytes());
        policy.map_err(Denial::misconfigured)
    }
    fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
        Ok([ada(), eve()].into_iter().find(|account| account.name == name))
    }
    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
        let ada = || (7, "ada".to_owned());
        names
            .iter()
            .map(|&name| (name, if name == "ADA" { Ok(ada()) } else { Err(ldap_is_down()) }))
            .collect()
    }
    fn memberships(&self, _: &NssName, _: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        if self.knows_groups.get() { Ok(BTreeSet::new()) } else { Err(ldap_is_down()) }
    }
    fn check_account_phase(&self, _: &str) -> Result<Vec<String>, AccountLineFault> {
        Ok(Vec::new())
    }
    fn proves_first_factor(&self, _: &str) -> bool {
        false
    }
    fn check_may_log_in(&self, _: &Account) -> Result<(), MayNotLogIn> {
        Ok(())
    }
}

impl Machine for Site {
    const ASKED_BY_OWNER: bool = false;

    fn is_enrolled(&self, account: &Account) -> Result<bool, Denial> {
        Ok(self.store.is_enrolled(account)?)
    }
    fn is_required(&self, account: &Account) -> Result<bool, Denial> {
        Ok(self.store.is_required(account)?)
    }
    fn code_lengths(&self, account: &Account) -> Result<Vec<u8>, Denial> {
        let credential = self.store.credential(account)?.ok_or(NOT_ENROLLED)?;
        Ok(credential.authenticators.iter().map(|one| one.digits()).collect())
    }
    fn verify(
        &self,
        account: &Account,
        typed: &Typed,
        rules: &Verification,
        from: &Origin,
        remark: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial> {
        let now = self.now()?;
        let store = self.store()?;
        let record = store.open(account, |authenticators| rules.window_end(authenticators, now))?;
        let on = Occasion { at: self.now()?, from: *from };
        let attempt = Attempt { by: AttemptCounter::Hosts, purpose: Purpose::Accept, rules, on };
        judge(record, typed, &attempt, remark)
    }
    fn check_enrollable(&self, account: &Account, rules: &Verification) -> Result<(), Denial> {
        let Some(state) = self.store.state(account)? else { return Ok(()) };
        state.check_clock(rules.window_end(&[], self.now()?), self.now()?)
    }
    fn check_ticket(&self, account: &Account, typed: &LongCode) -> Result<Ticket, Denial> {
        let store = self.store()?;
        let record = store.open(account, |_| UnixTime::new(0))?;
        let mut record = record.ok_or(Denial::WrongTicket(TicketFault::None))?;
        verify_ticket(&mut record, account.uid, typed, self.now()?)
    }
    fn enroll(&self, account: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
        stored::enroll(&self.store()?, account, enrollment)
    }
}

impl WithStore for Site {
    type Store = Twice;
    fn store(&self) -> Result<Twice, Fault> {
        Ok(Twice(self.scratch.store()))
    }
}

/// A reply of a user at a prompt.
#[derive(Clone, Copy)]
enum Reply<'a> {
    /// Types the code of this step, at this step.
    Code(usize),
    /// Types this text.
    Text(&'a str),
    /// Waits while something happens, then gives the next reply.
    Meanwhile(&'a dyn Fn()),
}
use Reply::{Code, Meanwhile, Text};

/// Gives these replies, then hangs up.
struct Person<'a> {
    site: &'a Site,
    replies: VecDeque<Reply<'a>>,
    prompts: Vec<String>,
    log: Vec<String>,
}

impl<'a> Person<'a> {
    fn new(site: &'a Site, replies: &[Reply<'a>]) -> Self {
        let replies = replies.iter().copied().collect();
        Self { site, replies, prompts: Vec::new(), log: Vec::new() }
    }
}

impl Conversation for Person<'_> {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.prompts.push(prompt.to_owned());
        loop {
            match self.replies.pop_front().ok_or(Denial::Conversation)? {
                Code(step) => {
                    self.site.now.set(step as u64 * 30);
                    return Ok(Answer::new(CODES[step].into()));
                }
                Text(text) => return Ok(Answer::new(text.into())),
                Meanwhile(happens) => happens(),
            }
        }
    }
    fn tell(&mut self, _: &str) {}
}

impl Frontend for Person<'_> {
    fn log(&mut self, verdict: &Verdict) {
        self.log.push(match verdict {
            Verdict::Grant(Accepted { proof: Proof::Code { authenticator, .. }, .. }) => {
                format!("grant {authenticator}")
            }
            Verdict::Grant(Accepted { proof: Proof::RecoveryCode, .. }) => "grant recovery code".to_owned(),
            Verdict::Deny(denial) => format!("deny {}", denial.outward().reason),
            Verdict::Enrolling | Verdict::Exempt(_) => "no verdict of an act".to_owned(),
        });
    }
    fn remark(&mut self, what: &str) {
        self.log.push(format!("remark {what}"));
    }
}

impl ActLog for Person<'_> {
    fn log_act(&mut self, act: &str, target: &Target, more: &str) {
        assert_eq!(target.uid, if target.name() == eve().name { 8 } else { 7 });
        self.log.push(format!("act {act}{more}"));
    }
}

/// The result of an act.
struct Done {
    said: Result<String, Failure>,
    prompts: Vec<String>,
    log: Vec<String>,
}

impl Done {
    /// Fails unless the act was refused with this text.
    #[track_caller]
    fn assert_refused(&self, what: &str, then: &str) {
        assert_eq!(self.said, Err(Failure::refused(what, then)));
    }

    /// Fails unless the act failed as unavailable with this text.
    #[track_caller]
    fn assert_unavailable(&self, what: &str) {
        let failure = self.said.as_ref().unwrap_err();
        assert_eq!((failure.status(), failure.then()), (3, MEND));
        assert!(failure.what().contains(what), "{}", failure.what());
    }

    #[track_caller]
    fn assert_said(&self, text: &str) {
        assert_eq!(self.said, Ok(text.to_owned()));
    }
}
