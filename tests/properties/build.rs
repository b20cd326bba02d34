//! Makes the executables export what the module under test shall find first, as those of `tests/libpam` do.

#[path = "../libpam/build.rs"]
mod libpam;

fn main() {
    libpam::main();
}
