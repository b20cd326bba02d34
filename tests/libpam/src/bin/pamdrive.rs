//! Runs one login in a separate process. Prints the log lines of the module and, last, PAM's return code.

use std::env;
use std::fmt::Write as _;
use std::io::{Read, Write, stdin, stdout};

use twostep_tests::Login;
use twostep_tests::drive::AT_PROMPT;

fn main() {
    let (login, held) = Login::from_arguments(env::args_os().skip(1));
    let login = if held { login.before_first_answer(wait_at_prompt) } else { login };
    let outcome = login.run();
    let mut report = String::new();
    for line in &outcome.log {
        writeln!(report, "log {} {}", line.priority, line.text).unwrap();
    }
    writeln!(report, "code {}", outcome.code).unwrap();
    stdout().write_all(report.as_bytes()).unwrap();
}

fn wait_at_prompt() {
    println!("{AT_PROMPT}");
    stdout().flush().unwrap();
    stdin().read_to_end(&mut Vec::new()).unwrap();
}
