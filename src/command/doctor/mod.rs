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
mod sight;
mod sshd;
mod stack;
mod users;

use std::path::PathBuf;

use twostep_core::login::machine::Machine;
use twostep_core::machine::System;
use twostep_core::os::root::Root;
use twostep_core::policy::Policy;
use twostep_core::time::UnixTime;
use twostep_hostconf::tree::is_hidden;

use crate::administrator::root_at;
use crate::failure::Failure;

use crate::terminal::say;
use finding::Finding;
use report::Report;
use sight::Sight;

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
    /// How much of them this process may see.
    pub sight: Sight,
    /// The policy, if it can be read and has no error.
    pub policy: Option<Policy>,
    /// Its text, if it can be read.
    pub policy_text: Option<String>,
    /// The present moment.
    pub now: UnixTime,
}

impl Patient<'_> {
    /// Whether the policy is there for others to read, so that nothing can be said of what it decides.
    pub fn hides_policy(&self) -> bool {
        self.sight == Sight::Public && is_hidden(&self.root.path(policy::FILE))
    }
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

/// Runs all checks, as far as whoever runs this may see. Fails, with status 1, if something must be mended.
pub fn run(root: Option<PathBuf>, arguments: &Arguments) -> Result<(), Failure> {
    let report = examine(&root_at(root)?)?;
    say(&if arguments.json { json(&report)? } else { report.to_string() })?;
    if report.has_problems() { Err(Failure::silent()) } else { Ok(()) }
}

/// What all checks find below `root`.
pub fn examine(root: &Root) -> Result<Report, Failure> {
    let system = System::new(root.clone());
    let text = system.policy_text().ok();
    let patient = Patient {
        root,
        sight: Sight::of(root)?,
        policy: system.policy().ok(),
        policy_text: text.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()),
        now: twostep_core::os::clock::now()?,
    };
    let findings = CHECKS.iter().flat_map(|check| check(&patient)).collect();
    Ok(Report::new(findings, patient.sight))
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string_pretty(report).map_err(|error| Failure::unavailable(error.to_string(), ""))
}
