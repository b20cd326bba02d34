//! One login, in a process of its own: a module that crashes or hangs ends this process, not the rehearsal.

use std::ffi::CString;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, dup2_stdin, dup2_stdout, setgroups, setresgid, setresuid, setsid};
use serde::{Deserialize, Serialize};
use twostep_core::machine::LocalMachine;
use twostep_core::manage::act::{ActLog, Acts, Target};
use twostep_core::os::root::Root;
use twostep_core::os::{account, wipe_stack};
use twostep_core::paths::STORE;
use twostep_core::store::files::Store;
use twostep_core::time::UnixTime;
use twostep_core::zeroizing::Zeroizing;
use twostep_rehearse::{Case, Ended, FirstFactor, Question};

use crate::failure::{Failure, at};
use crate::namespace::{self, cover, make_directory};
use crate::pam::{self, Answer, Application, Prompt};
use crate::phone::Phone;
use crate::program::{Ids, Program};
use crate::stand_in::{Account, NAME, PASSWORD, WRONG_PASSWORD};

/// The argument with which this program starts itself for one login.
pub(crate) const ARGUMENT: &str = "--login";
/// More prompts than any login has.
const MOST_PROMPTS: usize = 20;

/// The login to try: JSON on standard input.
#[derive(Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub service: String,
    pub first_factor: FirstFactor,
    pub case: Case,
    pub program: Program,
    pub asks_once: bool,
    pub tallies: Vec<PathBuf>,
    pub account: Account,
    /// The process of the rehearsal.
    pub rehearsal: u32,
}

/// What happens in it: a line of JSON each on standard output, so that a prompt is known whatever happens then.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    Asked(Question),
    Ended(Ended),
    /// It was not prepared, and nothing was asked.
    Failed(String),
}

/// Tries the login on standard input.
pub(crate) fn run() -> Result<(), Failure> {
    namespace::check_root()?;
    end_with_parent()?;
    let attempt: Attempt = serde_json::from_reader(stdin()).map_err(Failure::Request)?;
    // It may have ended before this process asked to end with it.
    if parent_id() != attempt.rehearsal {
        return Err(Failure::NoRehearsal);
    }
    let mut events = Events::take_over()?;
    let ended = attempt.log_in(&mut events);
    wipe_stack();
    let event = ended.map_or_else(|failure| Event::Failed(failure.to_string()), Event::Ended);
    events.write(&event)
}

fn end_with_parent() -> Result<(), Failure> {
    set_pdeathsig(Signal::SIGKILL).map_err(call("PR_SET_PDEATHSIG"))
}

fn call(name: &'static str) -> impl FnOnce(Errno) -> Failure {
    move |errno| Failure::Call(name, errno)
}

/// Where events are written.
struct Events(File);

impl Events {
    /// Takes standard output. Modules and what they start then read nothing and write to nobody, and have no terminal.
    fn take_over() -> Result<Self, Failure> {
        let own = stdout().as_fd().try_clone_to_owned().map_err(Failure::Output)?;
        let path = Path::new("/dev/null");
        let null = OpenOptions::new().read(true).write(true).open(path).map_err(at(path))?;
        dup2_stdin(&null).map_err(call("dup2"))?;
        dup2_stdout(&null).map_err(call("dup2"))?;
        setsid().map_err(call("setsid"))?;
        Ok(Self(File::from(own)))
    }

    fn write(&mut self, event: &Event) -> Result<(), Failure> {
        let text = serde_json::to_string(event).map_err(Failure::Reply)?;
        writeln!(self.0, "{text}").map_err(Failure::Output)
    }
}

impl Attempt {
    fn log_in(&self, events: &mut Events) -> Result<Ended, Failure> {
        let phone = self.prepare()?;
        let text = |text: &str| CString::new(text).map_err(|_| Failure::NullByte);
        let has_key = self.first_factor == FirstFactor::Publickey && self.case != Case::NoKey;
        let items = self.program.items(NAME).into_iter().map(|(item, value)| Ok((item, text(&value)?)));
        let items: Vec<_> = items.collect::<Result<_, Failure>>()?;
        let environment = self.program.environment(has_key).into_iter().map(text);
        let environment: Vec<_> = environment.collect::<Result<_, Failure>>()?;
        let (service, user) = (text(&self.service)?, text(NAME)?);
        let application =
            Application { service: &service, user: &user, items: &items, environment: &environment };
        let mut user = Typist { attempt: self, phone: &phone, events, prompts: 0 };
        Ok(pam::log_in(&application, &mut |prompt| user.answer(prompt)))
    }

