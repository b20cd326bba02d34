//! The settings of sshd as `sshd -T` prints them.

use std::collections::BTreeMap;

use super::launch::Launch;
use crate::location::Location;
use crate::program::{self, Output, ProgramFailure};

/// Why sshd does not print its settings.
#[derive(Debug)]
pub enum SshdRefusal {
    /// It refuses them.
    Settings {
        /// The line that sshd names; none if it names none.
        location: Option<Location>,
        /// The first line that sshd prints; none if it prints nothing.
        message: Option<String>,
    },
    /// It did not answer.
    Program { program: String, failure: ProgramFailure },
}

/// The settings by keyword, in lower case. None if sshd cannot answer: it is not installed, or was never started since the boot.
pub fn settings(launch: &Launch) -> Option<Result<BTreeMap<String, String>, SshdRefusal>> {
    match run(launch.program.as_ref()?, &launch.arguments()) {
        Ok(Printed::Settings(output)) => Some(Ok(output.lines().filter_map(pair).collect())),
        // sshd was not started since the machine booted.
        Ok(Printed::Error(message)) if message.contains("privilege separation directory") => None,
        Ok(Printed::Error(message)) => Some(Err(refused(&message))),
        Err(refusal) => Some(Err(refusal)),
    }
}

/// OpenSSH 10.6 writes keywords as the manual does.
fn pair(line: &str) -> Option<(String, String)> {
    line.split_once(' ').map(|(keyword, value)| (keyword.to_ascii_lowercase(), value.to_owned()))
}

/// The output of `sshd -T`.
enum Printed {
    Settings(String),
    /// What it prints on standard error.
    Error(String),
}

fn run(program: &str, arguments: &[&str]) -> Result<Printed, SshdRefusal> {
    let arguments: Vec<&str> = ["-T"].into_iter().chain(arguments.iter().copied()).collect();
    match program::run(program, &arguments) {
        Ok(Output { is_success: true, stdout, .. }) => Ok(Printed::Settings(stdout)),
        Ok(Output { stderr, .. }) => Ok(Printed::Error(stderr.trim().to_owned())),
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
    fn finds_line_in_message_of_sshd() {
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
