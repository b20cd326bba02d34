//! Looks at everything on which logins with a second step depend, and says what is wrong, why that matters, and what mends
//! it. It changes nothing.
//!
//! `twostep_hostconf` knows what other programs read and do. This crate judges it.

mod below_root;
mod clock;
mod confinement;
pub mod context;
pub mod effect;
mod enrolling;
mod files;
pub mod finding;
mod helper_path;
pub mod id;
mod login_defs;
mod mounts;
mod name_service;
mod newcomers;
mod obligation;
mod people;
mod policy;
mod remedy;
pub mod report;
mod shadow;
mod sshd;
mod stack;
mod store_account;
pub mod sudoers;
mod users;
mod ways_in;

use twostep_core::fault::Fault;
use twostep_core::os::root::Root;

use context::Context;
use finding::Finding;
pub use policy::{hint, names};
use report::Report;

/// The checks, each in a file of its own. One that cannot look says so in a finding.
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
    confinement::check,
];

/// What sudoers::check tells of a service is not said again.
fn stacks(context: &Context<'_>) -> Vec<Finding> {
    stack::check(context, &sudoers::told(context))
}

/// What all checks find below `root`.
pub fn examine(root: &Root) -> Result<Report, Fault> {
    let context = Context::of(root)?;
    let findings = CHECKS.iter().flat_map(|check| check(&context));
    let findings = findings.map(|finding| stack::with_doors(&context, finding)).collect();
    Ok(Report::new(findings, context.visibility))
}
