//! Makes the executables export the functions of `src/interpose.rs`. The module under test then finds them first.

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

/// The build scripts of `tests/properties` and `fuzz` call this too.
pub fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in INTERPOSED {
        // Without an undefined symbol, the linker would not take the definition from the library.
        println!("cargo::rustc-link-arg=-Wl,--undefined={name},--export-dynamic-symbol={name}");
    }
}
