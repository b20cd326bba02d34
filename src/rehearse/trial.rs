//! All logins by one service.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use twostep_rehearse::{Ended, FirstFactor, LeftOut, Login, NotRehearsed, Service, WhyNot};

use crate::attempt::{ARGUMENT, Attempt, Event};
use crate::failure::Failure;
use crate::judge::{self, Seen};
use crate::program::Program;
use crate::stack::{self, Stack};
use crate::stand_in::Account;

/// How long a login may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for the last words of a process that has ended: another may hold its output open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// What came of the logins by a service.
#[derive(Default)]
pub(crate) struct Tried {
    pub logins: Vec<Login>,
    pub left_out: Vec<LeftOut>,
    pub not_rehearsed: Option<NotRehearsed>,
}

/// Tries all logins by `service`, unless that could change something outside of them.
pub(crate) fn of_service(service: &Service, account: &Account) -> Result<Tried, Failure> {
    let Service { name, first_factor } = service;
    let (name, first_factor) = (name.as_str(), *first_factor);
    let because = |why| Some(NotRehearsed { service: name.to_owned(), first_factor, why });
    let program = Program::of(name);
    if first_factor == FirstFactor::Publickey && !program.is_sshd {
        return Ok(Tried { not_rehearsed: because(WhyNot::NotSshd), ..Tried::default() });
    }
    let stack = match Stack::of(name) {
        Ok(stack) => stack,
        Err(why) => return Ok(Tried { not_rehearsed: because(why), ..Tried::default() }),
    };
    stack.left_out.iter().try_for_each(|module| stack::leave_out(module))?;
    let mut logins = Vec::new();
    for case in judge::cases(first_factor) {
        let attempt = Attempt {
            service: name.to_owned(),
            first_factor,
            case,
            program,
            asks_once: stack.asks_once,
            tallies: stack.tallies.clone(),
            account: *account,
            rehearsal: std::process::id(),
        };
        let seen = run(&attempt)?;
        let fault = judge::fault(first_factor, case, &seen);
        let Seen { asked, ended } = seen;
        logins.push(Login { service: name.to_owned(), first_factor, case, ended, asked, fault });
    }
    let refusing = stack.condition.filter(|_| judge::right_is_refused(&logins));
    if refusing.is_some() {
        logins.retain(judge::is_certain);
    }
    let why = refusing.map(|(module, location)| WhyNot::Condition { module, location });
    let left_out = stack.left_out.into_iter().map(|module| LeftOut { service: name.to_owned(), module });
    Ok(Tried { logins, left_out: left_out.collect(), not_rehearsed: why.and_then(because) })
}

/// Runs one login in a process of its own.
fn run(attempt: &Attempt) -> Result<Seen, Failure> {
    let mut command = Command::new("/proc/self/exe");
    command.arg(ARGUMENT).env_clear().current_dir("/");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().map_err(Failure::Start)?;
    let said = listen(child.stdout.take());
    if let Some(stdin) = child.stdin.take() {
        serde_json::to_writer(stdin, attempt).map_err(Failure::Reply)?;
    }
    let status = wait(&mut child).map_err(Failure::Start)?;
    let (mut asked, mut ended) = (Vec::new(), None);
    let deadline = Instant::now().checked_add(LAST_WORDS);
    let left = || deadline.map_or(LAST_WORDS, |deadline| deadline.saturating_duration_since(Instant::now()));
    while let Ok(event) = said.recv_timeout(left()) {
        match event {
            Event::Asked(question) => asked.push(question),
            Event::Ended(end) => ended = Some(end),
            Event::Failed(text) => return Err(Failure::Login { service: attempt.service.clone(), text }),
        }
    }
    let ended = match (status, ended) {
        (None, _) => Ended::TooSlow { seconds: PATIENCE.as_secs() },
        (Some(status), None) => end_of(status),
        (Some(status), Some(ended)) => {
            if status.success() {
                ended
            } else {
                end_of(status)
            }
        }
    };
    Ok(Seen { asked, ended })
}

fn end_of(status: ExitStatus) -> Ended {
    match status.signal() {
        Some(signal) => Ended::Killed { signal },
        None => Ended::Exited { status: status.code().unwrap_or_default() },
    }
}

/// The events in the output of a login.
fn listen(output: Option<impl Read + Send + 'static>) -> Receiver<Event> {
    let (sender, receiver) = channel();
    spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        let events = lines.map_while(Result::ok).map_while(|line| serde_json::from_str(&line).ok());
        // Nobody listens after the deadline.
        let _ = events.map(|event| sender.send(event)).find(Result::is_err);
    });
    receiver
}

/// The exit status; none if it did not end in time. All that it started is killed.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)?;
    let start = Instant::now();
    while !has_ended(pid)? && start.elapsed() < PATIENCE {
        sleep(PAUSE);
    }
    let in_time = has_ended(pid)?;
    // It has a session of its own, and was not waited for: nobody else has its number. If it is not so far, only it is killed.
    let _ = killpg(pid, Signal::SIGKILL);
    child.kill()?;
    let status = child.wait()?;
    Ok(in_time.then_some(status))
}

fn has_ended(pid: Pid) -> io::Result<bool> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    Ok(waitid(Id::Pid(pid), flags)? != WaitStatus::StillAlive)
}
