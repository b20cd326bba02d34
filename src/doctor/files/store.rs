//! The store: its directories, the format of new records, and the two files of each record.

use std::fs;

use twostep_core::fault::{Fault, FileProblem, Operation};
use twostep_core::os::files::LONGEST_FILE;
use twostep_core::os::root::Root;
use twostep_core::paths::{FORMAT, STATES, STORE, USERS};
use twostep_core::store::files::Store;

use super::expected::{Expected, Kind, Owner, first_of};
use super::findings::{self, Harm, Loss};
use crate::accounts::Accounts;
use crate::below_root;
use crate::context::{Context, Visibility};
use crate::finding::Finding;
use crate::mounts;

/// Checks the store. A store that is not mounted must not be created again.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let root = context.root;
    let Ok(owners) = root.owners() else { return Vec::new() };
    if mounts::is_unmounted(root) {
        return Vec::new();
    }
    let owner = Owner::store(root, owners.store);
    let above = |path| above(path, &[Owner::system(owners.system), Owner::ROOT]);
    let mut findings = first_of(context, &[above("/var"), above("/var/lib"), directory(root, STORE, &owner)]);
    if context.visibility == Visibility::Public {
        return findings;
    }
    if findings.is_empty() {
        let folders = [USERS, STATES].map(|path| directory(root, path, &owner));
        findings = folders.iter().flat_map(|folder| folder.judge(context)).collect();
    }
    if findings.is_empty() {
        findings.extend(format(context, &owner));
        findings.extend(files(context, USERS, ".toml", &owner));
        findings.extend(files(context, STATES, "", &owner));
    }
    if findings.is_empty() {
        findings.extend(Store::open(root).err().map(|fault| unforeseen(root, fault, &Harm::EveryLogin)));
    }
    findings
}

pub(crate) fn above(path: &str, owners: &[Owner]) -> Expected {
    Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: owners.to_vec(),
        forbidden: 0o022,
        harm: Harm::EveryLogin,
        make: Some(format!("mkdir -m 0755 {path}")),
        loss: Loss::Nothing,
    }
}

fn directory(root: &Root, path: &str, owner: &Owner) -> Expected {
    Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: vec![owner.clone()],
        forbidden: 0o077,
        harm: Harm::EveryLogin,
        make: Some(make(root, path)),
        loss: Loss::Enrollments,
    }
}

/// The command that creates a directory of the store. Inside the store the account creates it itself: root would follow a link
/// there, and give away its target.
fn make(root: &Root, path: &str) -> String {
    match (root.is_machine(), path == STORE) {
        (false, _) => format!("mkdir -m 0700 {path}"),
        (true, true) => format!("install -d -o twostep -g twostep -m 0700 {path}"),
        (true, false) => {
            format!("setpriv --reuid=twostep --regid=twostep --clear-groups mkdir -m 0700 {path}")
        }
    }
}

/// The account that must own the store; none if it is not known, which `check` reports.
pub(crate) fn owner_of_store(context: &Context<'_>) -> Option<Owner> {
    Some(Owner::store(context.root, context.root.owners().ok()?.store))
}

/// Checks the two files of `uid`, whatever their content. They must belong to `owner`.
pub(crate) fn of_user(context: &Context<'_>, owner: &Owner, uid: u32) -> Vec<Finding> {
    let paths = [format!("{USERS}/{uid}.toml"), format!("{STATES}/{uid}")];
    paths.iter().flat_map(|path| file(context, path, uid, owner)).collect()
}

/// Checks the files of one of the two directories.
fn files(context: &Context<'_>, dir: &str, suffix: &str, owner: &Owner) -> Vec<Finding> {
    let root = context.root;
    let entries = match fs::read_dir(root.path(dir)) {
        Ok(entries) => entries,
        Err(error) => {
            let fault = Fault::of(dir, Operation::List, error);
            return vec![unforeseen(root, fault, &Harm::EveryLogin)];
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let judged = names.flat_map(|name| match uid_in(&name, suffix) {
        Some(uid) => file(context, &format!("{dir}/{name}"), uid, owner),
        None => vec![stray(dir, &name, suffix)],
    });
    judged.collect()
}

/// A uid as twostep writes it: without sign and leading zeros.
fn uid_in(name: &str, suffix: &str) -> Option<u32> {
    let text = name.strip_suffix(suffix)?;
    text.parse().ok().filter(|uid: &u32| uid.to_string() == text)
}

fn file(context: &Context<'_>, path: &str, uid: u32, owner: &Owner) -> Vec<Finding> {
    let expected = |harm| secret(path, owner, harm);
    let is_too_long =
        fs::symlink_metadata(context.root.path(path)).is_ok_and(|found| found.len() > LONGEST_FILE);
    // A look-up of the name may take time, and is needed only for a finding.
    if expected(Harm::EveryLogin).judge(context).is_empty() && !is_too_long {
        return Vec::new();
    }
    let harm = Harm::LoginsOf(Accounts::of(context).called(uid));
    let mut findings = expected(harm.clone()).judge(context);
    findings.extend(is_too_long.then(|| findings::record_too_long(path, &harm)));
    findings
}

/// Checks the file that names the format of new records. A store without it has format 1.
fn format(context: &Context<'_>, owner: &Owner) -> Vec<Finding> {
    let path = format!("{STORE}/{FORMAT}");
    let mut findings = secret(&path, owner, Harm::NewRecords).judge(context);
    if findings.is_empty() {
        // `check` reports a store that cannot be opened.
        let fault = Store::open(context.root).ok().and_then(|store| store.format().err());
        findings.extend(fault.map(|fault| {
            let is_unknown = matches!(fault, Fault::File { problem: FileProblem::UnknownFormat, .. });
            let unforeseen = || unforeseen(context.root, fault, &Harm::NewRecords);
            if is_unknown { findings::unknown_format(&path) } else { unforeseen() }
        }));
    }
    findings
}

/// A file of the store, which need not exist.
fn secret(path: &str, owner: &Owner, harm: Harm) -> Expected {
    Expected {
        path: path.to_owned(),
        kind: Kind::Secret,
        owners: vec![owner.clone()],
        forbidden: 0o077,
        harm,
        make: None,
        loss: Loss::Nothing,
    }
}

/// A file that is not one of a record: left over from an interrupted replacement, or a copy that someone made.
fn stray(dir: &str, name: &str, suffix: &str) -> Finding {
    let path = format!("{dir}/{name}");
    let replaced = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new"));
    let is_left_over = replaced.and_then(|name| uid_in(name, suffix)).is_some();
    if is_left_over { findings::left_over(&path) } else { findings::not_ours(&path) }
}

/// The store, or a file in it, cannot be used, for a reason that these checks have not found.
fn unforeseen(root: &Root, fault: Fault, harm: &Harm) -> Finding {
    findings::store_cannot_be_read(fault.with_path(|path| below_root::path(root, &path)).to_string(), harm)
}
