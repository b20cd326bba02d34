//! Runs a program of this machine that says what its settings are: without an environment, and for a limited time.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

/// How long such a program may take.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// More bytes than these are no settings.
const MOST: u64 = 16 * 1024 * 1024;
/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// Owns nothing on a Linux system: nobody and nogroup.
const NOBODY: u32 = 65534;

/// What a program has said.
#[derive(Debug)]
pub struct Output {
    /// Whether its exit status was 0.
    pub is_success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Why a program has said nothing.
#[derive(Debug)]
pub enum ProgramFailure {
    /// The operating system did not run it.
    CannotRun(io::Error),
    /// It did not end in time.
    TooSlow,
}

/// Runs `program` with the rights of this process, and nothing as its standard input.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<Output, ProgramFailure> {
    finish(Command::new(program).args(arguments), String::new())
}

/// Runs `program` as nobody, where this process may, with `input` as its standard input: it sees that text and what everybody
/// may read.
pub fn run_as_nobody(program: &str, arguments: &[&str], input: String) -> Result<Output, ProgramFailure> {
    let mut command = Command::new(program);
    command.args(arguments);
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY); // and without further groups
    }
    finish(&mut command, input)
}

fn finish(command: &mut Command, input: String) -> Result<Output, ProgramFailure> {
    let output = output_of(command, input).map_err(ProgramFailure::CannotRun)?;
    output.ok_or(ProgramFailure::TooSlow)
}

/// What the program says; none if it had to be ended. Input and output may be longer than a pipe holds.
fn output_of(command: &mut Command, input: String) -> io::Result<Option<Output>> {
    let piped = command.env_clear().current_dir("/").stdin(Stdio::piped());
    let mut child = piped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let mut stdin = child.stdin.take();
    // A program that has read enough closes the pipe: not an error of ours.
    spawn(move || stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
    Ok(wait(&mut child)?.map(|is_success| Output { is_success, stdout: said(stdout), stderr: said(stderr) }))
}

/// Whether the program ended well; none if it had to be ended.
fn wait(child: &mut Child) -> io::Result<Option<bool>> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        sleep(PAUSE);
    }
    child.kill()?;
    child.wait().map(|_| None)
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read any more is missing from a message.
        let _ = pipe.map(|pipe| pipe.take(MOST).read_to_end(&mut bytes));
        bytes
    })
}

fn said(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_input_longer_than_a_pipe_and_takes_output() {
        let long = "x".repeat(1024 * 1024);
        let output = run_as_nobody("/bin/cat", &[], long.clone()).unwrap();
        assert!(output.is_success && output.stdout == long && output.stderr.is_empty());
    }

    #[test]
    fn runs_without_environment_and_rights() {
        let output =
            run_as_nobody("/usr/bin/env", &["sh", "-c", "id -u; id -G; env"], String::new()).unwrap();
        if geteuid().is_root() {
            assert!(output.stdout.starts_with("65534\n65534\n"), "{}", output.stdout);
        }
        assert!(!output.stdout.contains("HOME="), "{}", output.stdout);
    }

    #[test]
    fn says_that_a_program_fails_or_is_not_there() {
        assert!(!run_as_nobody("/bin/false", &[], String::new()).unwrap().is_success);
        let missing = run_as_nobody("/nowhere/program", &[], String::new());
        assert!(matches!(missing, Err(ProgramFailure::CannotRun(_))));
    }
}
