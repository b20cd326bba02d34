//! Files that are not regular, or have a wrong owner or mode: the login is denied at once, the user is never taken for not
//! enrolled, and the file is left unchanged.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use twostep_tests::refusal::Target::{Policy, Secret, State};
use twostep_tests::refusal::{Target, aside, chmod, edit, is_root};
use twostep_tests::{Generator, NOW, World};

fn replace(path: &Path, make: impl Fn(&CString) -> i32) {
    fs::remove_file(path).unwrap();
    assert_eq!(make(&CString::new(path.as_os_str().as_bytes()).unwrap()), 0);
}

#[test]
fn refuses_non_regular_files() {
    for target in Target::ALL {
        target.assert_refused("FIFO", |path| {
            // SAFETY: the path ends with NUL.
            replace(path, |name| unsafe { libc::mkfifo(name.as_ptr(), 0o600) });
        });
        target.assert_refused("directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            chmod(path, 0o700);
        });
        target.assert_refused("socket", |path| {
            fs::remove_file(path).unwrap();
            drop(UnixListener::bind(path).unwrap());
            chmod(path, 0o600);
        });
        target.assert_refused("link to the true file", |path| {
            fs::rename(path, aside(path)).unwrap();
            symlink(aside(path), path).unwrap();
        });
        target.assert_refused("dangling link", |path| {
            fs::remove_file(path).unwrap();
            symlink("/nonexistent/target", path).unwrap();
        });
        target.assert_refused("link to itself", |path| {
            fs::remove_file(path).unwrap();
            symlink(path, path).unwrap();
        });
    }
}

/// The check comes before a read, because reading some devices has side effects.
#[test]
fn names_non_regular_file_in_cause() {
    for target in Target::ALL {
        let world = World::lenient();
        // SAFETY: the path ends with NUL.
        replace(&target.path(&world), |name| unsafe { libc::mkfifo(name.as_ptr(), 0o600) });
        let outcome = world.followed("games").answer(Generator::default().at(NOW)).run();
        assert!(outcome.field("cause").contains("is not a regular file"), "{outcome:#?}");
    }
}

#[test]
fn refuses_device() {
    if !is_root() {
        return; // only root can make devices
    }
    for target in Target::ALL {
        for (minor, name) in [(3, "null"), (5, "zero"), (8, "random")] {
            target.assert_refused(name, |path| {
                // SAFETY: the path ends with NUL.
                replace(path, |name| unsafe {
                    libc::mknod(name.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, minor))
                });
            });
        }
    }
}

#[test]
fn refuses_empty_and_huge_files() {
    for target in Target::ALL {
        target.assert_refused("empty", |path| fs::write(path, "").unwrap());
        target.assert_refused("one byte", |path| fs::write(path, "x").unwrap());
        target.assert_refused("1 GiB", |path| {
            File::options().write(true).open(path).unwrap().set_len(1 << 30).unwrap()
        });
        target.assert_refused("64 KiB and a byte", |path| edit(path, |bytes| bytes.resize(65_537, b'\n')));
    }
}

#[test]
fn refuses_file_writable_by_others() {
    for (target, modes) in [
        (Policy, &[0o666, 0o664, 0o646, 0o622][..]),
        (Secret, &[0o640, 0o620, 0o604, 0o602, 0o644, 0o610, 0o601]),
        (State, &[0o640, 0o620, 0o604, 0o602, 0o644, 0o610, 0o601]),
    ] {
        for &mode in modes {
            target.assert_refused(&format!("{mode:o}"), |path| chmod(path, mode));
        }
    }
}

#[test]
fn refuses_file_of_another_owner() {
    if !is_root() {
        return; // only root can change the owner
    }
    for target in Target::ALL {
        target.assert_refused("of uid 1", |path| chown(path, Some(1), None).unwrap());
    }
}

#[test]
fn refuses_unreadable_file() {
    if is_root() {
        return; // root can read every file
    }
    for target in Target::ALL {
        target.assert_refused("mode 0", |path| chmod(path, 0));
    }
}

#[test]
fn refuses_hard_linked_secret_or_state() {
    for target in [Secret, State] {
        target
            .assert_refused("two links", |path| fs::hard_link(path, path.with_extension("second")).unwrap());
    }
}

#[test]
fn accepts_hard_linked_and_read_only_policy() {
    let world = World::lenient();
    fs::hard_link(world.policy_path(), aside(&world.policy_path())).unwrap();
    chmod(&world.policy_path(), 0o444);
    assert_eq!(world.followed("games").answer(Generator::default().at(NOW)).run().field("result"), "grant");
}
