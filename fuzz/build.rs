//! Makes the executables export what the module under test shall find first, as those of `tests/libpam` do, and what its
//! instrumentation needs.

#[path = "../tests/libpam/build.rs"]
mod libpam;

fn main() {
    libpam::main();
    println!("cargo::rustc-link-arg=-rdynamic");
}
