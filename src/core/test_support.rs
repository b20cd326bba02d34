//! The application, machine and store of the tests.

mod chance;
mod twice;
mod waiting;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::dialogue::conversation::Conversation;
use crate::dialogue::enroll::Source;
use crate::dialogue::screen::Screen;
use crate::fault::{Failed, Fault, NamesProblem, Wanted};
use crate::login::account_line::AccountLineFault;
use crate::login::application::{Application, Handoff, HandoffKind, PamItems};
use crate::login::audit::Line;
use crate::login::machine::{Machine, Surroundings};
use crate::login::may_log_in::MayNotLogIn;
use crate::os::account::{self, Account, NssName};
use crate::os::look_up::Entry;
use crate::os::root::Root;
use crate::policy::{Policy, Verification};
use crate::proof::code::{Answer, LongCode, Typed};
use crate::proof::state::{Requirement, State};
use crate::proof::ticket::Ticket;
use crate::proof::totp::{Algorithm, Authenticator};
use crate::store::files;
use crate::store::files::credential::{Credential, NewEnrollment};
use crate::store::files::slot::Format;
use crate::store::{Change, Store, StoredRecord};
use crate::time::{Period, UnixTime};
use crate::verdict::{Accepted, Denial, EarlierFailures, Origin, Proof, TicketFault};

pub(crate) use chance::Chance;
pub(crate) use twice::{Twice, another};
pub(crate) use waiting::{PATIENCE, descriptors_of, wait_until};

/// The secret of RFC 4226 appendix D.
const SECRET: &[u8; 20] = b"12345678901234567890";

/// Its codes at steps 0 to 9.
pub(crate) const CODES: [&str; 10] =
    ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

/// An authenticator with that secret.
pub(crate) fn phone(label: &str) -> Authenticator {
    Authenticator::new(label.to_owned(), SECRET, Algorithm::SHA1, 6, Period::DEFAULT, None).unwrap()
}

/// A requirement that began at 60.
pub(crate) const REQUIRED: Option<Requirement> = Some(Requirement { since: Some(UnixTime::new(60)) });

/// Fills `bytes` with that secret, repeated, instead of randomness.
pub(crate) fn fill(bytes: &mut [u8]) {
    bytes.iter_mut().zip(SECRET.iter().cycle()).for_each(|(byte, digit)| *byte = *digit);
}

/// An account that no machine has.
pub(crate) fn ada() -> Account {
    let name = "ada".to_owned();
    Account { uid: 7, name: name.clone(), names: vec![NssName { name, gid: 7 }] }
}

