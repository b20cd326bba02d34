//! The files of a machine, below its root: their texts, and what this process may not read of them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;
use twostep_core::os::root::Root;

/// More links than these, one after the other, are a circle.
const MOST_LINKS: usize = 16;
/// No file of settings is longer, in bytes; of one that is, the beginning is read.
pub const LONGEST: u64 = 1024 * 1024;

/// The text of the file at `path`, as the machine names it; none if it cannot be read.
pub fn text(root: &Root, path: &str) -> Option<String> {
    text_of(&root.path(path))
}

/// The text of this file; none if it cannot be read, or is none: a FIFO would never end, nor would a device.
pub(crate) fn text_of(path: &Path) -> Option<String> {
    bytes_of(path, LONGEST).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// At most so many bytes of this file; none if it cannot be read, or is not a file.
pub fn bytes_of(path: &Path, most: u64) -> Option<Vec<u8>> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    // Some files of the kernel's call themselves regular, and never end.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).ok()?;
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The real place of `path`. Links are followed below the root, and never out of it.
pub fn resolve(root: &Root, path: &str) -> Option<PathBuf> {
    real(root, path).map(|path| root.path(&path))
}

/// `path` without links, as the machine names it.
pub fn real(root: &Root, path: &str) -> Option<String> {
    way(root, path)?.pop()
}

/// All that decides where `path` leads: the folders on its way, the links with their own folders, and at the end the file.
pub(crate) fn way(root: &Root, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut links) = (PathBuf::from(path), 0_usize);
    let mut way = Vec::new();
    'again: loop {
        let mut found = PathBuf::from("/");
        way.push("/".to_owned());
        let mut parts = wanted.components();
        while let Some(part) = parts.next() {
            let here = step(&found, part);
            way.push(here.to_str()?.to_owned());
            if let Ok(target) = fs::read_link(root.path(here.to_str()?)) {
                links = links.saturating_add(1);
                wanted = found.join(target).join(parts.as_path());
                if links > MOST_LINKS {
                    return None;
                }
                continue 'again;
            }
            found = here;
        }
        return Some(way);
    }
}

fn step(from: &Path, part: Component<'_>) -> PathBuf {
    match part {
        Component::ParentDir => from.parent().unwrap_or(from).to_owned(),
        Component::RootDir | Component::Prefix(_) | Component::CurDir => from.to_owned(),
        Component::Normal(name) => from.join(name),
    }
}

/// The lines of a text with their numbers, from 1, without comments and blanks around.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let content = |line: &'_ str| line.split_once('#').map_or(line.len(), |(before, _)| before.len());
    (1..)
        .zip(text.lines())
        .map(move |(number, line)| (number, line.get(..content(line)).unwrap_or(line).trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// Whether this is there, and this process may not read it; or may not even know whether it is there.
pub fn is_hidden(path: &Path) -> bool {
    let opened = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    opened.err().as_ref().is_some_and(is_denied)
}

/// Whether a permission is missing.
pub fn is_denied(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_lines() {
        let found: Vec<_> = lines("a b # c\n\n#d\n  e\n").collect();
        assert_eq!(found, [(1, "a b"), (4, "e")]);
    }
}
