//! SELinux and AppArmor: whether they may keep sshd, login and sudo from our files.

use twostep_core::os::label;
use twostep_core::paths::{POLICY_DIR, STORE};
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const ENFORCE: &str = "/sys/fs/selinux/enforce";
const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";
/// The programs in which our module runs.
const HOSTS: [&str; 4] = ["sshd", "login", "sudo", "su"];

/// Looks at what is enforced.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    [selinux(context), apparmor(context)].into_iter().flatten().collect()
}

/// The types of packaging/selinux are the only ones that every program with our module may use.
fn selinux(context: &Context<'_>) -> Option<Finding> {
    let enforcing = tree::text(context.root, ENFORCE)?.trim() == "1";
    let label = label::of(&context.root.path(STORE));
    let kind = label.as_deref().and_then(|label| label.split(':').nth(2));
    let fits = kind.is_some_and(|kind| kind.starts_with("twostep_"));
    let has = kind.map_or_else(|| "no label".to_owned(), |kind| format!("the type {kind}"));
    (enforcing && !fits).then(|| {
        Finding::warning(
            Id::MachineSelinuxLabel,
            Location::file(STORE),
            format!("SELinux is enforcing, and this has {has}"),
            "sshd may not be allowed to write there; then every code is refused, and 'ausearch -m avc -ts recent' says so.",
            Remedy::Advice {
                text: format!("twostep brings a module for SELinux: semodule -i /usr/share/selinux/packages/twostep.pp && restorecon -RF \
                       {POLICY_DIR} {STORE} /usr/libexec/twostep. It was linked with the policies of Debian and Fedora, \
                       and has not run on such a machine; log in from a second terminal to see."),
            },
        )
    })
}

fn apparmor(context: &Context<'_>) -> Option<Finding> {
    let profiles = tree::text(context.root, PROFILES)?;
    let enforced = profiles.lines().filter_map(|line| line.strip_suffix(" (enforce)"));
    let ours = enforced.filter(|name| HOSTS.contains(&name.rsplit('/').next().unwrap_or(name)));
    let ours: Vec<_> = ours.collect();
    (!ours.is_empty()).then(|| {
        Finding::warning(
            Id::MachineApparmorProfile,
            Location::file(PROFILES),
            format!("AppArmor enforces a profile for {}", ours.join(", ")),
            "If it does not allow our files, every code is refused there, and 'journalctl -k' has a line with DENIED.",
            Remedy::Advice {
                text: "twostep brings an abstraction: write 'include <abstractions/twostep>' into the profile's file in \
                       /etc/apparmor.d/local, give the profile flags=(mediate_deleted) if people enroll there, and load it anew \
                       with apparmor_parser -r. We have not run it on such a machine; log in from a second terminal to see."
                    .to_owned(),
            },
        )
    })
}
