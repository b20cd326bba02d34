//! Makes the executables export the functions that the module under test must find first, as in `tests/libpam`, and the
//! symbols that its instrumentation needs.

#[path = "../tests/libpam/build.rs"]
mod libpam;

fn main() {
    libpam::main();
    println!("cargo::rustc-link-arg=-rdynamic");
}