    /// A store in memory with the record of the account, empty counters, and the ids of the program.
    fn prepare(&self) -> Result<Phone, Failure> {
        namespace::enter().map_err(call("unshare"))?;
        let phone = enroll(self.account)?;
        self.tallies.iter().try_for_each(|tally| cover(tally))?;
        // A crash must not leave a file or a line in the log.
        set_dumpable(false).map_err(call("PR_SET_DUMPABLE"))?;
        self.take_ids()?;
        Ok(phone)
    }

    fn take_ids(&self) -> Result<(), Failure> {
        let (uid, gid, root) =
            (Uid::from_raw(self.account.uid), Gid::from_raw(self.account.gid), Uid::from_raw(0));
        let effective = match self.program.ids {
            Ids::Root => return Ok(()),
            Ids::SetUid => root,
            Ids::User => uid,
        };
        setgroups(&[gid]).map_err(call("setgroups"))?;
        setresgid(gid, gid, gid).map_err(call("setresgid"))?;
        setresuid(uid, effective, effective).map_err(call("setresuid"))?;
        // The change has cleared it.
        end_with_parent()
    }
}

/// Makes a store with the directories of the present one, in which only the account is enrolled.
fn enroll(account: Account) -> Result<Phone, Failure> {
    let (store, format) = (Path::new(STORE), Store::open(&Root::SYSTEM)?.format()?);
    let listed = fs::read_dir(store).map_err(at(store))?;
    let entry =
        |entry: io::Result<DirEntry>| entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?)));
    let entries: Vec<_> = listed.map(entry).collect();
    cover(store)?;
    for entry in entries {
        let (name, like) = entry.map_err(at(store))?;
        if like.is_dir() {
            make_directory(&store.join(name), &like)?;
        }
    }
    Store::open(&Root::SYSTEM)?.set_format(format)?;
    let stored = account::by_name(NAME)?.filter(|found| found.uid == account.uid);
    let stored = stored.ok_or(Failure::AccountNotFound)?;
    let (phone, authenticator) = Phone::new()?;
    let machine = LocalMachine::new(Root::SYSTEM);
    let mut acts = Acts::new(&machine, NoLog);
    let enrolled = acts.import(&stored, "rehearsal", vec![authenticator], UnixTime::new(0));
    enrolled.map_err(Failure::Enrollment)?;
    Ok(phone)
}

/// The act is part of no history.
struct NoLog;

impl ActLog for NoLog {
    fn log_act(&mut self, _: &str, _: &Target, _: &str) {}
}

/// The user of the account.
struct Typist<'a> {
    attempt: &'a Attempt,
    phone: &'a Phone,
    events: &'a mut Events,
    prompts: usize,
}

impl Typist<'_> {
    fn answer(&mut self, prompt: Prompt) -> Answer {
        self.prompts = self.prompts.saturating_add(1);
        if self.prompts > MOST_PROMPTS {
            return None;
        }
        let question = match prompt {
            // The line of twostep comes first there. Where it refuses, another may ask.
            Prompt::Hidden if self.attempt.asks_once && self.prompts == 1 => Question::PasswordAndCode,
            Prompt::Hidden => Question::Password,
            Prompt::Shown => Question::Code,
        };
        self.events.write(&Event::Asked(question)).ok()?;
        let (password, code) = (self.password(), self.code()?);
        Some(Zeroizing::new(match question {
            Question::Password => password.as_bytes().to_vec(),
            Question::Code => code.as_bytes().to_vec(),
            Question::PasswordAndCode => [password.as_bytes(), code.as_bytes()].concat(),
        }))
    }

    /// Beside a key no password may be of use.
    fn password(&self) -> &'static str {
        let is_right =
            self.attempt.first_factor == FirstFactor::Password && self.attempt.case != Case::WrongPassword;
        if is_right { PASSWORD } else { WRONG_PASSWORD }
    }

    fn code(&self) -> Option<Zeroizing<String>> {
        match self.attempt.case {
            Case::WrongCode => self.phone.wrong_code().ok(),
            Case::NoCode => Some(Zeroizing::new(String::new())),
            Case::WrongPassword | Case::NoKey | Case::Right => self.phone.code().ok(),
        }
    }
}
