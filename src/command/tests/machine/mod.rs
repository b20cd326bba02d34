//! A machine in a folder, for the tests that run the command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A root directory with an empty store and the shortest policy.
pub(crate) struct Machine(pub(crate) PathBuf);

impl Machine {
    pub(crate) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("twostep-command-{name}-{}", std::process::id()));
        let dirs = ["etc/twostep", "var/lib/twostep/users", "var/lib/twostep/state"];
        dirs.iter().for_each(|dir| fs::create_dir_all(root.join(dir)).unwrap());
        for dir in ["", "etc", "etc/twostep", "var", "var/lib"] {
            fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for dir in ["", "users", "state"] {
            let dir = root.join("var/lib/twostep").join(dir);
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let machine = Self(root);
        machine.policy("");
        machine
    }

    pub(crate) fn policy(&self, more: &str) {
        let text = format!("version = 1\nmode = \"opt-in\"\n{more}");
        fs::write(self.0.join("etc/twostep/policy.toml"), text).unwrap();
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
        command.arg("--root").arg(&self.0).args(words.split(' '));
        // These tests may run under sudo.
        command.env_remove("SUDO_UID");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command and returns standard output, standard error and the exit status.
    pub(crate) fn run(&self, words: &str) -> String {
        transcript(&self.command(words).output().unwrap())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Standard output, standard error and the exit status.
pub(crate) fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}[{}]", text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}
