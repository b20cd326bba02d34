//! The PAM services that sshd may use on a machine.

use std::collections::BTreeSet;

use twostep_core::os::root::Root;

use super::config::Config;
use super::launches::Launches;

/// All values of `PAMServiceName`, and the names by which sshd is started, which an sshd before OpenSSH 9.8 uses.
pub fn services(root: &Root) -> BTreeSet<String> {
    let mut services = BTreeSet::new();
    for launch in Launches::of(root).known {
        let settings = Config::read(root, &launch).map(|config| config.settings).unwrap_or_default();
        let set = settings.into_iter().filter(|setting| setting.keyword == "pamservicename");
        services.extend(set.map(|setting| setting.value.to_ascii_lowercase()));
        services.insert(launch.name);
    }
    services
}