/// A root of one test, with an empty store.
pub(crate) struct Scratch(pub PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("twostep-store-{name}-{}", std::process::id()));
        for dir in ["var", "var/lib", "var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state"] {
            fs::create_dir_all(root.join(dir)).unwrap();
            let mode = if dir.contains("twostep") { 0o700 } else { 0o755 };
            fs::set_permissions(root.join(dir), fs::Permissions::from_mode(mode)).unwrap();
        }
        let scratch = Self(root);
        scratch.store().set_format(Format::Two).unwrap();
        scratch
    }

    /// The same, as an older release leaves its store: new states are of format 1.
    pub(crate) fn of_format_1(name: &str) -> Self {
        let scratch = Self::new(name);
        fs::remove_file(scratch.0.join("var/lib/twostep/format")).unwrap();
        scratch
    }

    pub(crate) fn store(&self) -> files::Store {
        files::Store::open(&Root::at(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Changes the record of ada as another program does.
pub(crate) fn change(store: &impl Store, next: impl Fn(Option<&Credential>, &State) -> Change) {
    let record = store.open_or_create(&ada(), |_| UnixTime::new(0)).unwrap();
    record.change(|credential, state| Ok::<_, Denial>((next(credential, state), ()))).unwrap();
}

/// An application whose user types the given answers, then hangs up.
pub(crate) struct Person {
    pub items: PamItems,
    pub answers: Vec<&'static str>,
    pub shown: Vec<String>,
    pub log: Vec<String>,
    pub handoff: Option<Handoff>,
    pub pending: bool,
    /// The password that was handed on to later lines.
    pub handed_on: Option<Vec<u8>>,
    /// Whether it can keep a handoff for the account phase.
    pub keeps: bool,
    /// Whether it can hand on a password.
    pub hands_on: bool,
    /// The terminal at its standard input.
    pub screen: Screen,
}

impl Person {
    /// Passwords that look like a code, and like a ticket.
    pub(crate) const PASSWORDS: [&[u8]; 2] = [b"11223344", b"9999-9999-9999-9999"];
}

/// A user at login(1), called by root, after a password.
pub(crate) fn person(user: &str, answers: &[&'static str]) -> Person {
    let items = PamItems {
        user: Some(user.to_owned()),
        service: "login".to_owned(),
        called_by_root: true,
        has_password: true,
        ..PamItems::default()
    };
    Person {
        items,
        answers: answers.to_vec(),
        shown: Vec::new(),
        log: Vec::new(),
        handoff: None,
        pending: false,
        handed_on: None,
        keeps: true,
        hands_on: true,
        screen: Screen::UNKNOWN,
    }
}

impl Conversation for Person {
    fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.shown.push(prompt.to_owned());
        if self.answers.is_empty() {
            return Err(Denial::Conversation);
        }
        Ok(Answer::new(self.answers.remove(0).into()))
    }
    fn tell(&mut self, text: &str) {
        self.shown.push(format!("[{text}]"));
    }
}

impl Application for Person {
    fn ask_hidden(&mut self, prompt: &str) -> Result<Answer, Denial> {
        self.ask(&format!("(hidden) {prompt}"))
    }
    fn hand_on(&mut self, password: &[u8]) -> Result<(), Denial> {
        if !self.hands_on {
            return Err(unavailable("libpam did not take it"));
        }
        self.handed_on = Some(password.to_vec());
        Ok(())
    }
    fn items(&mut self) -> PamItems {
        self.items.clone()
    }
    fn screen(&mut self) -> Screen {
        self.screen
    }
    fn is_password(&self, answer: &[u8]) -> bool {
        self.items.has_password && Self::PASSWORDS.contains(&answer)
    }
    fn log(&mut self, line: &Line) {
        self.log.push(line.text.clone());
    }
    fn keep(&mut self, handoff: Handoff) -> Result<(), Denial> {
        if !self.keeps {
            return Err(unavailable("libpam did not keep it"));
        }
        self.pending |= matches!(handoff.kind, HandoffKind::Enrolling(_));
        self.handoff = Some(handoff);
        Ok(())
    }
    fn take(&mut self) -> Option<Handoff> {
        self.handoff.take()
    }
    fn end_pending(&mut self) {
        self.pending = false;
    }
    fn is_pending(&mut self) -> bool {
        self.pending
    }
}

/// A machine with a user root. The answers get the given verdicts, one after the other. The time is step 4 unless a
/// test sets another, and randomness is the secret of RFC 4226 appendix D.
pub(crate) struct Fake {
    pub policy: Result<&'static str, Denial>,
    pub enrolled: Result<bool, Denial>,
    pub required: Result<bool, Denial>,
    /// The modules after the pam_twostep account line, or why it is not certainly reached.
    pub account_phase: Result<&'static [&'static str], AccountLineFault>,
    /// Whether the auth line is reached only after a right first factor.
    pub proves_first_factor: bool,
    pub may_log_in: Result<(), MayNotLogIn>,
    pub now: UnixTime,
    pub code_lengths: Result<Vec<u8>, Denial>,
    /// The codes that were refused before the login.
    pub earlier: Option<EarlierFailures>,
    pub verdicts: RefCell<Vec<Result<(), Denial>>>,
    pub judged: RefCell<Vec<String>>,
    pub stored: RefCell<Vec<NewEnrollment>>,
}

/// The policy is opt-in, and every user is enrolled.
pub(crate) fn enrolled(verdicts: &[Result<(), Denial>]) -> Fake {
    Fake {
        policy: Ok("mode = \"opt-in\""),
        enrolled: Ok(true),
        required: Ok(false),
        account_phase: Ok(&[]),
        proves_first_factor: true,
        may_log_in: Ok(()),
        now: UnixTime::new(4 * 30),
        code_lengths: Ok(vec![6]),
        earlier: None,
        verdicts: RefCell::new(verdicts.to_vec()),
        judged: RefCell::default(),
        stored: RefCell::default(),
    }
}

impl Fake {
    /// The ticket that this machine accepts.
    pub(crate) const TICKET: [u8; 10] = [7; 10];
}

impl Source for Fake {
    fn now(&self) -> Result<UnixTime, Denial> {
        Ok(self.now)
    }
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Denial> {
        fill(bytes);
        Ok(())
    }
}

impl Surroundings for Fake {
    fn name(&self) -> String {
        "web1".to_owned()
    }
    fn policy(&self) -> Result<Policy, Denial> {
        let text = self.policy.clone()?;
        Ok(Policy::parse(format!("version = 1\n{text}").as_bytes()).unwrap())
    }
    fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
        let canonical = if name == "toor" { "root" } else { name };
        let mut account = account::by_name(canonical)?;
        if let Some(account) = account.as_mut().filter(|_| name == "toor") {
            let alias = NssName { name: name.to_owned(), ..account.names[0].clone() };
            account.names.push(alias);
        }
        Ok(account)
    }
    fn entries<'n>(&self, names: &BTreeSet<&'n str>) -> Vec<(&'n str, Entry)> {
        let entry = |name| match name {
            "ROOT" => Ok((0, "root".to_owned())),
            "root@other" => Ok((7, "root".to_owned())),
            _ => Err(NamesProblem::NoUser(name.to_owned()).into()),
        };
        names.iter().map(|&name| (name, entry(name))).collect()
    }
    fn memberships(&self, name: &NssName, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
        if groups.contains("lost") {
            return Err(ldap_is_down());
        }
        let wheel = name.name == "toor" && groups.contains("wheel");
        Ok(wheel.then(|| "wheel".to_owned()).into_iter().collect())
    }
    fn check_account_phase(&self, _: &str) -> Result<Vec<String>, AccountLineFault> {
        let behind = self.account_phase.clone()?;
        Ok(behind.iter().map(|&module| module.to_owned()).collect())
    }
    fn proves_first_factor(&self, _: &str) -> bool {
        self.proves_first_factor
    }
    fn check_may_log_in(&self, _: &Account) -> Result<(), MayNotLogIn> {
        self.may_log_in.clone()
    }
}

