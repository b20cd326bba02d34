//! Puts changed files in place, as mounts over the present ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, DirEntry, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use twostep_core::os::root::Root;
use twostep_hostconf::tree;
use twostep_rehearse::Request;

use crate::failure::{Failure, at};
use crate::namespace::{Scratch, bind, write};

/// One file that is changed.
pub(crate) struct Change<'a> {
    pub path: &'a str,
    /// Its new bytes; none if it is removed.
    pub bytes: Option<Vec<u8>>,
}

/// The changes that a request asks for.
pub(crate) fn changes_of(request: &Request) -> Vec<Change<'_>> {
    let written = request.files.iter();
    let written =
        written.map(|file| Change { path: &file.path, bytes: Some(file.text.clone().into_bytes()) });
    written.chain(request.removed.iter().map(|path| Change { path, bytes: None })).collect()
}

/// What changes in one directory: names that are new there, with the path below it, and names that go.
#[derive(Default)]
struct Names<'a> {
    new: Vec<(PathBuf, &'a [u8])>,
    removed: BTreeSet<PathBuf>,
}

/// Puts all changes in place. A file that exists is covered by another with its owner and mode. Where a name comes or goes, the
/// directory is covered by another, in which each other entry is the present one.
pub(crate) fn put_in_place(changes: &[Change<'_>]) -> Result<(), Failure> {
    let mut scratch = Scratch::new()?;
    let mut replaced: Vec<(PathBuf, &[u8])> = Vec::new();
    // A directory comes before those below it.
    let mut directories: BTreeMap<PathBuf, Names<'_>> = BTreeMap::new();
    for change in changes {
        match &change.bytes {
            None => {
                let (directory, name) = entry(change.path)?;
                if fs::symlink_metadata(directory.join(&name)).is_ok() {
                    directories.entry(directory).or_default().removed.insert(name);
                }
            }
            Some(bytes) => {
                let path = real(change.path)?;
                match existing_above(&path)? {
                    None => replaced.push((path, bytes)),
                    Some((directory, below)) => {
                        directories.entry(directory).or_default().new.push((below, bytes));
                    }
                }
            }
        }
    }
    for (directory, names) in &directories {
        cover_directory(directory, names, &mut scratch)?;
    }
    for (path, bytes) in replaced {
        let like = fs::metadata(&path).map_err(at(&path))?;
        bind(&scratch.file(bytes, Some(&like))?, &path)?;
    }
    Ok(())
}

/// `path` without links.
fn real(path: &str) -> Result<PathBuf, Failure> {
    if !path.starts_with('/') {
        return Err(Failure::NotAbsolute(path.to_owned()));
    }
    tree::resolve(&Root::SYSTEM, path).ok_or_else(|| Failure::Links(path.to_owned()))
}

/// The directory of `path` without links, and the name in it, which may be that of a link.
fn entry(path: &str) -> Result<(PathBuf, PathBuf), Failure> {
    let (directory, name) = path
        .rsplit_once('/')
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| Failure::NotAFile(path.into()))?;
    Ok((real(&format!("{directory}/"))?, name.into()))
}

/// None if there is a file at `path`, which has no links. Otherwise the lowest directory above it that exists, and the path below
/// that.
fn existing_above(path: &Path) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => return Ok(None),
        Ok(_) => return Err(Failure::NotAFile(path.to_owned())),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(path)(error)),
        Err(_) => {}
    }
    let directory = path.ancestors().skip(1).find(|above| above.is_dir()).unwrap_or(Path::new("/"));
    let below = path.strip_prefix(directory).unwrap_or(path);
    Ok(Some((directory.to_owned(), below.to_owned())))
}

fn cover_directory(directory: &Path, names: &Names<'_>, scratch: &mut Scratch) -> Result<(), Failure> {
    let like = fs::metadata(directory).map_err(at(directory))?;
    let copy = scratch.directory(&like)?;
    for present in fs::read_dir(directory).map_err(at(directory))? {
        let present = present.map_err(at(directory))?;
        if !names.removed.contains(Path::new(&present.file_name())) {
            show(&present, &copy)?;
        }
    }
    for (below, bytes) in &names.new {
        let path = copy.join(below);
        if let Some(above) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(at(above))?;
        }
        write(&path, bytes, None)?;
    }
    bind(&copy, directory)
}

/// Shows an entry of a directory in its copy: the same file, not one like it.
fn show(present: &DirEntry, copy: &Path) -> Result<(), Failure> {
    let (from, to) = (present.path(), copy.join(present.file_name()));
    let kind = present.file_type().map_err(at(&from))?;
    if kind.is_symlink() {
        let target = fs::read_link(&from).map_err(at(&from))?;
        return symlink(target, &to).map_err(at(&to));
    }
    if kind.is_dir() {
        DirBuilder::new().create(&to).map_err(at(&to))?;
    } else {
        File::create(&to).map_err(at(&to))?;
    }
    bind(&from, &to)
}
