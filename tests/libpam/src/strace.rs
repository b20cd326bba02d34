//! System calls of one login, watched, made to fail, or made fatal.

use std::fs;
use std::process::{Command, Stdio};

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
    let temp = Temp::new();
    let file = temp.join("trace");
    let driven = login.command();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-y", "-o"])
        .arg(&file)
        .args(options)
        .arg("--")
        .arg(driven.get_program())
        .args(driven.get_args())
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .output()
        .expect("strace is needed");
    let mut report = Report::parse(&String::from_utf8_lossy(&output.stdout));
    report.noise.push_str(&String::from_utf8_lossy(&output.stderr));
    let calls = fs::read_to_string(&file).unwrap_or_default().lines().map(without_pid).collect();
    Traced { report, calls }
}

fn without_pid(line: &str) -> String {
    line.split_once(' ').map_or(line, |(_, call)| call.trim_start()).into()
}

/// The name of the call in a line of the trace, if the line is one.
pub fn name(call: &str) -> Option<&str> {
    let name = call.split_once('(')?.0;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}
