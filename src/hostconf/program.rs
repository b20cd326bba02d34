//! Runs a program of this machine that says what its settings are: one that only root can change, with nothing of the
//! caller's environment, and for a limited time.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, geteuid};
use twostep_core::os::root::Root;

use crate::tree;

/// How long such a program and all that it starts may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More bytes than these are no settings.
const MOST: u64 = 16 * 1024 * 1024;
/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// By the group, or by all users.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Its whole environment, so that what it prints is in no other language. It is not empty: sudo 1.9.16p2 would crash.
const ENVIRONMENT: (&str, &str) = ("LC_ALL", "C");
/// Owns nothing on a Linux system: nobody and nogroup.
const NOBODY: u32 = 65534;

/// The result of a program.
#[derive(Debug)]
pub struct Output {
    /// Whether its exit status was 0.
    pub is_success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Why there is no output of a program. The text follows the name of the program.
#[derive(Debug)]
pub enum ProgramFailure {
    /// The operating system did not run it.
    CannotRun(io::Error),
    /// It or what it started did not end in time.
    TooSlow,
    /// It printed more than settings are long.
    TooMuch,
    /// Users other than root can change this file or folder, and so what root would run or believe.
    NotRoots(String),
}

impl Display for ProgramFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotRun(error) => write!(f, "cannot be run: {error}"),
            Self::TooSlow => write!(f, "did not end within {} s", PATIENCE.as_secs()),
            Self::TooMuch => write!(f, "printed more than {MOST} bytes"),
            Self::NotRoots(path) => write!(f, "was not run: users other than root can change {path}"),
        }
    }
}

impl From<io::Error> for ProgramFailure {
    fn from(error: io::Error) -> Self {
        Self::CannotRun(error)
    }
}

/// Runs `program` with the rights of this process, and nothing as its standard input.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<Output, ProgramFailure> {
    finish(Command::new(program).args(arguments), String::new(), PATIENCE)
}

/// What on the way to `program` is not root's, or can be written by others; none if it all is root's alone, or is not there.
fn weak_spot(program: &str) -> Option<String> {
    let Some(way) = tree::way(&Root::SYSTEM, program) else { return Some(program.to_owned()) };
    let is_weak = |file: Metadata| {
        let is_shared = !file.is_symlink() && file.mode() & WRITABLE_BY_OTHERS != 0;
        file.uid() != 0 || is_shared
    };
    way.into_iter().find(|path| fs::symlink_metadata(path).is_ok_and(is_weak))
}

/// Runs `program` as nobody, where this process may, with `input` as its standard input: it sees that text and what everybody
/// may read.
pub fn run_as_nobody(program: &str, arguments: &[&str], input: String) -> Result<Output, ProgramFailure> {
    let mut command = Command::new(program);
    command.args(arguments);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY); // and without further groups
    }
    finish(&mut command, input, PATIENCE)
}

/// What the program says. It gets a process group of its own, which is killed if the program fails us.
fn finish(command: &mut Command, input: String, patience: Duration) -> Result<Output, ProgramFailure> {
    if let Some(path) = weak_spot(&command.get_program().to_string_lossy()) {
        return Err(ProgramFailure::NotRoots(path));
    }
    let (name, value) = ENVIRONMENT;
    let piped = command.env_clear().env(name, value).current_dir("/").process_group(0).stdin(Stdio::piped());
    let mut child = piped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = output_of(&mut child, input, &Deadline { start: Instant::now(), patience });
    if output.is_err() {
        // The child has not been waited for, so that no other group can have its number.
        let group = i32::try_from(child.id()).map(Pid::from_raw);
        let _ = group.map(|group| killpg(group, Signal::SIGKILL));
        child.wait()?;
    }
    output
}

/// Input and output may be longer than a pipe holds.
fn output_of(child: &mut Child, input: String, deadline: &Deadline) -> Result<Output, ProgramFailure> {
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let mut stdin = child.stdin.take();
    // A program that has read enough closes the pipe: not an error of ours.
    spawn(move || stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
    // A child of the child may hold a pipe open after it has ended.
    let (stdout, stderr) = (said(&stdout, deadline)?, said(&stderr, deadline)?);
    Ok(Output { is_success: wait(child, deadline)?, stdout, stderr })
}

/// Whether the program ended well.
fn wait(child: &mut Child, deadline: &Deadline) -> Result<bool, ProgramFailure> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if deadline.left().is_zero() {
            return Err(ProgramFailure::TooSlow);
        }
        sleep(PAUSE);
    }
}

/// Reads the pipe to its end, or one byte more than is wanted.
fn reader(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read any more is missing from a message.
        let _ = pipe.map(|pipe| pipe.take(MOST.saturating_add(1)).read_to_end(&mut bytes));
        // Nobody listens after the deadline.
        let _ = sender.send(bytes);
    });
    receiver
}

fn said(reader: &Receiver<Vec<u8>>, deadline: &Deadline) -> Result<String, ProgramFailure> {
    let bytes = reader.recv_timeout(deadline.left()).map_err(|_| ProgramFailure::TooSlow)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST) {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    Err(ProgramFailure::TooMuch)
}

/// So long after it began a program must have ended.
struct Deadline {
    start: Instant,
    patience: Duration,
}

impl Deadline {
    fn left(&self) -> Duration {
        self.patience.saturating_sub(self.start.elapsed())
    }
}

#[cfg(test)]
mod tests;
