//! The settings of sshd as `sshd -T` prints them.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

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

impl Display for SshdRefusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings { message, .. } => f.write_str(message.as_deref().unwrap_or("sshd -T fails")),
            Self::Program { program, failure } => write!(f, "{program} -T {failure}"),
        }
    }
}

/// No login comes from it, so no `Match` block names it.
const NO_ADDRESS: &str = "0.0.0.0";

/// Whether sshd accepts its settings (`sshd -t`). None if it cannot answer, as for [`settings`].
pub fn check(launch: &Launch) -> Option<Result<(), SshdRefusal>> {
    answered(run(launch.program.as_ref()?, "-t", &launch.arguments()), |_| ())
}

/// The settings by keyword, in lower case. None if sshd cannot answer: it is not installed, or was never started since the boot.
pub fn settings(launch: &Launch) -> Option<Result<BTreeMap<String, String>, SshdRefusal>> {
    answered(run(launch.program.as_ref()?, "-T", &launch.arguments()), parsed)
}

/// As [`settings`], for one login: with the `Match` blocks that match it. `from` is an address or a host name; empty for an address
/// that no block names. None also if sshd cannot be asked about such a name.
pub fn settings_for(
    launch: &Launch,
    user: &str,
    from: &str,
) -> Option<Result<BTreeMap<String, String>, SshdRefusal>> {
    let connection = connection(user, from)?;
    let arguments: Vec<&str> = launch.arguments().into_iter().chain(["-C", &connection]).collect();
    answered(run(launch.program.as_ref()?, "-T", &arguments), parsed)
}

/// The value of `-C` (sshd(8)) for one login. Before OpenSSH 8.1 sshd wants all three. None if it cannot be written: a comma would
/// begin another key.
pub fn connection(user: &str, from: &str) -> Option<String> {
    let host = if from.is_empty() { NO_ADDRESS } else { from };
    let address = if host.parse::<IpAddr>().is_ok() { host } else { NO_ADDRESS };
    (!user.contains(',') && !host.contains(',')).then(|| format!("user={user},host={host},addr={address}"))
}

fn parsed(output: &str) -> BTreeMap<String, String> {
    output.lines().filter_map(pair).collect()
}

fn answered<T>(
    printed: Result<Printed, SshdRefusal>,
    read: impl Fn(&str) -> T,
) -> Option<Result<T, SshdRefusal>> {
    match printed {
        Ok(Printed::Settings(output)) => Some(Ok(read(&output))),
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

/// The output of `sshd -t` or `sshd -T`.
enum Printed {
    /// What it prints if it accepts its settings.
    Settings(String),
    /// What it prints on standard error.
    Error(String),
}

fn run(program: &str, mode: &str, arguments: &[&str]) -> Result<Printed, SshdRefusal> {
    let arguments: Vec<&str> = [mode].into_iter().chain(arguments.iter().copied()).collect();
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
    fn names_connection_as_sshd_takes_it() {
        let table = [
            ("ada", "192.0.2.7", Some("user=ada,host=192.0.2.7,addr=192.0.2.7")),
            ("ada", "2001:db8::1", Some("user=ada,host=2001:db8::1,addr=2001:db8::1")),
            ("ada", "office.example", Some("user=ada,host=office.example,addr=0.0.0.0")),
            ("ada", "", Some("user=ada,host=0.0.0.0,addr=0.0.0.0")),
            ("ada,user=root", "", None),
            ("ada", "192.0.2.7,user=root", None),
        ];
        for (user, from, expected) in table {
            assert_eq!(connection(user, from).as_deref(), expected, "{user} {from}");
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
