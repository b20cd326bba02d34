//! Resource limits, signals and stuck logins of others: never a way in, and denied in bounded time.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use twostep_tests::drive::Report;
use twostep_tests::pam::*;
use twostep_tests::{Generator, NOW, SECRET, World, descriptors_of, wait_until};

fn right() -> String {
    Generator::default().at(NOW)
}

/// On a busy machine, a login that waits 5 s for a lock wakes up late.
const LATE: Duration = Duration::from_secs(10);

type Resource = libc::__rlimit_resource_t;

/// Runs `command` with both limits of `resource` at `limit`.
fn limited(mut command: Command, resource: Resource, limit: u64) -> (Report, ExitStatus) {
    let apply = move || {
        let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: the structure is valid during the call.
        match unsafe { libc::setrlimit(resource, &limit) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // A backtrace needs memory too: without this a process that cannot start would hang.
    command.env("RUST_BACKTRACE", "0");
    // SAFETY: setrlimit is async-signal-safe.
    let output = unsafe { command.pre_exec(apply) }.stdin(Stdio::null()).output().unwrap();
    let mut report = Report::parse(&String::from_utf8_lossy(&output.stdout));
    report.noise.push_str(&String::from_utf8_lossy(&output.stderr));
    (report, output.status)
}

#[test]
fn denies_at_file_size_limit_and_keeps_host_alive() {
    for limit in [0, 1, 511, 512, 4096, 4608, 8191] {
        let world = World::default();
        let before = world.snapshot();
        let (report, status) =
            limited(world.login("games").at(NOW).answer(right()).command(), libc::RLIMIT_FSIZE, limit);
        assert_eq!(
            (report.code, report.field("reason")),
            (Some(PAM_AUTHINFO_UNAVAIL), "unavailable"),
            "{limit}: {report:?}"
        );
        assert!(status.success(), "{limit}: {status}");
        assert!(world.snapshot() == before, "{limit}");
        fs::remove_file(world.state_path("games")).unwrap();
        let (report, status) =
            limited(world.login("games").at(NOW).answer(right()).command(), libc::RLIMIT_FSIZE, limit);
        assert_eq!(report.code, Some(PAM_AUTHINFO_UNAVAIL), "{limit}: {report:?}");
        assert!(status.success() && !world.state_path("games").exists(), "{limit}: {status}");
    }
}

#[test]
fn grants_only_by_code_with_too_few_descriptors() {
    let world = World::default();
    world.policy("version = 1\nmode = \"opt-in\"\n");
    world.service("followed", "auth required MODULE root=ROOT\nauth required pam_permit.so\n");
    let mut granted = 0;
    for limit in 3..16 {
        world.enroll("games", SECRET);
        let login = world.login("games").service("followed").at(NOW).answers(vec![right(); 3]);
        let (report, status) = limited(login.command(), libc::RLIMIT_NOFILE, limit);
        assert_ne!(report.field("result"), "exempt", "{limit}: {report:?}");
        if report.code == Some(PAM_SUCCESS) {
            assert_eq!(report.field("result"), "grant", "{limit}: {report:?}");
            granted += 1;
        }
        assert_eq!(status.signal(), None, "{limit}: {status}");
    }
    assert!(granted > 0, "the sweep reached the number that a login needs");
}

/// A process with too little memory may end. A login that is granted has used the code up.
#[test]
fn grants_only_by_code_with_too_little_memory() {
    let world = World::lenient();
    for (resource, step) in [(libc::RLIMIT_AS, 256 << 10), (libc::RLIMIT_DATA, 32 << 10)] {
        let (mut granted, mut refused) = (0, 0);
        for limit in (1..).map(|steps| steps * step) {
            world.enroll("games", SECRET);
            let before = world.state_of("games");
            let (report, status) =
                limited(world.followed("games").answer(right()).command(), resource, limit);
            assert_ne!(report.field("result"), "exempt", "{limit}: {report:?}");
            let after = world.state_of("games");
            if report.code == Some(PAM_SUCCESS) {
                assert_eq!((report.field("result"), after.mark), ("grant", NOW as u64), "{limit}");
                granted += 1;
            } else {
                assert!(!status.success() || report.code.is_some(), "{limit}: {report:?}");
                assert!(after.mark >= before.mark && after.root.codes <= 1, "{limit}: {after:?}");
                (refused, granted) = (refused + 1, 0);
            }
            if granted == 4 {
                break;
            }
            assert!(limit < 64 << 20, "64 MiB are not enough");
        }
        assert!(refused > 4, "the sweep began below the need of a login");
    }
}

#[test]
fn denies_after_five_seconds_of_held_lock() {
    let world = World::default();
    world.enroll("mail", SECRET);
    let file = fs::File::open(world.state_path("games")).unwrap();
    // SAFETY: the descriptor is open; flock takes no pointer.
    assert_eq!(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }, 0);
    let before = world.snapshot();
    let start = Instant::now();
    let outcome = world.login("games").at(NOW).answer(right()).run();
    let took = start.elapsed();
    outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert!((Duration::from_secs(5)..LATE).contains(&took), "{took:?}");
    assert!(world.snapshot() == before);
    let start = Instant::now();
    world.login("mail").at(NOW).answer(right()).run().assert_granted();
    assert!(start.elapsed() < Duration::from_secs(5), "it does not wait for another user's lock");
    drop(file);
    world.login("games").at(NOW).answer(right()).run().assert_granted();
}

#[test]
fn reads_new_state_after_waiting_for_replaced_file() {
    let world = World::default().after_password();
    let path = world.state_path("games");
    let old = fs::File::open(&path).unwrap();
    // SAFETY: the descriptor is open; flock takes no pointer.
    assert_eq!(unsafe { libc::flock(old.as_raw_fd(), libc::LOCK_EX) }, 0);
    let mut disabled = world.state_of("games");
    disabled.root.codes = 20;
    let outcome = thread::scope(|scope| {
        let waiting = scope.spawn(|| world.login("games").at(NOW).answers([right(), right()]).run());
        wait_until("the login opens the state file", || descriptors_of(&path) == 2);
        fs::rename(&path, path.with_extension("old")).unwrap();
        world.state("games", &disabled);
        drop(old);
        waiting.join().unwrap()
    });
    outcome.assert_denied(PAM_MAXTRIES, "disabled");
}

#[test]
fn resumes_login_stopped_while_holding_lock() {
    let world = World::default();
    world.enroll("mail", SECRET);
    let mut stopped = world.login("games").at(NOW).answer(right()).command();
    let stop = libc::SIGSTOP.to_string();
    let child = stopped
        .args(["--signal-at-flush", &stop])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_stopped(child.id());
    let start = Instant::now();
    world.login("games").at(NOW).answer(right()).run().assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
    assert!((Duration::from_secs(5)..LATE).contains(&start.elapsed()), "{:?}", start.elapsed());
    // Nobody else waits for it.
    world.login("mail").at(NOW).answer(right()).run().assert_granted();
    // SAFETY: this process started the child and has not yet waited for it.
    unsafe { libc::kill(child.id() as i32, libc::SIGCONT) };
    let output = child.wait_with_output().unwrap();
    assert_eq!(Report::parse(&String::from_utf8_lossy(&output.stdout)).code, Some(PAM_SUCCESS));
    world.login("games").at(NOW).answer(right()).run().assert_denied(PAM_AUTH_ERR, "replayed");
}

fn wait_until_stopped(pid: u32) {
    let stopped = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ");
    wait_until("the process stops at its flush", stopped);
}

/// A handler without SA_RESTART runs five thousand times a second.
#[test]
fn grants_during_signal_storm() {
    let world = World::default();
    for step in 0..20 {
        let now = NOW + 60 * step;
        let mut login = world.login("games").at(now).answer(Generator::default().at(now)).command();
        let output = login.args(["--storm", ""]).stdin(Stdio::null()).output().unwrap();
        let report = Report::parse(&String::from_utf8_lossy(&output.stdout));
        assert_eq!(report.code, Some(PAM_SUCCESS), "{report:?}");
    }
}
