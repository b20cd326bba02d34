//! The helper: that it is there, runs as the account, and as nobody else. Mounts are another check's matter.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use twostep_core::os::root::Root;
use twostep_hostconf::location::Location;

use super::expected::{Expected, Kind, Owner, closed, first_of};
use super::store;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::helper_path::{HELPER, WHO_NEEDS_IT};
use crate::id::Id;
use crate::mounts;
use crate::people::People;

/// The directories above it.
const ABOVE: [&str; 3] = ["/usr", "/usr/libexec", "/usr/libexec/twostep"];
/// What follows where somebody else can change it.
const WHY_ALONE: &str = "Everybody starts the helper, and it reads all secrets: whoever may change this can let in whom they like. If somebody \
                         may have done so, install twostep again.";
/// Set-uid and set-gid, and to be started by everybody.
const NEEDED: u32 = 0o6111;
const AGAIN: &str = "Install twostep again.";

/// Checks the helper: on a machine always, below another root if the module is installed there.
pub(crate) fn check(context: &Context<'_>, system: &Owner) -> Vec<Finding> {
    let root = context.root;
    let above = |path| Expected {
        why: WHY_ALONE.to_owned(),
        make: None,
        ..store::above(path, &[system.clone(), Owner::ROOT])
    };
    let file = Expected { kind: Kind::File, forbidden: 0, owners: Vec::new(), ..above(HELPER) };
    let chain = ABOVE.map(above).into_iter().chain([file]).collect::<Vec<_>>();
    let findings = first_of(context, &chain);
    if !findings.is_empty() {
        return findings;
    }
    if let Some(closed) = ABOVE.iter().find_map(|dir| closed(root, dir, WHO_NEEDS_IT)) {
        return vec![closed];
    }
    let found = match fs::symlink_metadata(root.path(HELPER)) {
        Ok(found) => judge(&found, &HelperOwner::of(root)),
        Err(error) if error.kind() == ErrorKind::NotFound => is_installed(root).then(missing),
        Err(_) => None,
    };
    found.into_iter().collect()
}

fn is_installed(root: &Root) -> bool {
    root.is_machine() || !mounts::modules(root).is_empty()
}

fn missing() -> Finding {
    let remedy = Remedy::Advice { text: AGAIN.to_owned() };
    Finding::warning(Id::HelperMissing, Location::file(HELPER), "the helper is missing", WHO_NEEDS_IT, remedy)
}

/// Only the first finding is told: what mends it mends what follows.
fn judge(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    runs_as_root(found, account)
        .or_else(|| of_somebody(found, account))
        .or_else(|| for_others_to_change(found))
        .or_else(|| not_as_the_account(found))
}

fn runs_as_root(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    let bit = root_bit(found).filter(|_| !account.is_root())?;
    let what = format!("it is {bit} to root (mode {:04o})", mode(found));
    let why = "Whoever starts it runs it as root, for which it is not made: a mistake in it would make everybody root.";
    Some(Finding::problem(Id::HelperRunsAsRoot, Location::file(HELPER), what, why, account.remedy()))
}

fn of_somebody(found: &Metadata, account: &HelperOwner) -> Option<Finding> {
    let what = format!("it belongs to {}:{}, not to the account twostep", found.uid(), found.gid());
    // As a package leaves it in which nobody has set owner and mode: it does no harm, and no good.
    let idle = found.uid() == 0 && mode(found) & 0o6022 == 0;
    let (finding, why): (fn(_, _, _, _, _) -> _, _) = if idle {
        (Finding::warning, WHO_NEEDS_IT.to_owned())
    } else {
        let why = "It runs with the rights of somebody else, or they can change it.";
        (Finding::problem, format!("{why} {WHO_NEEDS_IT}"))
    };
    (!account.owns(found))
        .then(|| finding(Id::FilesWrongOwner, Location::file(HELPER), what, why, account.remedy()))
}

fn for_others_to_change(found: &Metadata) -> Option<Finding> {
    let what = format!("its group or others can change it (mode {:04o})", mode(found));
    (mode(found) & 0o022 != 0)
        .then(|| Finding::problem(Id::FilesOpenToOthers, Location::file(HELPER), what, WHY_ALONE, chmod()))
}

fn not_as_the_account(found: &Metadata) -> Option<Finding> {
    let (what, why) = match mode(found) & NEEDED {
        NEEDED => return None,
        bits if bits & 0o4000 == 0 => ("it is not set-uid", WHO_NEEDS_IT),
        bits if bits & 0o2000 == 0 => ("it is not set-gid", "It keeps the group of whoever starts it."),
        _ => ("not everybody can start it", WHO_NEEDS_IT),
    };
    let what = format!("{what} (mode {:04o})", mode(found));
    Some(Finding::warning(Id::HelperWithoutBits, Location::file(HELPER), what, why, chmod()))
}

fn mode(found: &Metadata) -> u32 {
    found.mode() & 0o7777
}

fn chmod() -> Remedy {
    Remedy::Run { command: format!("chmod 6755 {HELPER}") }
}

/// By which bit it runs with an id of root's.
fn root_bit(found: &Metadata) -> Option<&'static str> {
    match (found.uid(), found.gid()) {
        (0, _) if found.mode() & 0o4000 != 0 => Some("set-uid"),
        (_, 0) if found.mode() & 0o2000 != 0 => Some("set-gid"),
        _ => None,
    }
}

/// Whose it must be.
struct HelperOwner {
    /// The uid and gid of the account; none if there is no such account, which another check tells.
    ids: Option<(u32, u32)>,
    /// Who stands for everybody below another root, if that is not root.
    stand_in: Option<u32>,
    /// As chown takes it.
    name: String,
}

impl HelperOwner {
    fn of(root: &Root) -> Self {
        let ids = People::of(root).ids("twostep");
        let owner = root.system_owner().ok().filter(|uid| !uid.is_root());
        // Below another root this machine's account is the wrong one.
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

    /// chown takes the bits away, so chmod comes last.
    fn remedy(&self) -> Remedy {
        match self.ids {
            Some(_) => {
                Remedy::Run { command: format!("chown -h {0} {HELPER} && chmod 6755 {HELPER}", self.name) }
            }
            None => Remedy::Advice { text: AGAIN.to_owned() },
        }
    }
}
