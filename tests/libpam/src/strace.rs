//! Traces the system calls of one login, and makes them fail or kill the process. Child processes are not traced.

use std::collections::HashMap;
use std::fs;
use std::process::{Child, Command, Output, Stdio};

use crate::drive::Report;
use crate::{Login, Temp};

/// A login under strace.
pub struct Traced {
    /// The report of the process.
    pub report: Report,
    /// The system calls, one line each, as strace writes them.
    pub calls: Vec<String>,
}

/// Runs `login` in another process under strace with these options.
pub fn trace(login: &Login, options: &[&str]) -> Traced {
    let (output, calls) = watch(&login.command(), options);
    let mut report = Report::parse(&String::from_utf8_lossy(&output.stdout));
    report.noise.push_str(&String::from_utf8_lossy(&output.stderr));
    Traced { report, calls }
}

/// Runs a command under strace with these options, for at most 20 s. Returns its output and its calls.
pub fn watch(command: &Command, options: &[&str]) -> (Output, Vec<String>) {
    talk(command, options, |_| {})
}

/// Like [`watch`], for a command that asks: `answer` gets its standard input and output.
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

/// The name of the system call, if this line of the trace is one.
pub fn name(call: &str) -> Option<&str> {
    let name = call.split_once('(')?.0;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}

/// The system calls from the end of the reading of the service files on. Each has its name, and the number of calls of
/// that name so far in the process: strace counts them this way.
pub fn calls_of_the_module(calls: &[String]) -> Vec<(String, usize)> {
    let mut counts = HashMap::new();
    let mut inside = false;
    let mut found = Vec::new();
    for call in calls {
        let Some(name) = name(call) else { continue };
        let count = counts.entry(name).or_insert(0);
        *count += 1;
        if call.starts_with("write(1<pipe:") {
            break; // the report, after the login
        }
        if inside {
            found.push((name.to_owned(), *count));
        }
        inside |= call.contains("/pam.d/other\"");
    }
    assert!(found.len() > 10, "the trace has the login's calls");
    found
}

/// System calls of the runtime and of libpam, and those after the verdict.
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
