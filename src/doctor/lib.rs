//! Checks everything that logins with a second step depend on. Reports what is wrong, why it matters and what fixes it. It
//! changes nothing.
//!
//! `twostep_hostconf` knows what other programs read and do. This crate judges it. A check collects facts; the sentences of its
//! findings are made in the `findings.rs` of its topic, or at the end of the file if the topic is one file.

mod accounts;
mod below_root;
pub mod changes;
mod clock;
mod confinement;
pub mod context;
pub mod effect;
mod enrolling;
mod files;
pub mod finding;
mod helper_path;
pub mod id;
pub mod login;
mod login_defs;
mod mounts;
mod name_service;
mod newcomers;
mod obligation;
mod policy;
mod remedy;
pub mod report;
pub mod services;
mod shadow;
mod sshd;
mod stack;
mod store_account;
pub mod sudoers;
mod users;
mod ways_in;
mod without_password;

use twostep_core::fault::Fault;
use twostep_core::os::root::Root;

use context::Context;
use finding::Finding;
pub use policy::{findings as policy_findings, hint, names, remarks};
use report::Report;
use services::Services;
pub use stack::{draft, is_shared};

/// A check that cannot read something reports that as a finding.
const CHECKS: &[fn(&Context<'_>) -> Vec<Finding>] = &[
    policy::check,
    stacks,
    sshd::check,
    sudoers::check,
    login_defs::check,
    files::check,
    mounts::check,
    store_account::check,
    clock::check,
    name_service::check,
    users::check,
    newcomers::check,
    without_password::check,
    confinement::check,
    changes::check,
];

/// Leaves out the services that `sudoers::check` reports.
fn stacks(context: &Context<'_>) -> Vec<Finding> {
    stack::check(context, &sudoers::reported(context))
}

/// How many checks there are.
pub const fn checks() -> usize {
    CHECKS.len()
}

/// Runs all checks on the machine below `root`. Calls `done` after each.
pub fn examine(root: &Root, done: impl FnMut()) -> Result<Report, Fault> {
    let context = Context::of(root)?;
    let findings = findings(&context, done).into_iter();
    let findings = findings.map(|finding| stack::with_effect(&context, finding)).collect();
    Ok(Report::new(findings, context.visibility))
}

/// The services by which users log in on the machine below `root`, with what all checks find there. Calls `done` after each check.
pub fn services(root: &Root, done: impl FnMut()) -> Result<Services, Fault> {
    let context = Context::of(root)?;
    let report = Report::new(findings(&context, done), context.visibility);
    Ok(Services::of(&context, &report))
}

fn findings(context: &Context<'_>, mut done: impl FnMut()) -> Vec<Finding> {
    let findings = CHECKS.iter().flat_map(|check| {
        let found = check(context);
        done();
        found
    });
    findings.collect()
}
