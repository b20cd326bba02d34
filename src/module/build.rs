//! The link flags of the module.

fn main() {
    // Without this flag, Rust's thread-local destructors would be called after libpam's dlclose, and crash a threaded
    // host.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
