//! What sshd itself says of its settings: `sshd -T`.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use twostep_core::os::root::Root;

use super::launch::Launch;
use crate::location::Location;

/// Where distributions put sshd.
const PROGRAMS: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"];
/// How long sshd may take to read its settings.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// More bytes than that are none of its settings.
const MOST: u64 = 16 * 1024 * 1024;
/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Why sshd does not say what its settings are.
#[derive(Debug)]
pub enum SshdRefusal {
    /// It cannot start with what it was given.
    Settings {
        /// The line that it names, if it does.
        location: Option<Location>,
        /// The first line of what it says; none if it says nothing.
        message: Option<String>,
    },
    /// It could not be run.
    CannotRun {
        /// The program that was to be run.
        program: String,
        /// What the operating system says.
        error: io::Error,
    },
    /// It did not end in time.
    TooSlow {
        /// The program that was run.
        program: String,
    },
}

/// The settings by keyword, in lower case, of an sshd that is started so. None where sshd has nothing to say: it is not
/// installed, or did not come so far.
pub fn settings(launch: &Launch) -> Option<Result<BTreeMap<String, String>, SshdRefusal>> {
    let programs = [launch.program.as_str()].into_iter().chain(PROGRAMS);
    let program = programs.into_iter().find(|program| Path::new(program).exists())?;
    match run(program, &launch.arguments()) {
        Ok(Ok(output)) => Some(Ok(output.lines().filter_map(pair).collect())),
        // sshd has never been started since the machine was: its settings were not read.
        Ok(Err(message)) if message.contains("privilege separation directory") => None,
        Ok(Err(message)) => Some(Err(refused(&message))),
        Err(refusal) => Some(Err(refusal)),
    }
}

/// Whether there is an sshd below `root`.
pub fn is_installed(root: &Root) -> bool {
    PROGRAMS.iter().any(|program| root.path(program).exists())
}

/// OpenSSH 10.6 writes keywords as the manual does.
fn pair(line: &str) -> Option<(String, String)> {
    line.split_once(' ').map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.to_owned()))
}

/// Runs `sshd -T`: its settings, or the error that it prints. That may be longer than a pipe holds, so it is read meanwhile.
fn run(program: &str, arguments: &[&str]) -> Result<Result<String, String>, SshdRefusal> {
    let failed = |error| SshdRefusal::CannotRun { program: program.to_owned(), error };
    let mut sshd = Command::new(program)
        .arg("-T")
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (output, message) = (reader(sshd.stdout.take()), reader(sshd.stderr.take()));
    match wait(&mut sshd).map_err(failed)? {
        Some(true) => Ok(Ok(said(output))),
        Some(false) => Ok(Err(said(message))),
        None => Err(SshdRefusal::TooSlow { program: program.to_owned() }),
    }
}

/// Whether sshd ended well; none if it had to be ended.
fn wait(sshd: &mut Child) -> io::Result<Option<bool>> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = sshd.try_wait()? {
            return Ok(Some(status.success()));
        }
        sleep(PAUSE);
    }
    sshd.kill()?;
    sshd.wait().map(|_| None)
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
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).trim().to_owned()
}

fn refused(message: &str) -> SshdRefusal {
    let first = message.lines().next();
    SshdRefusal::Settings { location: first.and_then(location), message: first.map(str::to_owned) }
}

/// `FILE line N: ...` or `FILE: line N: ...`, as sshd writes it.
fn location(message: &str) -> Option<Location> {
    let (file, rest) = message.split_once(" line ")?;
    let number = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    file.starts_with('/').then(|| Location::line(file.trim_end_matches(':'), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sshd_refuses_is_found_in_its_message() {
        let table = [
            (
                "/etc/ssh/a.conf line 7: Bad configuration option: x",
                Some(Location::line("/etc/ssh/a.conf", 7)),
            ),
            (
                "/etc/ssh/a.conf: line 7: Bad configuration option: x",
                Some(Location::line("/etc/ssh/a.conf", 7)),
            ),
            ("command-line: line 0: Bad configuration option: x", None),
            ("sshd: no hostkeys available -- exiting.", None),
        ];
        for (message, expected) in table {
            assert_eq!(location(message), expected, "{message}");
        }
    }

    #[test]
    fn reads_keywords_in_any_case() {
        assert_eq!(pair("UsePAM yes"), Some(("usepam".to_owned(), "yes".to_owned())));
        assert_eq!(
            pair("authenticationmethods A B"),
            Some(("authenticationmethods".to_owned(), "A B".to_owned()))
        );
    }
}
