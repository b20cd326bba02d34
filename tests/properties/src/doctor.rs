use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use twostep_core::os::root::Root;
use twostep_doctor::examine;
use twostep_tests::{World, plant};

use crate::sections::sections;

/// The files of the parts of the input.
const FILES: [&str; 12] = [
    "etc/pam.d/sshd",
    "etc/ssh/sshd_config",
    "etc/twostep/policy.toml",
    "etc/pam.d/part",
    "etc/ssh/sshd_config.d/10.conf",
    "etc/login.defs",
    "etc/fstab",
    "proc/self/mountinfo",
    "etc/passwd",
    "etc/group",
    "etc/sudoers",
    "root/.ssh/authorized_keys",
];

/// The files of a machine for `twostep doctor`. It ends soon and changes nothing. Each finding can be printed, and names
/// an existing line.
pub fn doctor(bytes: &[u8]) {
    thread_local!(static WORLD: World = world());
    WORLD.with(|world| {
        let parts = sections::<{ FILES.len() }>(bytes);
        for (file, part) in FILES.iter().zip(parts) {
            plant(&world.root().join(file), 0o644, part.unwrap_or_default());
        }
        let before = world.snapshot();
        let began = Instant::now();
        let report = examine(&Root::at(&world.root()).expect("absolute"), || ())
            .unwrap_or_else(|error| panic!("{error:?}"));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(world.snapshot() == before, "doctor changes nothing");
        let json = serde_json::to_value(&report).expect("JSON");
        for finding in json["findings"].as_array().expect("a list") {
            check_place(world, finding);
            check_place(world, &finding["remedy"]);
        }
    });
}

fn world() -> World {
    let world = World::new();
    // A folder instead of the link to the service files of logins.
    fs::remove_file(world.root().join("etc/pam.d")).expect("removed");
    for folder in ["etc/pam.d", "etc/ssh/sshd_config.d", "proc/self", "root/.ssh"] {
        fs::create_dir_all(world.root().join(folder)).expect("made");
    }
    plant(&world.root().join("etc/debian_version"), 0o644, b"12\n");
    world
}

/// The line of a finding is in the file, or is the one after its last line.
fn check_place(world: &World, about: &Value) {
    let (Some(file), Some(line)) = (about["file"].as_str(), about["line"].as_u64()) else { return };
    let text = fs::read(world.root().join(file.trim_start_matches('/'))).unwrap_or_default();
    let lines = text.split(|&byte| byte == b'\n').count() as u64;
    assert!((1..=lines + 1).contains(&line), "{file} has {lines} lines: {about}");
    let through = about["through"].as_u64().unwrap_or(line);
    assert!((line..=lines).contains(&through) || through == line, "{file} has {lines} lines: {about}");
}
