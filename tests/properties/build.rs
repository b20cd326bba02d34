//! Makes the executables export the functions that the module under test must find first, as in `tests/libpam`.

#[path = "../libpam/build.rs"]
mod libpam;

fn main() {
    libpam::main();
}
