//! What `twostep enable` has changed on this machine: a change that waits, and services that have lost their lines since.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twostep_core::os::root::Root;
use twostep_core::paths::CHANGES;
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::below_root::on_machine;
use crate::context::{Context, Visibility};
use crate::finding::Finding;
use crate::id::Id;
use crate::stack;

/// The file in the folder of changes about the one that waits.
pub const PENDING: &str = "pending.json";
/// The file there with [`Enabled`].
pub const ENABLED: &str = "enabled.json";
/// Whatever takes a change back looks once a minute.
const PATIENCE: u64 = 180;

/// The PAM services that `twostep enable` made ask for a code, and `disable` did not take back.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Enabled {
    /// Their names.
    pub services: BTreeSet<String>,
}

/// A change that waits to be kept.
#[derive(Deserialize)]
struct Waiting {
    services: Vec<String>,
    /// When it is taken back, in seconds since 1970.
    until: u64,
}

/// Only root may read the folder of changes.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    if context.visibility == Visibility::Public {
        return Vec::new();
    }
    match read::<Waiting>(context.root, PENDING) {
        Some(waiting) => vec![waits(context, &waiting)],
        None => lost(context).iter().map(|service| lines_lost(context.root, service)).collect(),
    }
}

/// The services that asked for a code after `twostep enable`, and ask for none now.
pub fn lost(context: &Context<'_>) -> Vec<String> {
    let enabled: Enabled = read(context.root, ENABLED).unwrap_or_default();
    enabled.services.into_iter().filter(|service| stack::guard(context, service).asks.is_none()).collect()
}

fn waits(context: &Context<'_>, waiting: &Waiting) -> Finding {
    let location = Location::file(path(PENDING));
    let services = waiting.services.join(", ");
    if context.now.seconds() < waiting.until.saturating_add(PATIENCE) {
        return Finding::warning(
            Id::EnableWaits,
            location,
            format!("the change of {services} by 'twostep enable' waits to be kept"),
            "It is taken back when its time is over, and when the machine is restarted.",
            on_machine(context.root, "twostep keep"),
        );
    }
    Finding::problem(
        Id::EnableNotTakenBack,
        location,
        format!("the change of {services} by 'twostep enable' should have been taken back, and was not"),
        "Nobody has proved that people can still log in. If something prevents it, the log has lines with act=revert.",
        on_machine(context.root, "twostep revert"),
    )
}

fn lines_lost(root: &Root, service: &str) -> Finding {
    let finding = Finding::problem(
        Id::EnableLinesLost,
        Location::file(path(ENABLED)),
        format!("{service} asks for no code, though 'twostep enable' made it ask"),
        "Something has replaced its file since: a package, authselect, pam-auth-update, or a restored backup.",
        on_machine(root, format!("twostep enable {service}")),
    );
    finding.about([service])
}

fn read<T: DeserializeOwned>(root: &Root, name: &str) -> Option<T> {
    serde_json::from_str(&tree::text(root, &path(name))?).ok()
}

fn path(name: &str) -> String {
    format!("{CHANGES}/{name}")
}
