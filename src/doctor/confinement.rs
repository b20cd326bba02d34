//! SELinux and AppArmor: whether they may deny sshd, login and sudo access to our files.

use twostep_core::os::label;
use twostep_core::paths::{POLICY_DIR, STORE};
use twostep_hostconf::location::Location;
use twostep_hostconf::tree;

use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::id::Id;

const ENFORCE: &str = "/sys/fs/selinux/enforce";
const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";
/// The programs that load our module.
const HOSTS: [&str; 4] = ["sshd", "login", "sudo", "su"];

/// Checks what is enforced.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    [selinux(context), apparmor(context)].into_iter().flatten().collect()
}

/// Only the types of packaging/selinux are allowed to every program that loads our module.
fn selinux(context: &Context<'_>) -> Option<Finding> {
    let enforcing = tree::text(context.root, ENFORCE)?.trim() == "1";
    let label = label::of(&context.root.path(STORE));
    let kind = label.as_deref().and_then(|label| label.split(':').nth(2));
    let fits = kind.is_some_and(|kind| kind.starts_with("twostep_"));
    (enforcing && !fits).then(|| selinux_label(kind))
}

fn apparmor(context: &Context<'_>) -> Option<Finding> {
    let profiles = tree::text(context.root, PROFILES)?;
    let enforced = profiles.lines().filter_map(|line| line.strip_suffix(" (enforce)"));
    let ours = enforced.filter(|name| HOSTS.contains(&name.rsplit('/').next().unwrap_or(name)));
    let ours: Vec<_> = ours.collect();
    (!ours.is_empty()).then(|| apparmor_profile(&ours))
}

/// `kind` is the type of the store; none if it has no label.
fn selinux_label(kind: Option<&str>) -> Finding {
    let has = kind.map_or_else(|| "no label".to_owned(), |kind| format!("the type {kind}"));
    Finding::warning(
        Id::MachineSelinuxLabel,
        Location::file(STORE),
        format!("SELinux is enforcing, and this has {has}"),
        "sshd may not be allowed to write there. Then every code is refused, and 'ausearch -m avc -ts recent' shows the denial.",
        Remedy::Advice {
            text: format!(
                "Install twostep's SELinux module: semodule -i /usr/share/selinux/packages/twostep.pp && restorecon -RF {POLICY_DIR} \
                 {STORE} /usr/libexec/twostep. It was linked with the policies of Debian and Fedora, but not tested on such a \
                 machine: test a login in a second terminal."
            ),
        },
    )
}

/// `profiles` are those of programs that load our module.
fn apparmor_profile(profiles: &[&str]) -> Finding {
    Finding::warning(
        Id::MachineApparmorProfile,
        Location::file(PROFILES),
        format!("AppArmor enforces a profile for {}", profiles.join(", ")),
        "If the profile does not allow twostep's files, every code is refused there, and 'journalctl -k' has a line with DENIED.",
        Remedy::Advice {
            text: "Write 'include <abstractions/twostep>' into the profile's file in /etc/apparmor.d/local. If users enroll there, \
                   give the profile flags=(mediate_deleted). Then load it again with 'apparmor_parser -r FILE', and again after each \
                   upgrade of twostep. This was not tested on such a machine: test a login in a second terminal."
                .to_owned(),
        },
    )
}