impl Machine for Fake {
    const ASKED_BY_OWNER: bool = false;

    fn is_enrolled(&self, _: &Account) -> Result<bool, Denial> {
        self.enrolled.clone()
    }
    fn is_required(&self, _: &Account) -> Result<bool, Denial> {
        self.required.clone()
    }
    fn code_lengths(&self, _: &Account) -> Result<Vec<u8>, Denial> {
        self.code_lengths.clone()
    }
    fn verify(
        &self,
        _: &Account,
        typed: &Typed,
        _: &Verification,
        _: &Origin,
        _: &mut dyn FnMut(&str),
    ) -> Result<Accepted, Denial> {
        self.judged.borrow_mut().push(match typed {
            Typed::Code(code) => code.expose_digits().to_owned(),
            Typed::Recovery(code) => code.expose_text().to_string(),
        });
        self.verdicts.borrow_mut().remove(0)?;
        let proof = Proof::Code { authenticator: "phone".to_owned(), offset: 0 };
        Ok(Accepted { proof, recovery_left: None, clock: None, earlier: self.earlier })
    }
    fn check_enrollable(&self, _: &Account, _: &Verification) -> Result<(), Denial> {
        Ok(())
    }
    fn check_ticket(&self, account: &Account, typed: &LongCode) -> Result<Ticket, Denial> {
        let ticket = Ticket::issue(&LongCode::new(Self::TICKET), account.uid, UnixTime::new(9999));
        if ticket.is(typed, account.uid) { Ok(ticket) } else { Err(Denial::WrongTicket(TicketFault::Wrong)) }
    }
    fn enroll(&self, _: &Account, enrollment: NewEnrollment) -> Result<(), Denial> {
        self.enrolled
            .clone()
            .and_then(|enrolled| if enrolled { Err(Denial::EnrolledMeanwhile) } else { Ok(()) })?;
        self.stored.borrow_mut().push(enrollment);
        Ok(())
    }
}

/// A name service that does not answer.
pub(crate) fn ldap_is_down() -> Fault {
    Fault::look_up(Wanted::Groups, Failed::Other("LDAP is down".to_owned()))
}

/// A fact that a test gives as a cause.
#[derive(Debug)]
pub(crate) struct GivenFact(pub &'static str);

impl fmt::Display for GivenFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for GivenFact {}

/// Something failed, with this cause.
pub(crate) fn unavailable(cause: &'static str) -> Denial {
    Denial::unavailable(GivenFact(cause))
}

/// Policy or PAM line are wrong, with this cause.
pub(crate) fn misconfigured(cause: &'static str) -> Denial {
    Denial::misconfigured(GivenFact(cause))
}
