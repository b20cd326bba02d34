//! Folders that are missing, open to others or not folders: the login is denied, and the user never taken for not enrolled.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use twostep_tests::pam::*;
use twostep_tests::refusal::{aside, chmod, is_root};
use twostep_tests::{Generator, NOW, World};

fn right() -> String {
    Generator::default().at(NOW)
}

const FOLDERS: [(&str, i32); 7] = [
    ("etc", PAM_SERVICE_ERR),
    ("etc/twostep", PAM_SERVICE_ERR),
    ("var", PAM_AUTHINFO_UNAVAIL),
    ("var/lib", PAM_AUTHINFO_UNAVAIL),
    ("var/lib/twostep", PAM_AUTHINFO_UNAVAIL),
    ("var/lib/twostep/users", PAM_AUTHINFO_UNAVAIL),
    ("var/lib/twostep/state", PAM_AUTHINFO_UNAVAIL),
];

#[test]
fn refuses_login_with_missing_folder() {
    for path in ["var", "var/lib", "var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state"] {
        for user in ["games", "mail"] {
            let world = World::lenient();
            fs::remove_dir_all(world.root().join(path)).unwrap();
            let outcome = world.login(user).service("followed").at(NOW).answer(right()).run();
            outcome.assert_denied(PAM_AUTHINFO_UNAVAIL, "unavailable");
        }
    }
    for path in ["etc", "etc/twostep", "etc/twostep/policy.toml"] {
        let world = World::lenient();
        let path = world.root().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        world.assert_refused_at_once(PAM_SERVICE_ERR, "no policy");
    }
    let world = World::lenient();
    fs::remove_dir_all(world.root()).unwrap();
    assert_eq!(world.followed("games").answer(right()).run().code, PAM_SERVICE_ERR);
}

#[test]
fn refuses_folder_writable_by_others() {
    for (path, code) in FOLDERS {
        for mode in [0o770, 0o775, 0o757, 0o777, 0o1777] {
            let world = World::lenient();
            chmod(&world.root().join(path), mode);
            world.assert_refused_at_once(code, &format!("{path} {mode:o}"));
        }
    }
}

#[test]
fn refuses_private_folder_readable_by_others() {
    for path in ["var/lib/twostep", "var/lib/twostep/users", "var/lib/twostep/state"] {
        for mode in [0o750, 0o705, 0o710, 0o701, 0o755] {
            let world = World::lenient();
            chmod(&world.root().join(path), mode);
            world.assert_refused_at_once(PAM_AUTHINFO_UNAVAIL, &format!("{path} {mode:o}"));
        }
    }
}

#[test]
fn refuses_symlink_instead_of_folder() {
    for (path, code) in FOLDERS {
        let world = World::lenient();
        let path = world.root().join(path);
        fs::rename(&path, aside(&path)).unwrap();
        symlink(aside(&path), &path).unwrap();
        world.assert_refused_at_once(code, &path.display().to_string());
    }
}

#[test]
fn refuses_folder_of_another_owner() {
    if !is_root() {
        return; // only root can change the owner
    }
    for (path, code) in FOLDERS {
        let world = World::lenient();
        chown(world.root().join(path), Some(1), None).unwrap();
        world.assert_refused_at_once(code, path);
    }
}

#[test]
fn never_uses_user_name_as_path() {
    let world = World::default();
    for user in ["../../etc/twostep/policy", "..", ".", "/", "games/../games", "0", "5"] {
        let before = world.snapshot();
        let outcome = world.login(user).at(NOW).answer(right()).run();
        outcome.assert_denied(PAM_AUTH_ERR, "unknown-user");
        assert!(world.snapshot() == before, "{user}");
    }
}
