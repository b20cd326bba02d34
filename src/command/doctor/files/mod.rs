//! Every file and directory of ours: that it is there, whose it is, and who else may touch it.

mod expected;
mod store;

use std::fs;

use twostep_core::os::root::Root;

use super::Patient;
use super::finding::{Finding, Place, Remedy};
use expected::{Expected, Kind, Owner};
pub use store::of_person;

/// What follows where nobody can be judged.
const EVERYBODY: &str = "Every login that twostep guards is refused.";
/// The command.
const COMMAND: &str = "/usr/bin/twostep";
/// Where distributions put modules, as far as no triplet stands in it.
const MODULES: [&str; 2] = ["/usr/lib64/security", "/usr/lib/security"];
/// A policy under which nothing changes for anybody who is not enrolled.
const SHORTEST_POLICY: &str = "printf 'version = 1\\nmode = \"opt-in\"\\n' > /etc/twostep/policy.toml";

/// Checks the policy's file, the programs and the store. Where the account that owns the store is missing, another check
/// says so.
pub fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let root = patient.root;
    let Ok(system) = root.system_owner() else { return Vec::new() };
    let mut findings = policy(root, &Owner::system(system));
    findings.extend(programs(root).iter().flat_map(|path| program(path, &Owner::system(system)).judge(root)));
    findings.extend(store::check(patient));
    findings
}

/// The policy and the directories above it.
fn policy(root: &Root, owner: &Owner) -> Vec<Finding> {
    let dir = |path: &str| Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: vec![owner.clone()],
        forbidden: 0o022,
        why: EVERYBODY.to_owned(),
        make: Some(format!("mkdir -m 0755 {path}")),
        lost: "",
    };
    let file = Expected {
        kind: Kind::File,
        make: Some(SHORTEST_POLICY.to_owned()),
        ..dir("/etc/twostep/policy.toml")
    };
    let above = store::above("/etc", &[owner.clone(), Owner::ROOT]);
    first_of(root, &[above, dir("/etc/twostep"), file])
}

/// What is wrong with the first of `chain` with which something is: what lies below cannot be judged.
fn first_of(root: &Root, chain: &[Expected]) -> Vec<Finding> {
    let mut findings = chain.iter().map(|expected| expected.judge(root));
    findings.find(|found| !found.is_empty()).unwrap_or_default()
}

/// The command and the modules, as far as they are there.
fn programs(root: &Root) -> Vec<String> {
    modules(root).into_iter().chain(there(root, COMMAND.to_owned())).collect()
}

/// The modules, as far as they are there.
pub fn modules(root: &Root) -> Vec<String> {
    let triplets = fs::read_dir(root.path("/usr/lib")).into_iter().flatten().flatten();
    let triplets = triplets.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let triplets =
        triplets.filter(|name| name.contains("-linux-")).map(|name| format!("/usr/lib/{name}/security"));
    let dirs = MODULES.iter().map(|&dir| dir.to_owned()).chain(triplets);
    dirs.filter_map(|dir| there(root, format!("{dir}/pam_twostep.so"))).collect()
}

fn there(root: &Root, path: String) -> Option<String> {
    fs::symlink_metadata(root.path(&path)).is_ok_and(|found| found.is_file()).then_some(path)
}

fn program(path: &str, owner: &Owner) -> Expected {
    Expected {
        path: path.to_owned(),
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
    Finding::problem(Place::file(path), what, why, Remedy::Advice { text: advice.into() })
}
