//! Every file and directory of ours: that it is there, whose it is, and who else may touch it.

mod expected;
mod helper;
mod store;

use std::fs;

use twostep_core::os::files::LONGEST_FILE;
use twostep_core::paths::{POLICY, POLICY_DIR};

use crate::context::Context;
use crate::finding::Finding;
use crate::id::Id;
use expected::{EVERYBODY, Expected, Kind, Owner, closed, first_of, odd};
pub(crate) use store::of_person;

/// What follows where programs that are not root cannot read the policy.
const OTHERS: &str = "Programs that do not run as root, such as screen lockers, refuse everybody, and people cannot enroll or use 'twostep' \
                      themselves. sshd, login, sudo and su read it as root.";
const COMMAND: &str = "/usr/bin/twostep";

/// Checks the policy's file, the command, the helper and the store. Where the account that owns the store is missing, another check
/// says so.
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

/// What the shortest policy asks of people.
const ONLY_ENROLLED: &str = " Under the policy below only people who are enrolled need a code. If yours asked for more, restore a backup instead.";

/// Writes a policy under which nothing changes for anybody who is not enrolled.
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
        why: EVERYBODY.to_owned(),
        make: Some(format!("mkdir -m 0755 {path}")),
        lost: "",
    };
    let file =
        Expected { kind: Kind::File, make: Some(shortest_policy()), lost: ONLY_ENROLLED, ..dir(POLICY) };
    let above = store::above("/etc", &[owner.clone(), Owner::ROOT]);
    let mut findings = first_of(context, &[above, dir(POLICY_DIR), file]);
    if findings.is_empty()
        && fs::metadata(context.root.path(POLICY)).is_ok_and(|found| found.len() > LONGEST_FILE)
    {
        let then = "Write fewer rules: by groups rather than by users.";
        findings.push(odd(Id::FilesTooLong, POLICY, "it is longer than 64 KiB", EVERYBODY, then));
    }
    if findings.is_empty() {
        findings
            .extend(["/etc", POLICY_DIR, POLICY].iter().find_map(|path| closed(context.root, path, OTHERS)));
    }
    findings
}

/// Of the module, those checks tell that look at who names it.
fn command(owner: &Owner) -> Expected {
    Expected {
        path: COMMAND.to_owned(),
        kind: Kind::File,
        owners: vec![owner.clone()],
        forbidden: 0o022,
        why: "Whoever may change this file can read secrets, and let in whom they like.".to_owned(),
        make: None,
        lost: "",
    }
}
