//! The link flags of the module.

use std::env::var;

fn main() {
    // Without this flag, Rust's thread-local destructors would be called after libpam's dlclose, and crash a threaded
    // host.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // ld.so writes to each page of the module's data. Without this flag lld begins the data in the middle of a page, and
    // spreads them over two pages more. GNU ld does not know the flag, and ignores it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,separate-loadable-segments");
    println!("cargo:rustc-check-cfg=cfg(loads_unwinder)");
    if ["x86_64", "aarch64"].contains(&&*target("ARCH"))
        && (&*target("OS"), &*target("ENV"), &*target("POINTER_WIDTH")) == ("linux", "gnu", "64")
    {
        println!("cargo:rustc-cfg=loads_unwinder"); // unwind.rs
        // No code of C's own start files is needed. They have five more symbols for ld.so to look up at each load.
        println!("cargo:rustc-cdylib-link-arg=-nostartfiles");
    }
    println!("cargo:rerun-if-changed=build.rs");
}

#[expect(clippy::disallowed_methods, reason = "cargo describes the target in the environment")]
fn target(property: &str) -> String {
    var(format!("CARGO_CFG_TARGET_{property}")).unwrap_or_default()
}
