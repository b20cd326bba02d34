//! The helper: it must exist and run as the account `twostep`. `mounts` checks its file system.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use twostep_core::os::root::Root;

use super::expected::{Expected, Kind, Owner, closed, first_of};
use super::findings::{self, Bit, Harm};
use super::store;
use crate::accounts::Accounts;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::helper_path::HELPER;
use crate::mounts;

const ABOVE: [&str; 3] = ["/usr", "/usr/libexec", "/usr/libexec/twostep"];
/// Set-uid, set-gid, and executable by all users.
const NEEDED: u32 = 0o6111;

/// Checks the helper: always on the machine itself, below another root only if the module is installed there.
pub(crate) fn check(context: &Context<'_>, system: &Owner) -> Vec<Finding> {
    let root = context.root;
    let above = |path| Expected {
        harm: Harm::HelperOfOthers,
        make: None,
        ..store::above(path, &[system.clone(), Owner::ROOT])
    };
    let file = Expected { kind: Kind::File, forbidden: 0, owners: Vec::new(), ..above(HELPER) };
    let chain = ABOVE.map(above).into_iter().chain([file]).collect::<Vec<_>>();
    let findings = first_of(context, &chain);
    if !findings.is_empty() {
        return findings;
    }
    let closed = |dir: &&str| {
        closed(root, dir).map(|(is_dir, mode)| findings::helper_closed_to_others(dir, is_dir, mode))
    };
    if let Some(closed) = ABOVE.iter().find_map(closed) {
        return vec![closed];
    }
    let found = match fs::symlink_metadata(root.path(HELPER)) {
        Ok(found) => judge(&found, &HelperOwner::of(context)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            is_installed(root).then(findings::helper_missing)
        }
        Err(_) => None,
    };
    found.into_iter().collect()
}

fn is_installed(root: &Root) -> bool {
    root.is_machine() || !mounts::modules(root).is_empty()
}

/// Only the first finding: its remedy fixes the others, too.
fn judge(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    runs_as_root(found, account)
        .or_else(|| wrong_owner(found, account))
        .or_else(|| open_to_others(found))
        .or_else(|| without_bits(found))
}

fn runs_as_root(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    let bit = root_bit(found).filter(|_| !account.is_root())?;
    Some(findings::helper_runs_as_root(bit, mode(found), account.remedy()))
}

fn wrong_owner(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    // As a package without our maintainer script leaves it.
    let is_harmless = found.uid() == 0 && mode(found) & 0o6022 == 0;
    (!account.owns(found))
        .then(|| findings::helper_wrong_owner(found.uid(), found.gid(), is_harmless, account.remedy()))
}

fn open_to_others(found: &Metadata) -> Option<Finding> {
    (mode(found) & 0o022 != 0).then(|| findings::helper_open_to_others(mode(found), chmod()))
}

fn without_bits(found: &Metadata) -> Option<Finding> {
    let missing = match mode(found) & NEEDED {
        NEEDED => return None,
        bits if bits & 0o4000 == 0 => Bit::SetUid,
        bits if bits & 0o2000 == 0 => Bit::SetGid,
        _ => Bit::Execute,
    };
    Some(findings::helper_without_bits(&missing, mode(found), chmod()))
}

fn chmod() -> String {
    format!("chmod 6755 {HELPER}")
}

fn mode(found: &Metadata) -> u32 {
    found.mode() & 0o7777
}

/// The bit by which it runs as root or with root's group.
fn root_bit(found: &Metadata) -> Option<&'static str> {
    match (found.uid(), found.gid()) {
        (0, _) if found.mode() & 0o4000 != 0 => Some("set-uid"),
        (_, 0) if found.mode() & 0o2000 != 0 => Some("set-gid"),
        _ => None,
    }
}

struct HelperOwner {
    /// The uid and gid of the account; none if it does not exist, which `store_account` reports.
    ids: Option<(u32, u32)>,
    /// The owner of another root, who may own all files below it, if that is not root.
    stand_in: Option<u32>,
    /// As chown takes it.
    name: String,
}

impl HelperOwner {
    fn of(context: &Context<'_>) -> Self {
        let root = context.root;
        let ids = Accounts::of(context).ids("twostep");
        let owner = root.system_owner().ok().filter(|uid| !uid.is_root());
        // Below another root, the account has other ids than on this machine.
        let name = match ids {
            Some((uid, gid)) if !root.is_machine() => format!("{uid}:{gid}"),
            Some(_) | None => "twostep:".to_owned(),
        };
        Self { ids, stand_in: owner.map(|uid| uid.as_raw()), name }
    }

    fn is_root(&self) -> bool {
        self.ids.is_some_and(|(uid, _)| uid == 0)
    }

    fn owns(&self, found: &Metadata) -> bool {
        let is_account = self.ids.is_none_or(|ids| ids == (found.uid(), found.gid()));
        self.is_root() || is_account || self.stand_in == Some(found.uid())
    }

    /// chown clears set-uid and set-gid, so chmod comes last.
    fn remedy(&self) -> Remedy {
        match self.ids {
            Some(_) => {
                Remedy::Run { command: format!("chown -h {0} {HELPER} && chmod 6755 {HELPER}", self.name) }
            }
            None => findings::install_again(),
        }
    }
}
