//! Makes the executables export the functions of `src/interpose.rs`, so that the module under test finds them first.

const INTERPOSED: [&str; 16] = [
    "clock_gettime",
    "gettimeofday",
    "time",
    "pam_syslog",
    "pam_fail_delay",
    "pam_putenv",
    "pam_set_data",
    "pam_get_item",
    "getpwnam_r",
    "getpwuid_r",
    "getgrouplist",
    "getgrnam_r",
    "fdatasync",
    "getrandom",
    "pwrite64",
    "audit_open",
];

/// Also that of the build script of `tests/properties`.
pub fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in INTERPOSED {
        // Undefined at first, or the linker would leave the definition behind in the library.
        println!("cargo::rustc-link-arg=-Wl,--undefined={name},--export-dynamic-symbol={name}");
    }
}
