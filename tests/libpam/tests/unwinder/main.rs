//! The module loads libgcc_s at its first panic. The host here is a program in C that does not load it first, as sshd and
//! sudo do not; a program in Rust, such as the other tests, always has it in memory.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use twostep_tests::pam::PAM_SYSTEM_ERR;
use twostep_tests::{Temp, World, forced_panic, workspace};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const LOST: &str =
    "log 3 PAM pam_twostep: result=error cause=\"libgcc_s.so.1 cannot be loaded; a panic ends this program\"";

struct Host {
    temp: Temp,
    world: World,
}

#[derive(Debug)]
struct Ending {
    status: ExitStatus,
    lines: Vec<String>,
    noise: String,
}

impl Host {
    fn new() -> Self {
        let host = Self { temp: Temp::new(), world: World::default() };
        let compiled = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-rdynamic", "-pthread", "-o"])
            .arg(host.program())
            .arg(workspace().join("tests/libpam/tests/unwinder/host.c"))
            .arg("-lpam")
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let stack = format!("auth required {} root=ROOT\n", forced_panic::module().display());
        host.world.service("panic", &stack).service("other", "auth required pam_deny.so\n");
        host
    }

    fn program(&self) -> PathBuf {
        self.temp.join("host")
    }

    /// Logs in as each of `threads`, which do `act` at the prompt.
    fn log_in(&self, answer: &str, act: &str, threads: usize) -> Ending {
        let mut command = Command::new(self.program());
        command.arg(self.world.confdir()).args(["panic", "games", answer, act, &threads.to_string()]);
        let output = command.env_remove("LD_LIBRARY_PATH").env_remove("LD_PRELOAD").output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        Ending {
            status: output.status,
            lines: printed.lines().map(str::to_owned).collect(),
            noise: String::from_utf8_lossy(&output.stderr).into(),
        }
    }
}

#[test]
fn catches_panics_of_threads_that_load_unwinder_together() {
    let host = Host::new();
    for threads in [1, 16] {
        let ending = host.log_in("panic", "nothing", threads);
        assert!(ending.status.success() && ending.noise.is_empty(), "{ending:?}");
        assert_eq!(ending.lines, vec![format!("code {PAM_SYSTEM_ERR}"); threads]);
    }
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))] // elsewhere ld.so loads it with the module
fn aborts_after_log_line_if_unwinder_cannot_be_loaded() {
    let host = Host::new();
    for act in ["no-descriptor", "no-memory", "chroot"] {
        let ending = host.log_in("panic", act, 1);
        assert_eq!(ending.status.signal(), Some(libc::SIGABRT), "{act}: {ending:?}");
        assert_eq!((ending.lines, ending.noise), (vec![LOST.to_owned()], String::new()), "{act}");
    }
}

/// The unwinder then calls the module without a panic. It finds the module's catch, and libc ends the process.
#[test]
fn ends_process_whose_thread_is_cancelled_at_prompt() {
    let ending = Host::new().log_in("123456", "cancel", 1);
    assert_eq!(ending.status.signal(), Some(libc::SIGABRT), "{ending:?}");
    assert!(ending.lines.is_empty(), "{ending:?}");
    assert_eq!(ending.noise, "FATAL: exception not rethrown\n");
}
