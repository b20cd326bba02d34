//! Makes a running sshd read its settings again.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use twostep_core::os::root::Root;
use twostep_core::paths::PAM_DIR;
use twostep_hostconf::sshd::effective::{self, SshdRefusal};
use twostep_hostconf::sshd::launches::Launches;

/// Each sshd that listens reads its settings again, if one of the changed files is not PAM's. Fails without a signal to any of them if one would refuse its settings: such
/// an sshd would end.
pub fn reload_sshd<'a>(root: &Root, changed: impl IntoIterator<Item = &'a str>) -> Result<(), SshdRefusal> {
    let is_of_sshd = |file: &str| !file.starts_with(PAM_DIR);
    if !root.is_machine() || !changed.into_iter().any(is_of_sshd) {
        return Ok(());
    }
    let launches = Launches::of(root).known;
    for launch in &launches {
        effective::settings(launch).transpose()?;
    }
    for process in launches.iter().flat_map(|launch| &launch.processes) {
        // One that has ended meanwhile reads them when it is started.
        let _ = i32::try_from(process.pid).map(|pid| kill(Pid::from_raw(pid), Signal::SIGHUP));
    }
    Ok(())
}
