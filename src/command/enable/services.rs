//! The services that a change is about, and who could prove that it works.

use std::collections::{BTreeMap, BTreeSet};

use twostep_core::manage::act::Target;
use twostep_core::os::root::Root;
use twostep_doctor::draft::{FirstFactor, first_factor_of, partners};
use twostep_doctor::is_shared;
use twostep_hostconf::become_root::may_become_root;
use twostep_hostconf::sshd::config::Config;
use twostep_hostconf::sshd::launches::Launches;
use twostep_hostconf::sshd::services::services as sshd_services;
use twostep_hostconf::sshd::view::View;

use crate::administrator::Administrator;
use crate::failure::Failure;
use crate::words::enable as words;

/// The service whose name also stands for the others that sshd uses.
pub(super) const SSHD: &str = "sshd";

/// These services, each once. Fails for a file that other services include.
pub(super) fn checked(services: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(shared) = services.iter().find(|service| is_shared(service)) {
        return Err(Failure::refused(words::shared(shared), words::SHARED_THEN));
    }
    let mut seen = BTreeSet::new();
    Ok(services.iter().filter(|service| seen.insert(service.as_str())).cloned().collect())
}

/// What comes before the code: as said, as it is now, or what sshd takes now.
pub(super) fn first_factor(
    root: &Root,
    services: &[String],
    said: Option<FirstFactor>,
) -> Result<FirstFactor, Failure> {
    if !services.iter().any(|service| service == SSHD) {
        return match said {
            Some(_) => Err(Failure::of(Failure::USAGE, words::FOR_IS_FOR_SSHD, "")),
            None => Ok(FirstFactor::Password),
        };
    }
    Ok(said.or_else(|| first_factor_of(root, SSHD)).unwrap_or_else(|| taken_by_sshd(root)))
}

/// What any sshd takes now.
fn taken_by_sshd(root: &Root) -> FirstFactor {
    let configs = Launches::of(root).known;
    let configs: Vec<Config> = configs.iter().filter_map(|launch| Config::read(root, launch)).collect();
    let nothing_said = BTreeMap::new();
    let takes =
        |keyword: &str| configs.iter().any(|config| View::of_everybody(config, &nothing_said).is_on(keyword));
    let asks = takes("passwordauthentication") || takes("kbdinteractiveauthentication");
    match (takes("pubkeyauthentication"), asks) {
        (true, false) => FirstFactor::Key,
        (false, true) => FirstFactor::Password,
        (true, true) | (false, false) => FirstFactor::KeyOrPassword,
    }
}

/// The uids of users who may become root, and have a second step.
pub(super) fn who_may_become_root(administrator: &Administrator) -> Result<Vec<u32>, Failure> {
    let store = administrator.store()?;
    let (uids, _) = store.uids()?;
    let mut found = Vec::new();
    for uid in uids {
        let is_enrolled = store.snapshot(uid).credential.is_ok_and(|credential| credential.is_some());
        if is_enrolled && is_administrator(administrator, uid) {
            found.push(uid);
        }
    }
    Ok(found)
}

/// Whether the account of this uid exists, and may become root.
pub(super) fn is_administrator(administrator: &Administrator, uid: u32) -> bool {
    let target = Target::of(uid, administrator.names()).ok();
    target.is_some_and(|target| target.account.is_some() && may_become_root(uid, &target.name()))
}

/// The PAM services of sshd, by any name.
pub(super) fn of_sshd(root: &Root) -> BTreeSet<String> {
    as_pam_names(root, SSHD)
}

/// All PAM services of the programs to which these belong: sshd's by any name, and `sudo-i` with `sudo`.
pub(super) fn with_those_of_program(root: &Root, services: &[String]) -> BTreeSet<String> {
    let partners = services.iter().flat_map(|service| partners(service)).map(str::to_owned);
    services.iter().flat_map(|service| as_pam_names(root, service)).chain(partners).collect()
}

/// The PAM services in which a login by `service` shows in the store.
pub(super) fn as_pam_names(root: &Root, service: &str) -> BTreeSet<String> {
    let others = if service == SSHD { sshd_services(root) } else { BTreeSet::new() };
    others.into_iter().chain([service.to_owned()]).collect()
}
