//! A login that is killed after its code is compared, broken and full disks, and the files that a login writes and opens.
//! sweep.rs injects every fault into every system call.

use std::fs;

use twostep_tests::interpose;
use twostep_tests::pam::*;
use twostep_tests::strace::{self, Traced, trace};
use twostep_tests::{Generator, Login, NOW, State, World};

fn right() -> String {
    Generator::default().at(NOW)
}

fn without_state() -> World {
    let world = World::lenient();
    fs::remove_file(world.state_path("games")).unwrap();
    world
}

fn login(world: &World, answer: &str) -> Login {
    world.followed("games").answer(answer)
}

fn traced(login: &Login) -> Traced {
    let traced = trace(login, &[]);
    assert!(traced.report.code.is_some(), "{:?}", traced.report);
    traced
}

/// Asserts what must hold after a login that ended in any way.
fn assert_consistent(world: &World, report_code: Option<i32>, what: &str) {
    if let Ok(file) = fs::read(world.state_path("games")) {
        assert!(State::parse(&file).is_some(), "{what}: the state does not parse");
    }
    let strays: Vec<_> = fs::read_dir(world.root().join("var/lib/twostep/state")).unwrap().collect();
    assert!(strays.len() <= 1, "{what}: {strays:?}");
    let again = [login(world, &right()).run(), login(world, &right()).run()];
    let successes = again.iter().filter(|outcome| outcome.code == PAM_SUCCESS).count();
    let before = usize::from(report_code == Some(PAM_SUCCESS));
    assert!(successes + before <= 1, "{what}: one code, {successes} + {before} logins");
    let later = NOW + 120;
    let next =
        world.login("games").service("followed").at(later).answer(Generator::default().at(later)).run();
    assert_eq!((next.code, next.field("result")), (PAM_SUCCESS, "grant"), "{what}: {next:#?}");
}

/// Otherwise guesses would be free.
#[test]
fn charges_login_killed_after_code_is_compared() {
    let calls = strace::calls_of_the_module(&traced(&login(&World::lenient(), "000000")).calls);
    let charge = calls.iter().position(|(name, _)| name == "pwrite64").unwrap();
    for (name, count) in &calls[charge + 1..] {
        let world = World::lenient();
        trace(&login(&world, "000000"), &["-e", &format!("inject={name}:signal=KILL:when={count}")]);
        assert_eq!(world.state_of("games").root.codes, 1, "killed at {name} {count}");
    }
}

/// Each kind of call fails from its first occurrence on, as on a disk that stays broken.
#[test]
fn denies_while_disk_is_broken_and_recovers() {
    for name in ["openat", "newfstatat", "fstat", "flock", "pread64", "pwrite64", "fdatasync", "close"] {
        let ours = strace::calls_of_the_module(&traced(&login(&World::lenient(), &right())).calls);
        let Some((_, first)) = ours.iter().find(|(other, _)| other == name) else { continue };
        let world = World::lenient();
        let inject = format!("inject={name}:error=EIO:when={first}+");
        let report = trace(&login(&world, &right()), &["-e", &inject]).report;
        if name != "close" {
            assert_ne!(report.code, Some(PAM_SUCCESS), "{inject}: {report:?}");
        }
        assert_consistent(&world, report.code, &inject);
    }
}

#[test]
fn completes_short_writes() {
    for most in [1, 7, 255, 511] {
        let world = World::lenient();
        interpose::shorten_writes(Some(most));
        let outcome = login(&world, &right()).run();
        interpose::shorten_writes(None);
        assert_eq!(outcome.field("result"), "grant", "{outcome:#?}");
        assert_consistent(&world, Some(outcome.code), &format!("{most} bytes a write"));
    }
}

#[test]
fn denies_when_disk_writes_nothing() {
    for write in [1, 2] {
        let world = World::lenient();
        let inject = format!("inject=pwrite64:retval=0:when={write}");
        let report = trace(&login(&world, &right()), &["-e", &inject]).report;
        assert_eq!(report.code, Some(PAM_AUTHINFO_UNAVAIL), "{inject}: {report:?}");
        assert_consistent(&world, report.code, &inject);
    }
}

fn path_of(call: &str) -> &str {
    let path = call.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    path.map_or("", |(path, _)| path)
}

#[test]
fn flushes_once_and_writes_only_own_state_on_grant() {
    let world = World::lenient();
    // The first login after an enrollment also flushes the folder.
    let earlier = NOW - 300;
    login(&world, &Generator::default().at(earlier)).at(earlier).run().assert_granted();
    let traced = traced(&login(&world, &right()));
    assert_eq!(traced.report.code, Some(PAM_SUCCESS));
    let state = world.state_path("games");
    let named = |name: &str| traced.calls.iter().filter(|call| strace::name(call) == Some(name)).count();
    assert_eq!((named("fdatasync"), named("fsync"), named("sync"), named("sync_file_range")), (1, 0, 0, 0));
    let changing = [
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "mknod",
        "mknodat",
        "truncate",
        "ftruncate",
        "fallocate",
        "chmod",
        "fchmod",
        "fchmodat",
        "chown",
        "fchown",
        "fchownat",
        "utimensat",
        "setxattr",
        "fsetxattr",
        "getdents64",
        "fork",
        "vfork",
        "clone",
        "clone3",
        "execveat",
        "kill",
        "setuid",
        "umask",
        "chdir",
    ];
    for name in changing {
        assert_eq!(named(name), 0, "{name}");
    }
    for call in &traced.calls {
        let writes =
            matches!(strace::name(call), Some("write" | "writev" | "pwrite64" | "pwritev" | "pwritev2"));
        assert!(
            !writes || path_of(call) == state.to_str().unwrap() || path_of(call).starts_with("pipe:"),
            "{call}"
        );
        let opens_for_writing =
            ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TMPFILE", "O_TRUNC"].iter().any(|flag| call.contains(flag));
        assert!(
            !opens_for_writing
                || call.contains(&format!("\"state/{}\", O_RDWR", twostep_tests::uid("games"))),
            "{call}"
        );
        let ours =
            call.contains("twostep-") && strace::name(call) == Some("openat") && call.contains("O_NOFOLLOW");
        assert!(!ours || call.contains("O_CLOEXEC"), "{call}");
    }
}

#[test]
fn opens_no_files_of_other_users() {
    let world = World::lenient();
    world.enroll("mail", twostep_tests::OTHER_SECRET);
    let traced = traced(&login(&world, &right()));
    let other = format!("{}.toml", twostep_tests::uid("mail"));
    assert!(!traced.calls.iter().any(|call| call.contains(&other)));
}

#[test]
fn stores_new_state_before_using_it() {
    let world = without_state();
    let traced = traced(&login(&world, "000000"));
    let position = |what: &str| {
        traced.calls.iter().position(|call| call.starts_with(what)).unwrap_or_else(|| panic!("{what}"))
    };
    let order = ["write(", "fsync(", "linkat(", "pwrite64("].map(position);
    assert!(order.is_sorted(), "{order:?}");
    let folder = traced.calls.iter().rposition(|call| call.starts_with("fsync(")).unwrap();
    assert!(path_of(&traced.calls[folder]).ends_with("/state"), "the folder is flushed");
    assert!(order[2] < folder && folder < order[3], "after the link, before the charge");
}
