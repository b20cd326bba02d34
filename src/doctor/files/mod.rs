//! The files and directories of twostep: existence, type, owner and mode.

mod expected;
mod findings;
mod helper;
mod store;

use std::fs;

use twostep_core::os::files::LONGEST_FILE;
use twostep_core::paths::{POLICY, POLICY_DIR};

use crate::context::Context;
use crate::finding::Finding;
use expected::{Expected, Kind, Owner, closed, first_of};
use findings::{Harm, Loss};
pub(crate) use store::{of_user, owner_of_store};

const COMMAND: &str = "/usr/bin/twostep";

/// Checks the policy file, the command, the helper and the store. `store_account` reports a missing account.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let root = context.root;
    let Ok(system) = root.system_owner() else { return Vec::new() };
    let mut findings = policy(context, &Owner::system(system));
    if root.path(COMMAND).is_file() && !root.path(COMMAND).is_symlink() {
        findings.extend(command(&Owner::system(system)).judge(context));
    }
    findings.extend(helper::check(context, &Owner::system(system)));
    findings.extend(store::check(context));
    findings
}

/// The command that writes the shortest policy: only enrolled users need a code.
fn shortest_policy() -> String {
    format!(r#"printf 'version = 1\nmode = "opt-in"\n' > {POLICY}"#)
}

/// The policy and the directories above it.
fn policy(context: &Context<'_>, owner: &Owner) -> Vec<Finding> {
    let dir = |path: &str| Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: vec![owner.clone()],
        forbidden: 0o022,
        harm: Harm::EveryLogin,
        make: Some(format!("mkdir -m 0755 {path}")),
        loss: Loss::Nothing,
    };
    let file = Expected { kind: Kind::File, make: Some(shortest_policy()), loss: Loss::Rules, ..dir(POLICY) };
    let above = store::above("/etc", &[owner.clone(), Owner::ROOT]);
    let mut findings = first_of(context, &[above, dir(POLICY_DIR), file]);
    if findings.is_empty()
        && fs::metadata(context.root.path(POLICY)).is_ok_and(|found| found.len() > LONGEST_FILE)
    {
        findings.push(findings::policy_too_long(POLICY));
    }
    if findings.is_empty() {
        let closed = |path: &&str| {
            let (is_dir, mode) = closed(context.root, path)?;
            Some(findings::policy_closed_to_others(path, is_dir, mode))
        };
        findings.extend(["/etc", POLICY_DIR, POLICY].iter().find_map(closed));
    }
    findings
}

/// `stack` checks the file of the module.
fn command(owner: &Owner) -> Expected {
    Expected {
        path: COMMAND.to_owned(),
        kind: Kind::File,
        owners: vec![owner.clone()],
        forbidden: 0o022,
        harm: Harm::CommandOfOthers,
        make: None,
        loss: Loss::Nothing,
    }
}
