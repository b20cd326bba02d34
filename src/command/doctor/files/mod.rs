//! Every file and directory of ours: that it is there, whose it is, and who else may touch it.

mod expected;
mod helper;
mod store;

use std::fs;
use std::os::unix::fs::MetadataExt;

use twostep_core::os::files::LONGEST_FILE;
use twostep_core::os::root::Root;
use twostep_hostconf::location::Location;

use super::Patient;
use super::finding::{Finding, Remedy};
use expected::{Expected, Kind, Owner};
pub use helper::{HELPER, WHO_NEEDS_IT};
pub use store::of_person;

/// What follows where nobody can be judged.
const EVERYBODY: &str = "Every login that twostep guards is refused.";
/// What follows where programs that are not root cannot read the policy.
const OTHERS: &str = "Programs that do not run as root, such as screen lockers, refuse everybody, and people cannot enroll or use 'twostep' \
                      themselves. sshd, login, sudo and su read it as root.";
/// The policy.
const POLICY: &str = "/etc/twostep/policy.toml";
/// The command.
const COMMAND: &str = "/usr/bin/twostep";
/// A policy under which nothing changes for anybody who is not enrolled.
const SHORTEST_POLICY: &str = "printf 'version = 1\\nmode = \"opt-in\"\\n' > /etc/twostep/policy.toml";

/// Checks the policy's file, the command, the helper and the store. Where the account that owns the store is missing, another check
/// says so.
pub fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let root = patient.root;
    let Ok(system) = root.system_owner() else { return Vec::new() };
    let mut findings = policy(patient, &Owner::system(system));
    if root.path(COMMAND).is_file() && !root.path(COMMAND).is_symlink() {
        findings.extend(command(&Owner::system(system)).judge(patient));
    }
    findings.extend(helper::check(patient, &Owner::system(system)));
    findings.extend(store::check(patient));
    findings
}

/// The policy and the directories above it.
fn policy(patient: &Patient<'_>, owner: &Owner) -> Vec<Finding> {
    let dir = |path: &str| Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: vec![owner.clone()],
        forbidden: 0o022,
        why: EVERYBODY.to_owned(),
        make: Some(format!("mkdir -m 0755 {path}")),
        lost: "",
    };
    let file = Expected { kind: Kind::File, make: Some(SHORTEST_POLICY.to_owned()), ..dir(POLICY) };
    let above = store::above("/etc", &[owner.clone(), Owner::ROOT]);
    let mut findings = first_of(patient, &[above, dir("/etc/twostep"), file]);
    if findings.is_empty()
        && fs::metadata(patient.root.path(POLICY)).is_ok_and(|found| found.len() > LONGEST_FILE)
    {
        let then = "Write fewer rules: by groups rather than by users.";
        findings.push(odd(POLICY, "it is longer than 64 KiB", EVERYBODY, then));
    }
    if findings.is_empty() {
        findings.extend(
            ["/etc", "/etc/twostep", POLICY].iter().find_map(|path| closed(patient.root, path, OTHERS)),
        );
    }
    findings
}

/// What is closed to programs that are not root, and that they need. If one of several is found, what lies below comes later.
fn closed(root: &Root, path: &str, why: &str) -> Option<Finding> {
    let found = fs::symlink_metadata(root.path(path)).ok()?;
    let (bit, what, change) = if found.is_dir() { (0o001, "enter", "o+x") } else { (0o004, "read", "o+r") };
    let mode = found.mode() & 0o7777;
    let remedy = Remedy::Run { command: format!("chmod {change} {path}") };
    (mode & bit == 0).then(|| {
        let what = format!("only root and its group can {what} it (mode {mode:04o})");
        Finding::warning(Location::file(path), what, why, remedy)
    })
}

/// What is wrong with the first of `chain` with which something is: what lies below cannot be judged.
fn first_of(patient: &Patient<'_>, chain: &[Expected]) -> Vec<Finding> {
    let mut findings = chain.iter().map(|expected| expected.judge(patient));
    findings.find(|found| !found.is_empty()).unwrap_or_default()
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

/// What only a person can decide about `path`.
fn odd(path: &str, what: impl Into<String>, why: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding::problem(Location::file(path), what, why, Remedy::Advice { text: advice.into() })
}
