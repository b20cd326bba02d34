//! `twostep policy check` on whole files: beside each `tests/policies/NAME.toml` is the expected output with the exit status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

fn folder(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.ancestors().nth(2).unwrap().join(name)
}

fn check(dir: &PathBuf, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
    command.current_dir(dir).args(["policy", "check"]).args(arguments).output().unwrap()
}

fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}{}[{}]\n", text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

fn names(dir: &PathBuf) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    names.sort();
    names
}

/// With the variable WRITE_EXPECTED, the output is written. Read it before you commit it.
#[test]
fn each_file_gets_what_stands_beside_it() {
    let dir = folder("tests/policies");
    let names = names(&dir);
    assert!(names.len() >= 40);
    for name in names {
        let said = transcript(&check(&dir, &[&name]));
        let beside = dir.join(name.replace(".toml", ".expected"));
        if std::env::var_os("WRITE_EXPECTED").is_some() {
            fs::write(&beside, &said).unwrap();
        }
        assert_eq!(said, fs::read_to_string(&beside).unwrap_or_default(), "{name}");
        let is_good = ["good-", "warn-", "note-"].iter().any(|prefix| name.starts_with(prefix));
        assert_eq!(said.ends_with("[0]\n"), is_good, "{name}");
    }
}

#[test]
fn finds_no_error_in_presets() {
    let dir = folder("docs/presets");
    for name in names(&dir) {
        assert_eq!(transcript(&check(&dir, &[&name])), "No errors, no warnings.\n[0]\n", "{name}");
    }
    assert_eq!(names(&dir), ["mandatory.toml", "nist-aal2.toml", "opt-in.toml", "pci-dss.toml"]);
}

#[test]
fn prints_same_as_json() {
    let output = check(&folder("tests/policies"), &["--json", "every-table-has-one.toml"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["errors"].as_u64(), json["warnings"].as_u64()), (Some(6), Some(0)));
    let first = &json["diagnostics"][0];
    assert_eq!((first["line"].as_u64(), first["column"].as_u64()), (Some(1), Some(11)));
    assert_eq!(first["severity"].as_str(), Some("error"));
}

/// The processor time of a child that has ended and was not waited for, which does not depend on how busy the machine is. The
/// kernel counts it in ticks of 10 ms (proc_pid_stat(5)).
fn processor_time(child: &Child) -> Duration {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>();
    Duration::from_millis(ticks.saturating_mul(10))
}

#[test]
fn refuses_hostile_files_at_once() {
    let dir = std::env::temp_dir().join(format!("twostep-policies-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let million = |text: &str| text.repeat(1_000_000).into_bytes();
    let sixty_kib = |text: &str| text.repeat(60_000 / text.len()).into_bytes();
    let hostile = [
        ("ten megabytes", b"# ten letters\n".repeat(750_000)),
        ("a million brackets", [b"a = ".to_vec(), million("[")].concat()),
        ("a million tables", million("[a]\n")),
        ("sixty thousand brackets", [b"a = ".to_vec(), sixty_kib("[")].concat()),
        ("sixty thousand braces", [b"a = ".to_vec(), sixty_kib("{a=")].concat()),
        ("thirty thousand dots", sixty_kib("a.")),
        ("six thousand rules", sixty_kib("[[rule]]\n")),
        ("six thousand keys", (0..6000).flat_map(|key| format!("a{key} = 1\n").into_bytes()).collect()),
        ("sixty thousand zeros", vec![0; 60_000]),
        ("UTF-16", "version = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (what, bytes) in hostile {
        fs::write(dir.join("policy.toml"), bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
        command.current_dir(&dir).args(["policy", "check", "policy.toml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let took = processor_time(&child);
        assert_eq!(child.wait().unwrap().code(), Some(1), "{what}");
        assert!(took <= Duration::from_millis(100), "{what}: {took:?}");
    }
    fs::remove_dir_all(&dir).unwrap();
}
