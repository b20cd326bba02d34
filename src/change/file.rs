//! A file of another program, with all that a change of it must keep: owner, mode, extended attributes.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twostep_core::fault::{Fault, FileProblem, Operation};
use xattr::FileExt;

/// No file that is changed is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// What is added to the name of a file for the one that replaces it. Neither libpam nor sshd reads a file of such a name.
const NEW: &str = ".twostep-new";
/// The bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;
/// Attributes that the kernel writes by itself for each new content.
const OF_THE_KERNEL: &str = "security.ima";

/// What a file has beside its content.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Attributes {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// By their names: SELinux contexts, ACLs and others (xattr(7)).
    pub extended: BTreeMap<String, Vec<u8>>,
}

impl Attributes {
    /// Those of a new file that everybody may read, owned by `uid` and `gid`.
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { mode: 0o644, uid, gid, extended: BTreeMap::new() }
    }
}

/// A file as it is on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub attributes: Attributes,
}

/// The SHA-256 of a content, in lower-case hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a file; none if there is none. A link, or what is no regular file, is an error.
pub fn read(path: &Path) -> Result<Option<Content>, Fault> {
    let failed = |operation, error: std::io::Error| Fault::of(path, operation, error);
    let file = match File::options().read(true).custom_flags(libc_flags()).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| failed(Operation::Open, error))?,
    };
    let metadata = file.metadata().map_err(|error| failed(Operation::LookAt, error))?;
    if !metadata.is_file() {
        return Err(Fault::file(path, FileProblem::NotRegular));
    }
    if metadata.nlink() > 1 {
        return Err(Fault::file(path, FileProblem::HardLinks));
    }
    let mut bytes = Vec::new();
    let read = (&file).take(LONGEST.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| failed(Operation::Read, error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(Fault::file(path, FileProblem::TooLong));
    }
    let attributes = Attributes {
        mode: metadata.mode() & PERMISSIONS,
        uid: metadata.uid(),
        gid: metadata.gid(),
        extended: extended(&file).map_err(|error| failed(Operation::LookAt, error))?,
    };
    Ok(Some(Content { bytes, attributes }))
}

/// Replaces the file at once by this content, or creates it. It is on the disk when this returns.
pub fn replace(path: &Path, content: &Content) -> Result<(), Fault> {
    let new = beside(path)?;
    remove_if_there(&new)?;
    let written = write(&new, content)
        .and_then(|()| fs::rename(&new, path).map_err(|error| Fault::of(path, Operation::Replace, error)));
    if written.is_err() {
        // The error that follows says what failed first.
        let _ = fs::remove_file(&new);
    }
    written?;
    flush_folder(path)
}

/// Removes the file, if it is there.
pub fn remove(path: &Path) -> Result<(), Fault> {
    tidy(path)?;
    remove_if_there(path)?;
    flush_folder(path)
}

/// Removes what a crash has left of a file that was to replace this one.
pub fn tidy(path: &Path) -> Result<(), Fault> {
    remove_if_there(&beside(path)?)
}

fn remove_if_there(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Fault::of(path, Operation::Remove, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write(path: &Path, content: &Content) -> Result<(), Fault> {
    let Attributes { mode, uid, gid, extended } = &content.attributes;
    let failed = |operation, error: std::io::Error| Fault::of(path, operation, error);
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| failed(Operation::Create, error))?;
    file.write_all(&content.bytes).map_err(|error| failed(Operation::Write, error))?;
    fchown(&file, Some(*uid), Some(*gid)).map_err(|error| failed(Operation::HandOver, error))?;
    // After the owner, whose change takes set-uid bits away.
    let permissions = Permissions::from_mode(*mode);
    file.set_permissions(permissions).map_err(|error| failed(Operation::HandOver, error))?;
    for (name, value) in extended {
        file.set_xattr(name, value).map_err(|error| failed(Operation::HandOver, error))?;
    }
    file.sync_all().map_err(|error| failed(Operation::Flush, error))
}

fn extended(file: &File) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let names = match file.list_xattr() {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(BTreeMap::new()),
        names => names?,
    };
    let mut extended = BTreeMap::new();
    for name in names.filter_map(|name| name.into_string().ok()).filter(|name| name != OF_THE_KERNEL) {
        if let Some(value) = file.get_xattr(&name)? {
            extended.insert(name, value);
        }
    }
    Ok(extended)
}

/// The file that becomes this one: in the same folder, so that it can be renamed.
fn beside(path: &Path) -> Result<PathBuf, Fault> {
    let name = path.file_name().ok_or_else(|| Fault::file(path, FileProblem::NotRegular))?;
    Ok(path.with_file_name(format!(".{}{NEW}", name.to_string_lossy())))
}

/// Flushes the folder of this file, with the names in it.
fn flush_folder(path: &Path) -> Result<(), Fault> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| Fault::of(folder, Operation::Flush, error))
}

/// A FIFO would keep the process from going on, and a link lead elsewhere.
fn libc_flags() -> i32 {
    use nix::fcntl::OFlag;
    (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("twostep-change-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn keeps_mode_and_attributes() {
        let scratch = Scratch::new("keeps");
        let path = scratch.0.join("sshd");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o4640)).unwrap();
        // A file system without such attributes has none to keep.
        let _ = xattr::set(&path, "user.note", b"kept");
        let old = read(&path).unwrap().unwrap();
        replace(&path, &Content { bytes: b"new".to_vec(), ..old.clone() }).unwrap();
        let new = read(&path).unwrap().unwrap();
        assert_eq!((new.bytes.as_slice(), &new.attributes), (b"new".as_slice(), &old.attributes));
        assert_eq!(new.attributes.mode, 0o4640);
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
        remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn refuses_links_and_what_is_no_file() {
        let scratch = Scratch::new("refuses");
        let (path, link, hard) = (scratch.0.join("a"), scratch.0.join("b"), scratch.0.join("c"));
        fs::write(&path, "x").unwrap();
        symlink(&path, &link).unwrap();
        assert!(read(&link).is_err());
        assert!(read(&scratch.0).is_err());
        fs::hard_link(&path, &hard).unwrap();
        assert_eq!(read(&path), Err(Fault::file(&path, FileProblem::HardLinks)));
    }

    #[test]
    fn starts_again_after_a_crash() {
        let scratch = Scratch::new("again");
        let path = scratch.0.join("sshd");
        fs::write(scratch.0.join(".sshd.twostep-new"), "half").unwrap();
        let content = Content { bytes: b"whole".to_vec(), attributes: Attributes::new(owner(), group()) };
        replace(&path, &content).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    fn owner() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn group() -> u32 {
        nix::unistd::getegid().as_raw()
    }
}
