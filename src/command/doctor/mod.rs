//! `twostep doctor`: looks at everything on which logins with a second step depend, and says what is wrong, why that matters,
//! and what mends it. It changes nothing.

mod account;
mod clock;
mod confinement;
mod enrolling;
mod files;
mod finding;
mod login_defs;
mod machine;
mod mounts;
mod people;
mod policy;
mod report;
mod sshd;
mod stack;
mod users;

use twostep_core::os::root::Root;
use twostep_core::policy::Policy;
use twostep_core::time::UnixTime;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::terminal::say;
use finding::Finding;
use report::Report;

/// How to report.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the checks look at.
pub struct Patient<'a> {
    /// Where all files lie.
    pub root: &'a Root,
    /// The policy, if it can be read and has no error.
    pub policy: Option<Policy>,
    /// Its text, if it can be read.
    pub policy_text: Option<String>,
    /// The present moment.
    pub now: UnixTime,
}

/// The checks, each in a file of its own. One that cannot look says so in a finding.
const CHECKS: &[fn(&Patient<'_>) -> Vec<Finding>] = &[
    policy::check,
    stack::check,
    sshd::check,
    login_defs::check,
    files::check,
    mounts::check,
    account::check,
    clock::check,
    users::check,
    confinement::check,
];

/// Runs all checks. Fails, with status 1, if something must be mended.
pub fn run(administrator: &Administrator, arguments: &Arguments) -> Result<(), Failure> {
    let text = administrator.machine().policy_text().ok();
    let patient = Patient {
        root: administrator.root(),
        policy: administrator.policy().ok(),
        policy_text: text.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()),
        now: administrator.now()?,
    };
    let report = Report::new(CHECKS.iter().flat_map(|check| check(&patient)).collect());
    say(&if arguments.json { json(&report)? } else { report.to_string() })?;
    if report.has_problems() { Err(Failure::silent()) } else { Ok(()) }
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
