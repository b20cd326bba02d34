//! The store: its directories, and the two files of each person.

use std::fs;

use twostep_core::fault::{Fault, Operation};
use twostep_core::os::files::LONGEST_FILE;
use twostep_core::os::root::Root;
use twostep_core::paths::{STATES, STORE, USERS};
use twostep_core::store::files::Store;
use twostep_hostconf::location::Location;

use super::expected::{EVERYBODY, Expected, Kind, Owner, first_of, odd};
use crate::below_root;
use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::mounts;
use crate::people::People;

/// Checks the store. One that is not mounted is not there, and is not to be made anew.
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
        findings.extend(files(context, USERS, ".toml", &owner));
        findings.extend(files(context, STATES, "", &owner));
    }
    if findings.is_empty() {
        findings.extend(Store::open(root).err().map(|fault| unforeseen(root, fault)));
    }
    findings
}

pub(crate) fn above(path: &str, owners: &[Owner]) -> Expected {
    Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: owners.to_vec(),
        forbidden: 0o022,
        why: EVERYBODY.to_owned(),
        make: Some(format!("mkdir -m 0755 {path}")),
        lost: "",
    }
}

fn directory(root: &Root, path: &str, owner: &Owner) -> Expected {
    Expected {
        path: path.to_owned(),
        kind: Kind::Directory,
        owners: vec![owner.clone()],
        forbidden: 0o077,
        why: EVERYBODY.to_owned(),
        make: Some(make(root, path)),
        lost: " If people were enrolled, restore a backup instead: in a new one nobody is, and those to whom the policy \
               leaves it get in without a code.",
    }
}

/// The command that makes a directory of the store. Inside of it the account makes it itself: root, following a link there,
/// would hand over whatever the link names.
fn make(root: &Root, path: &str) -> String {
    match (root.is_machine(), path == STORE) {
        (false, _) => format!("mkdir -m 0700 {path}"),
        (true, true) => format!("install -d -o twostep -g twostep -m 0700 {path}"),
        (true, false) => {
            format!("setpriv --reuid=twostep --regid=twostep --clear-groups mkdir -m 0700 {path}")
        }
    }
}

/// What is wrong with the two files of `uid`, whatever is in them.
pub(crate) fn of_person(context: &Context<'_>, uid: u32) -> Vec<Finding> {
    let root = context.root;
    let Ok(owners) = root.owners() else { return Vec::new() };
    let owner = Owner::store(root, owners.store);
    let paths = [format!("{USERS}/{uid}.toml"), format!("{STATES}/{uid}")];
    paths.iter().flat_map(|path| file(context, path, uid, &owner)).collect()
}

/// The files of one of the two directories, and what else lies there.
fn files(context: &Context<'_>, dir: &str, suffix: &str, owner: &Owner) -> Vec<Finding> {
    let root = context.root;
    let entries = match fs::read_dir(root.path(dir)) {
        Ok(entries) => entries,
        Err(error) => return vec![unforeseen(root, Fault::of(dir, Operation::List, error))],
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let judged = names.flat_map(|name| match uid_in(&name, suffix) {
        Some(uid) => file(context, &format!("{dir}/{name}"), uid, owner),
        None => vec![stray(dir, &name, suffix)],
    });
    judged.collect()
}

/// A uid as we write it: without sign and leading zeros.
fn uid_in(name: &str, suffix: &str) -> Option<u32> {
    let text = name.strip_suffix(suffix)?;
    text.parse().ok().filter(|uid: &u32| uid.to_string() == text)
}

fn file(context: &Context<'_>, path: &str, uid: u32, owner: &Owner) -> Vec<Finding> {
    let expected = Expected {
        path: path.to_owned(),
        kind: Kind::Secret,
        owners: vec![owner.clone()],
        forbidden: 0o077,
        why: String::new(),
        make: None,
        lost: "",
    };
    let mut findings = expected.judge(context);
    if fs::symlink_metadata(context.root.path(path)).is_ok_and(|found| found.len() > LONGEST_FILE) {
        let what = "it is longer than 64 KiB";
        findings.push(odd(
            Id::FilesTooLong,
            path,
            what,
            "",
            "It is not as twostep writes it: restore it from a backup.",
        ));
    }
    // Asking for the name may take time, and is seldom needed.
    let why = || format!("The logins of {} are refused.", People::of(context.root).called(uid));
    findings.into_iter().map(|finding| Finding { why: why(), ..finding }).collect()
}

/// What is not a file of ours: the half of an interrupted replacement, or somebody's copy.
fn stray(dir: &str, name: &str, suffix: &str) -> Finding {
    let path = format!("{dir}/{name}");
    let replaced = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new"));
    if replaced.and_then(|name| uid_in(name, suffix)).is_some() {
        return Finding::warning(
            Id::FilesLeftOver,
            Location::file(&path),
            "left over from a replacement that was broken off",
            "It is ignored, but a secret may be in it.",
            Remedy::Run { command: format!("rm {path}") },
        );
    }
    Finding::warning(
        Id::FilesNotOurs,
        Location::file(&path),
        "this is not a file of twostep's",
        "It is ignored. If it is a copy of a secret file, a secret is in it.",
        Remedy::Advice { text: "Move it away, or delete it.".to_owned() },
    )
}

/// The store says of itself that it cannot be used, for a reason that none of these checks has seen.
fn unforeseen(root: &Root, fault: Fault) -> Finding {
    let fault = fault.with_path(|path| below_root::path(root, &path));
    odd(
        Id::FilesCannotBeRead,
        STORE,
        fault.to_string(),
        EVERYBODY,
        "Mend that, and run 'twostep doctor' again.",
    )
}
