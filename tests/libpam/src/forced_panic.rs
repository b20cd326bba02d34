//! The module that panics if the answer at the prompt is `panic`.

use std::path::PathBuf;
use std::process::Command;

use crate::workspace;

/// The module with the feature `forced-panic`: `$TWOSTEP_FORCED_PANIC`, or what this builds in a folder of its own.
pub fn module() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "set by tests/linkers for a module that it has built")]
    if let Some(built) = std::env::var_os("TWOSTEP_FORCED_PANIC") {
        return built.into();
    }
    let target = workspace().join("target/forced-panic");
    let options = ["--release", "--offline", "--locked", "--features", "forced-panic"];
    let mut build = Command::new(cargo());
    build.args(["build", "-p", "pam-twostep"]).args(options).arg("--target-dir").arg(&target);
    let output = build.current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("release/libpam_twostep.so")
}

/// The cargo that runs the tests.
pub fn cargo() -> String {
    #[expect(clippy::disallowed_methods, reason = "cargo names itself to what it runs")]
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}
