//! Runs a login in a separate process: the program `pamdrive`.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, pipe};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::interpose::{self, LogLine};
use crate::{Answer, Login};

/// The report of one process.
#[derive(Debug)]
pub struct Report {
    /// PAM's code, or nothing if the process ended before it printed one.
    pub code: Option<i32>,
    /// The log lines of the module.
    pub log: Vec<LogLine>,
    /// All other output, with standard error where it was captured.
    pub noise: String,
}

impl Report {
    /// Parses the output of `pamdrive`.
    pub fn parse(printed: &str) -> Self {
        let mut report = Self { code: None, log: Vec::new(), noise: String::new() };
        for line in printed.lines() {
            match line.split_once(' ') {
                Some(("code", code)) => report.code = code.parse().ok(),
                Some(("log", rest)) => report.log.push(log_line(rest)),
                _ if line == AT_PROMPT => {}
                _ => report.noise.push_str(line),
            }
        }
        report
    }

    /// A value of the last log line, or the empty string.
    pub fn field(&self, key: &str) -> &str {
        self.log.last().and_then(|line| line.field(key)).unwrap_or_default()
    }
}

fn log_line(text: &str) -> LogLine {
    let (priority, text) = text.split_once(' ').unwrap();
    LogLine { priority: priority.parse().unwrap(), text: text.into() }
}

/// The line that a held process prints when it is asked for the code.
pub const AT_PROMPT: &str = "at the prompt";

impl Login {
    /// The command that runs this login in another process. It can pass on typed answers only.
    pub fn command(&self) -> Command {
        let mut command = Command::new(pamdrive());
        command.env_remove("LD_LIBRARY_PATH"); // cargo's, which would add a hundred lookups to every trace
        let mut option = |name: &str, value: &OsStr| {
            command.arg(name).arg(value);
        };
        option("--confdir", self.confdir.as_os_str());
        option("--service", self.service.as_ref());
        option("--user", self.user.as_ref());
        option("--flags", self.flags.to_string().as_ref());
        if let Some(now) = self.clock {
            option("--at", now.to_string().as_ref());
        }
        if let Some(user) = self.randomness_of {
            option("--randomness-of", user.to_string().as_ref());
        }
        for (set, name) in [(self.whole, "--whole"), (self.by_key, "--by-key")] {
            if set {
                option(name, "".as_ref());
            }
        }
        self.rhost.iter().for_each(|host| option("--rhost", host.as_ref()));
        self.tty.iter().for_each(|tty| option("--tty", tty.as_ref()));
        self.env.iter().for_each(|pair| option("--env", pair.as_ref()));
        for answer in &self.answers {
            let Answer::Typed(bytes) = answer else { panic!("only typed answers reach another process") };
            option("--answer", OsStr::from_bytes(bytes));
        }
        command
    }

    /// Runs the login in another process.
    pub fn run_apart(&self) -> Report {
        let output = self.command().stdin(Stdio::null()).output().unwrap();
        let mut report = Report::parse(&String::from_utf8_lossy(&output.stdout));
        report.noise.push_str(&String::from_utf8_lossy(&output.stderr));
        report
    }

    /// Starts the login in another process, which waits at its first prompt until it reads end of file from `gate`.
    pub fn hold(&self, gate: impl Into<Stdio>) -> Held {
        let mut command = self.command();
        let mut child = command.args(["--hold", ""]).stdin(gate).stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        Held { child, printed }
    }

    /// Parses the arguments that [`Login::command`] wrote. Also returns whether to hold the process at the prompt.
    pub fn from_arguments(arguments: impl Iterator<Item = OsString>) -> (Self, bool) {
        let mut login = Self::new(PathBuf::new(), "", "");
        let mut held = false;
        let mut arguments = arguments;
        while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
            let text = value.to_string_lossy().into_owned();
            login = match name.to_str().unwrap() {
                "--confdir" => Self { confdir: value.into(), ..login },
                "--service" => login.service(&text),
                "--user" => Self { user: text, ..login },
                "--flags" => login.flags(text.parse().unwrap()),
                "--at" => login.at(text.parse().unwrap()),
                "--rhost" => login.rhost(&text),
                "--tty" => login.tty(&text),
                "--env" => login.env(&text),
                "--answer" => login.answer(value.into_vec()),
                "--randomness-of" => login.randomness_of(text.parse().unwrap()),
                "--whole" => login.whole(),
                "--by-key" => login.by_key(),
                "--signal-at-flush" => {
                    interpose::signal_at_flush(text.parse().unwrap());
                    login
                }
                "--storm" => {
                    interpose::storm();
                    login
                }
                "--hold" => {
                    held = true;
                    login
                }
                other => panic!("unknown option {other}"),
            };
        }
        (login, held)
    }

    /// Calls `act` at the first prompt.
    pub fn before_first_answer(mut self, act: impl FnOnce() + 'static) -> Self {
        let first = self.answers.pop_front().expect("an answer");
        self.answers.push_front(Answer::After(Box::new(act), Box::new(first)));
        self
    }
}

/// A process that waits at its first prompt.
pub struct Held {
    /// The process.
    pub child: Child,
    printed: BufReader<std::process::ChildStdout>,
}

impl Held {
    /// Returns once the process is at the prompt.
    pub fn wait_for_prompt(&mut self) {
        let mut line = String::new();
        self.printed.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), AT_PROMPT);
    }

    /// Waits for the end of the process.
    pub fn finish(mut self) -> (Report, ExitStatus) {
        let mut printed = String::new();
        self.printed.read_to_string(&mut printed).unwrap();
        (Report::parse(&printed), self.child.wait().unwrap())
    }
}

/// Starts all logins and waits until each is at its prompt. Then calls `act`, releases them together, and returns the
/// reports.
pub fn release_together_after(logins: impl Iterator<Item = Login>, act: impl FnOnce(&[Held])) -> Vec<Report> {
    let (gate, opener) = pipe().unwrap();
    let mut held: Vec<_> = logins.map(|login| login.hold(gate.try_clone().unwrap())).collect();
    held.iter_mut().for_each(|process| process.wait_for_prompt());
    act(&held);
    drop(opener);
    held.into_iter().map(|process| process.finish().0).collect()
}

/// The same without a call in between.
pub fn release_together(logins: impl Iterator<Item = Login>) -> Vec<Report> {
    release_together_after(logins, |_| {})
}

/// The path of `pamdrive`, which cargo builds beside the folder of the tests.
pub fn pamdrive() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("pamdrive")
}

/// The path of the functions of [`interpose`] as a library, which cargo builds beside the tests.
pub fn preload() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libtwostep_tests.so")
}
