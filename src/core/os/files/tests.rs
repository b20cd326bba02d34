use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A directory of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twostep-files-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    fn open(&self) -> Result<Dir, Fault> {
        Dir::open(self.0.clone(), nix::unistd::geteuid(), Privacy::Secret)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn content(dir: &Dir, name: &str) -> Option<Vec<u8>> {
    let file = dir.open_file(name, Access::Read).unwrap()?;
    Some(read(&file, Path::new(name)).unwrap().to_vec())
}

#[test]
fn creates_file_once_whole_and_private() {
    let scratch = Scratch::new("create");
    let dir = scratch.open().unwrap();
    assert_eq!(content(&dir, "a"), None);
    assert!(dir.create("a", b"one").unwrap());
    assert!(!dir.create("a", b"two").unwrap());
    assert_eq!(content(&dir, "a").unwrap(), b"one");
    assert_eq!(fs::metadata(scratch.0.join("a")).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(dir.names().unwrap(), ["a"]);
}

#[test]
fn replaces_file_whole_and_leaves_nothing_else() {
    let scratch = Scratch::new("replace");
    let dir = scratch.open().unwrap();
    fs::write(scratch.0.join(".a.new"), "left by a crash").unwrap();
    dir.replace("a", b"one").unwrap();
    dir.replace("a", b"two").unwrap();
    assert_eq!(content(&dir, "a").unwrap(), b"two");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
    fs::write(scratch.0.join(".a.new"), "left by a crash").unwrap();
    assert!(dir.remove("a").unwrap());
    assert!(!dir.remove("a").unwrap());
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[test]
fn reports_no_missing_file_in_removed_directory() {
    let scratch = Scratch::new("removed");
    let dir = scratch.open().unwrap();
    fs::remove_dir(&scratch.0).unwrap();
    assert!(dir.open_file("a", Access::Read).err().unwrap().to_string().ends_with(" was removed"));
}

#[test]
fn sets_mode_of_new_file_despite_umask_of_host() {
    let scratch = Scratch::new("umask");
    let (dir, path) = (scratch.open().unwrap(), scratch.0.join("a"));
    for widened_or_narrowed in [0o666, 0o200] {
        let file = File::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(widened_or_narrowed)).unwrap();
        dir.hand_over(&file.into(), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn tells_missing_o_tmpfile_from_a_full_file_system() {
    let scratch = Scratch::new("tmpfile");
    let dir = scratch.open().unwrap();
    for error in [Errno::EOPNOTSUPP, Errno::EISDIR] {
        assert!(dir.uncreated("a", error).to_string().contains("lacks O_TMPFILE"), "{error}");
    }
    let fault = dir.uncreated("a", Errno::ENOSPC);
    assert!(fault.to_string().contains("/a: cannot be created: No space left"), "{fault}");
}

#[test]
fn notices_replaced_file() {
    let scratch = Scratch::new("names");
    let dir = scratch.open().unwrap();
    dir.replace("a", b"one").unwrap();
    let file = dir.open_file("a", Access::Write).unwrap().unwrap();
    assert!(dir.still_names("a", &file).unwrap());
    dir.replace("a", b"two").unwrap();
    assert!(!dir.still_names("a", &file).unwrap());
    dir.remove("a").unwrap();
    assert!(!dir.still_names("a", &file).unwrap());
}

#[test]
fn refuses_all_but_private_regular_files_of_one_name() {
    let scratch = Scratch::new("odd");
    let dir = scratch.open().unwrap();
    let at = |name: &str| scratch.0.join(name);
    let with_mode = |name: &str, mode| {
        fs::write(at(name), "x").unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    with_mode("fine", 0o600);
    for (name, mode) in [("group", 0o640), ("others", 0o604), ("write", 0o620)] {
        with_mode(name, mode);
    }
    with_mode("linked", 0o600);
    fs::hard_link(at("linked"), at("link")).unwrap();
    symlink("fine", at("symlink")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    nix::unistd::mkfifo(&at("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::File::create(at("long")).unwrap().set_len(LONGEST_FILE + 1).unwrap();
    fs::set_permissions(at("long"), fs::Permissions::from_mode(0o600)).unwrap();

    assert!(dir.open_file("fine", Access::Read).unwrap().is_some());
    for name in
        ["group", "others", "write", "linked", "link", "symlink", "dangling", "directory", "fifo", "long"]
    {
        let fault = dir.open_file(name, Access::Read).err().unwrap_or_else(|| panic!("{name} was opened"));
        assert!(fault.to_string().contains(name), "{fault}");
    }
}

#[test]
fn refuses_directory_that_others_can_use() {
    let scratch = Scratch::new("modes");
    for mode in [0o750, 0o705, 0o701, 0o770] {
        fs::set_permissions(&scratch.0, fs::Permissions::from_mode(mode)).unwrap();
        assert!(scratch.open().is_err(), "{mode:o}");
    }
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o722)).unwrap();
    assert!(check_above(std::slice::from_ref(&scratch.0), nix::unistd::geteuid()).is_err());
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(check_above(std::slice::from_ref(&scratch.0), nix::unistd::geteuid()).is_ok());
    assert!(check_dir(&scratch.0, nix::unistd::geteuid(), Privacy::Secret).is_err());
    assert!(check_dir(&scratch.0, nix::unistd::geteuid(), Privacy::Public).is_ok());
}

#[test]
fn refuses_link_to_directory() {
    let scratch = Scratch::new("link");
    let (target, link) = (scratch.0.join("target"), scratch.0.join("link"));
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&target, &link).unwrap();
    let open = |path: &Path| Dir::open(path.to_owned(), nix::unistd::geteuid(), Privacy::Secret);
    assert!(open(&target).is_ok());
    assert!(open(&link).is_err());
}

#[test]
fn refuses_file_of_another_owner() {
    let scratch = Scratch::new("owner");
    let stranger = Uid::from_raw(nix::unistd::geteuid().as_raw() ^ 1);
    let fault = Dir::open(scratch.0.clone(), stranger, Privacy::Secret).err().unwrap();
    assert!(fault.to_string().contains("belongs to uid"), "{fault}");
}
