//! System calls of one login, watched, made to fail, or made fatal: those of the process that logs in, not of what it starts.

use std::collections::HashMap;
use std::fs;
use std::process::{Child, Command, Output, Stdio};

use crate::drive::Report;
use crate::{Login, Temp};

/// A login under strace.
pub struct Traced {
    /// What the process reported.
    pub report: Report,
    /// One system call a line, as strace writes it.
    pub calls: Vec<String>,
}

/// Runs `login` in another process under strace with these options.
pub fn trace(login: &Login, options: &[&str]) -> Traced {
    let (output, calls) = watch(&login.command(), options);
    let mut report = Report::parse(&String::from_utf8_lossy(&output.stdout));
    report.noise.push_str(&String::from_utf8_lossy(&output.stderr));
    Traced { report, calls }
}

/// Runs a command under strace with these options: what it printed, and its calls. Whoever hangs is ended.
pub fn watch(command: &Command, options: &[&str]) -> (Output, Vec<String>) {
    talk(command, options, |_| {})
}

/// The same with a command that asks: `answer` has its standard input and output.
pub fn talk(command: &Command, options: &[&str], answer: impl FnOnce(&mut Child)) -> (Output, Vec<String>) {
    let temp = Temp::new();
    let file = temp.join("trace");
    let mut child = Command::new("timeout")
        .args(["20", "strace", "-qq", "-y", "-o"])
        .arg(&file)
        .args(options)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is needed");
    answer(&mut child);
    let output = child.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(124), "{options:?}: it hangs");
    let calls = fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned).collect();
    (output, calls)
}

/// The name of the call in a line of the trace, if the line is one.
pub fn name(call: &str) -> Option<&str> {
    let name = call.split_once('(')?.0;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}

/// Each system call after the one that ends the reading of the service files: its name, and how many of that name the
/// process has made so far, which is how strace counts.
pub fn calls_of_the_module(calls: &[String]) -> Vec<(String, usize)> {
    let mut counts = HashMap::new();
    let mut inside = false;
    let mut found = Vec::new();
    for call in calls {
        let Some(name) = name(call) else { continue };
        let count = counts.entry(name).or_insert(0);
        *count += 1;
        if call.starts_with("write(1<pipe:") {
            break; // the report: the login is over
        }
        if inside {
            found.push((name.to_owned(), *count));
        }
        inside |= call.contains("/pam.d/other\"");
    }
    assert!(found.len() > 30, "the trace has the login's calls");
    found
}

/// What the runtime and libpam need for themselves, and what happens after the verdict.
pub const NOT_OURS: [&str; 14] = [
    "mmap",
    "munmap",
    "mprotect",
    "brk",
    "write",
    "sigaltstack",
    "ioctl",
    "sendto",
    "recvfrom",
    "poll",
    "readlink",
    "rt_sigaction",
    "clock_gettime",
    "futex",
];
