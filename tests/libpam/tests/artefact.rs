//! The shared object that sshd loads.

use std::process::Command;

use twostep_tests::forced_panic::{self, cargo};
use twostep_tests::pam::*;
use twostep_tests::{Generator, NOW, World, build_dir, workspace};

fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .current_dir(workspace())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into()
}

fn module() -> String {
    build_dir().join("libpam_twostep.so").to_str().unwrap().into()
}

#[test]
fn exports_only_pam_entry_points() {
    let symbols = output("nm", &["-D", "--defined-only", &module()]);
    let mut names: Vec<_> = symbols.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort();
    let expected = [
        "pam_sm_acct_mgmt",
        "pam_sm_authenticate",
        "pam_sm_chauthtok",
        "pam_sm_close_session",
        "pam_sm_open_session",
        "pam_sm_setcred",
    ];
    assert_eq!(names, expected);
}

#[test]
fn has_safe_linker_flags_and_needs_only_known_libraries() {
    let dynamic = output("readelf", &["-d", &module()]);
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(dynamic.contains("BIND_NOW") || dynamic.contains("Flags: NOW"), "{dynamic}");
    assert!(
        !dynamic.contains("RPATH") && !dynamic.contains("RUNPATH") && !dynamic.contains("TEXTREL"),
        "{dynamic}"
    );
    let needed: Vec<_> = dynamic.lines().filter(|line| line.contains("(NEEDED)")).collect();
    let mut known = vec!["libpam.so.0", "libc.so.6", "ld-linux"];
    // On the two processors that src/module/unwind.rs knows, the first panic loads the unwinder. On others it is linked.
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        known.push("libgcc_s.so.1");
    }
    assert!(needed.iter().all(|line| known.iter().any(|name| line.contains(name))), "{needed:#?}");
    let segments = output("readelf", &["-lW", &module()]);
    assert!(segments.contains("GNU_RELRO"), "{segments}");
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("a stack header");
    assert!(!stack.contains("RWE"), "{stack}");
}

#[test]
fn holds_no_symbol_table_or_debug_sections() {
    let sections = output("readelf", &["-SW", &module()]);
    assert!(!sections.contains(".symtab") && !sections.contains(".debug_"), "{sections}");
}

#[test]
fn links_no_argument_parser_terminal_or_network_crate() {
    let tree = output(
        &cargo(),
        &["tree", "--offline", "--locked", "-p", "pam-twostep", "-e", "normal", "--prefix", "none"],
    );
    let crates: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"pam-bindings") && crates.contains(&"totp-rs"), "{tree}");
    let unwanted = [
        "clap",
        "clap_builder",
        "rpassword",
        "syslog",
        "serde_json",
        "tokio",
        "mio",
        "ureq",
        "hyper",
        "reqwest",
        "rustls",
        "native-tls",
        "openssl",
        "socket2",
        "url",
        "time",
        "chrono",
        "hostname",
        "image",
        "rand",
        "log",
        "tracing",
        "etcd-client",
    ];
    let found: Vec<_> = crates.iter().filter(|name| unwanted.contains(name)).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// The login runs in a separate process: if the host dies the test fails, and the test sees all output.
#[test]
fn turns_panic_into_error_code_without_output() {
    let module = forced_panic::module();
    let world = World::default();
    let stack = format!("auth required {} root=ROOT\n", module.display());
    world.service("panic", &stack);
    let report = world.login("games").service("panic").at(NOW).answer("panic").run_apart();
    assert!([PAM_SYSTEM_ERR, PAM_ABORT].contains(&report.code.expect("the host lives")), "{report:?}");
    assert_eq!(report.noise, "");
    let outcome = world.login("games").service("panic").at(NOW).answer("panic").run();
    assert!([PAM_SYSTEM_ERR, PAM_ABORT].contains(&outcome.code), "{outcome:#?}");
    world.login("games").service("panic").at(NOW).answer(Generator::default().at(NOW)).run().assert_granted();
}

#[test]
fn omits_forced_panic_from_shipped_module() {
    let world = World::default();
    world.login("games").at(NOW).answer("panic").run().assert_denied(PAM_AUTH_ERR, "not-a-code");
}
