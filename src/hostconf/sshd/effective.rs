//! What sshd itself says of its settings: `sshd -T`.

use std::collections::BTreeMap;

use super::launch::Launch;
use crate::location::Location;
use crate::program::{self, Output, ProgramFailure};

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
    /// It did not come to an answer.
    Program {
        /// The program that was to be run.
        program: String,
        /// Why it said nothing.
        failure: ProgramFailure,
    },
}

/// The settings by keyword, in lower case, of an sshd that is started so. None where sshd has nothing to say: it is not
/// installed, or did not come so far.
pub fn settings(launch: &Launch) -> Option<Result<BTreeMap<String, String>, SshdRefusal>> {
    match run(launch.program.as_ref()?, &launch.arguments()) {
        Ok(Ok(output)) => Some(Ok(output.lines().filter_map(pair).collect())),
        // sshd has never been started since the machine was: its settings were not read.
        Ok(Err(message)) if message.contains("privilege separation directory") => None,
        Ok(Err(message)) => Some(Err(refused(&message))),
        Err(refusal) => Some(Err(refusal)),
    }
}

/// OpenSSH 10.6 writes keywords as the manual does.
fn pair(line: &str) -> Option<(String, String)> {
    line.split_once(' ').map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.to_owned()))
}

/// Runs `sshd -T`: its settings, or the error that it prints.
fn run(program: &str, arguments: &[&str]) -> Result<Result<String, String>, SshdRefusal> {
    let arguments: Vec<&str> = ["-T"].into_iter().chain(arguments.iter().copied()).collect();
    match program::run(program, &arguments) {
        Ok(Output { is_success: true, stdout, .. }) => Ok(Ok(stdout)),
        Ok(Output { stderr, .. }) => Ok(Err(stderr.trim().to_owned())),
        Err(failure) => Err(SshdRefusal::Program { program: program.to_owned(), failure }),
    }
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
