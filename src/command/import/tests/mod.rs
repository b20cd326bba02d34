//! No file has its secret shown.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

mod arrangement;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use proptest::prelude::*;

use super::{ImportSource, import};
use crate::administrator::Administrator;
use crate::failure::Failure;
use arrangement::arrangements;

#[derive(Parser)]
struct Words {
    #[command(subcommand)]
    source: ImportSource,
}

/// A root directory, and its administrator.
struct Machine {
    folder: PathBuf,
    administrator: Administrator,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("twostep-{name}-{}", std::process::id()));
        for dir in ["etc/twostep", "var/lib/twostep/users", "var/lib/twostep/state"] {
            fs::create_dir_all(folder.join(dir)).unwrap();
        }
        for (dir, mode) in
            [("", 0o755), ("etc", 0o755), ("etc/twostep", 0o755), ("var", 0o755), ("var/lib", 0o755)]
        {
            fs::set_permissions(folder.join(dir), fs::Permissions::from_mode(mode)).unwrap();
        }
        for dir in ["", "users", "state"] {
            fs::set_permissions(folder.join("var/lib/twostep").join(dir), fs::Permissions::from_mode(0o700))
                .unwrap();
        }
        fs::write(folder.join("etc/twostep/policy.toml"), "version = 1\nmode = \"opt-in\"\n").unwrap();
        let administrator = Administrator::new(Some(folder.clone())).unwrap();
        Self { folder, administrator }
    }

    /// A file that its owner alone can read.
    fn file(&self, bytes: &[u8]) -> PathBuf {
        let file = self.folder.join("file");
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// All that the command says of a file, as text and as JSON.
    fn says(&self, source: &str, file: &Path) -> String {
        let words = ["import", source, file.to_str().unwrap(), "--dry-run"];
        let shown = |failure: Failure| format!("{}\n{}", failure.what(), failure.then());
        match import(&self.administrator, &Words::parse_from(words).source) {
            Ok(report) => [false, true].map(|json| report.text(json).unwrap_or_else(shown)).concat(),
            Err(failure) => shown(failure),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// 10,000 files in the three tests together, or as many in each as PROPTEST_CASES says.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = if usual.cases == 256 { 3_400 } else { usual.cases };
    ProptestConfig { cases, failure_persistence: None, ..usual }
}

/// Imports arbitrary files as those of `source`.
fn shows_no_piece_of_key(source: &str) {
    let machine = Machine::new(source);
    proptest!(config(), |(arrangement in arrangements())| {
        let said = machine.says(source, &machine.file(&arrangement.file));
        prop_assert_eq!(arrangement.piece_in(&said), None, "{}", said);
    });
}

#[test]
fn shows_no_piece_of_key_in_file_of_google_authenticator() {
    shows_no_piece_of_key("google-authenticator");
}

#[test]
fn shows_no_piece_of_key_in_file_of_pam_oath() {
    shows_no_piece_of_key("pam-oath");
}

#[test]
fn shows_no_piece_of_key_in_file_of_otpauth_uris() {
    shows_no_piece_of_key("otpauth");
}
