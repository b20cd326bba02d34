//! `twostep`, the program.

use std::process::ExitCode;

use twostep_core::os::WipingAllocator;

/// Secrets and codes pass through this process.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

fn main() -> ExitCode {
    twostep::run()
}
