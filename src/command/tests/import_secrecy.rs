//! `twostep import` shows no secret of a file on any stream. src/command/import/tests does the same with many more files, without a
//! process for each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[path = "../import/tests/arrangement.rs"]
mod arrangement;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use arrangement::arrangements;
use proptest::prelude::*;

const SOURCES: [&str; 3] = ["google-authenticator", "pam-oath", "otpauth"];

#[test]
fn program_shows_no_piece_of_key_on_any_stream() {
    let root = std::env::temp_dir().join(format!("twostep-secrecy-{}", std::process::id()));
    for dir in ["etc/twostep", "var/lib/twostep/users", "var/lib/twostep/state"] {
        fs::create_dir_all(root.join(dir)).unwrap();
        let closed = if dir.starts_with("var") { 0o700 } else { 0o755 };
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(closed)).unwrap();
    }
    fs::set_permissions(root.join("var/lib/twostep"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("etc/twostep/policy.toml"), "version = 1\nmode = \"opt-in\"\n").unwrap();
    let file = root.join("file");
    let says = |source: &str, bytes: &[u8], json: bool| {
        fs::write(&file, bytes).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
        command.env("RUST_BACKTRACE", "1").arg("--root").arg(&root).args(["import", source, "--dry-run"]);
        let output = command.arg(&file).args(json.then_some("--json")).output().unwrap();
        assert!(output.status.code().is_some_and(|status| [0, 1, 3, 4].contains(&status)), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(arrangement in arrangements(), source in 0..SOURCES.len(), json: bool)| {
        let said = says(SOURCES[source], &arrangement.file, json);
        prop_assert_eq!(arrangement.piece_in(&said), None, "{}", said);
    });
    fs::remove_dir_all(root).unwrap();
}
