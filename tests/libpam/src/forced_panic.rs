//! The module that panics if the answer at the prompt is `panic`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace;

/// The module with the feature `forced-panic`, which this builds in a folder of its own.
pub fn module() -> PathBuf {
    let target = workspace().join("target/forced-panic");
    let options = ["--release", "--offline", "--locked", "--features", "forced-panic"];
    let mut build = Command::new(cargo());
    build.args(["build", "-p", "pam-twostep"]).args(options).arg("--target-dir").arg(&target);
    let output = build.current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join(Path::new("release/libpam_twostep.so"))
}

/// The cargo that runs the tests.
pub fn cargo() -> String {
    #[expect(clippy::disallowed_methods, reason = "cargo names itself to what it runs")]
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}
