//! The possible contents of a disk after a power loss, computed from a trace of system calls.
//!
//! Bytes are durable once their file is flushed, and a name once its folder is flushed. Before that, each write may be
//! complete, missing or torn. Each change of a name may be applied or not, in any order. A call that strace has answered
//! instead of the kernel did nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::{World, strace};

/// The strace options that make the trace complete enough for [`Disk::follow`].
pub const WATCHED: [&str; 5] = [
    "-xx",
    "-s",
    "9000",
    "-e",
    "trace=openat,write,pwrite64,fdatasync,fsync,linkat,/^rename,unlinkat,ftruncate,fallocate",
];
/// The size in bytes of a block that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The bytes of each file, by path.
pub type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The store of one world.
#[derive(Clone)]
pub struct Disk {
    files: Vec<File>,
    names: Names,
    /// The changes of names since their folder was last flushed.
    renamed: Vec<Change>,
    folders: [PathBuf; 3],
    /// The files that the traced process has open, by descriptor.
    open: HashMap<i32, usize>,
}

type Names = BTreeMap<PathBuf, usize>;

#[derive(Clone)]
struct File {
    /// The contents when last flushed.
    flushed: Vec<u8>,
    /// The writes since then, in order: offset and bytes.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum Change {
    Made(PathBuf, usize),
    Moved(PathBuf, PathBuf),
    Removed(PathBuf),
}

impl Disk {
    /// The world's files as they are now, all flushed.
    pub fn of(world: &World) -> Self {
        let store = world.root().join("var/lib/twostep");
        let folders = [store.join("users"), store.join("state"), store.clone()];
        let mut disk = Self {
            files: Vec::new(),
            names: Names::new(),
            renamed: Vec::new(),
            folders,
            open: HashMap::new(),
        };
        for (path, bytes) in world.files_of_store() {
            let file = disk.add(bytes);
            disk.names.insert(path, file);
        }
        disk
    }

    /// Applies all calls of one process.
    pub fn follow(&mut self, calls: &[String]) {
        self.moments(calls).count();
    }

    /// Applies the calls one by one, and yields the disk after each call that changes its possible contents.
    pub fn moments<'a>(&'a mut self, calls: &'a [String]) -> impl Iterator<Item = Self> + 'a {
        self.open.clear();
        calls.iter().filter_map(|call| if self.call(call) { Some(self.clone()) } else { None })
    }

    /// Every image that the disk may hold now. Of each pending write it has nothing, all, the beginning or the end, cut at
    /// every multiple of `grain` bytes and at every sector. Of the changes of names it has any subset.
    pub fn images(&self, grain: usize) -> BTreeSet<Image> {
        let mut images = BTreeSet::new();
        for chosen in 0..1u32 << self.renamed.len() {
            let mut names = self.names.clone();
            let kept = self.renamed.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            kept.for_each(|(_, change)| change.apply(&mut names));
            let mut of_names = BTreeSet::from([Image::new()]);
            for (path, file) in names {
                let contents = self.files[file].images(grain);
                let with = |image: &Image, bytes: &Vec<u8>| {
                    let mut image = image.clone();
                    image.insert(path.clone(), bytes.clone());
                    image
                };
                of_names = of_names
                    .iter()
                    .flat_map(|image| contents.iter().map(|bytes| with(image, bytes)).collect::<Vec<_>>())
                    .collect();
            }
            images.append(&mut of_names);
        }
        images
    }

    fn add(&mut self, flushed: Vec<u8>) -> usize {
        self.files.push(File { flushed, pending: Vec::new() });
        self.files.len() - 1
    }

    /// Applies one call. Returns whether it changed the possible contents of the disk.
    fn call(&mut self, call: &str) -> bool {
        let Some((arguments, result)) = call.rsplit_once(" = ") else { return false };
        let done = |least: i64| {
            let number = result.split(['<', ' ']).next().unwrap().parse::<i64>();
            number.is_ok_and(|number| number >= least) && !result.contains("INJECTED")
        };
        let Some(name) = strace::name(call) else { return false };
        if !done(0) {
            return false;
        }
        let (paths, texts) = (between(arguments, '<', '>'), between(arguments, '"', '"'));
        let word = |words: &[Vec<u8>], at: usize| {
            words.get(at).map_or_else(String::new, |word| String::from_utf8_lossy(word).into_owned())
        };
        let path = |at: usize| PathBuf::from(word(&paths, at));
        let text = |at: usize| word(&texts, at);
        let ours = || self.folders.iter().any(|folder| path(0).starts_with(folder));
        if name != "openat" && name != "linkat" && !ours() {
            return false;
        }
        let descriptor = || leading_number(&arguments[name.len() + 1..]);
        match name {
            "openat" => {
                self.open(leading_number(result), &path(0), &text(0), arguments.contains("O_TMPFILE"));
                false
            }
            "write" | "pwrite64" => {
                let Some(&file) = self.open.get(&descriptor()) else { return false };
                let written = result.split(' ').next().unwrap().parse().unwrap();
                let offset = match name {
                    "pwrite64" => {
                        arguments.trim_end_matches(')').rsplit(", ").next().unwrap().parse().unwrap()
                    }
                    _ => self.files[file].latest().len(),
                };
                self.files[file].pending.push((offset, texts[0][..written].to_vec()));
                written > 0
            }
            "fdatasync" | "fsync" => {
                if let Some(&file) = self.open.get(&descriptor()) {
                    self.files[file].flush();
                    return true;
                }
                let folder = path(0);
                let (flushed, rest) = self.renamed.drain(..).partition(|change| change.is_in(&folder));
                self.renamed = rest;
                let flushed: Vec<Change> = flushed;
                flushed.iter().for_each(|change| change.apply(&mut self.names));
                !flushed.is_empty()
            }
            "linkat" => {
                let from: i32 = text(0).rsplit('/').next().unwrap().parse().unwrap();
                let change = Change::Made(path(paths.len() - 1).join(text(1)), self.open[&from]);
                self.change(change)
            }
            "renameat" | "renameat2" => {
                self.change(Change::Moved(path(0).join(text(0)), path(1).join(text(1))))
            }
            "unlinkat" => self.change(Change::Removed(path(0).join(text(0)))),
            "ftruncate" | "fallocate" => panic!("not in this model: {call}"),
            _ => false, // traced only because a fault is injected into it
        }
    }

    fn open(&mut self, descriptor: i32, folder: &Path, name: &str, unnamed: bool) {
        self.open.remove(&descriptor);
        let place = folder.join(name); // of a name such as state/1001, which is in another folder
        if !self
            .folders
            .iter()
            .any(|ours| if unnamed { ours == folder } else { place.parent() == Some(ours) })
        {
            return;
        }
        let mut names = self.names.clone();
        self.renamed.iter().for_each(|change| change.apply(&mut names));
        let file = match unnamed {
            true => Some(self.add(Vec::new())),
            false => names.get(&place).copied(),
        };
        self.open.extend(file.map(|file| (descriptor, file)));
    }

    fn change(&mut self, change: Change) -> bool {
        assert!(self.folders.iter().any(|ours| change.is_in(ours)), "a name outside the store");
        self.renamed.push(change);
        true
    }
}

impl File {
    fn latest(&self) -> Vec<u8> {
        let mut bytes = self.flushed.clone();
        self.pending.iter().for_each(|(offset, part)| overwrite(&mut bytes, *offset, part));
        bytes
    }

    fn flush(&mut self) {
        self.flushed = self.latest();
        self.pending.clear();
    }

    fn images(&self, grain: usize) -> BTreeSet<Vec<u8>> {
        let mut images = BTreeSet::from([self.flushed.clone()]);
        for (offset, bytes) in &self.pending {
            let torn = |image: &Vec<u8>| tears(image, *offset, bytes, grain);
            images = images.iter().flat_map(torn).collect();
        }
        images
    }
}

/// The possible remains of a write. The file may have grown even if no byte of the write is there.
fn tears(image: &[u8], offset: usize, bytes: &[u8], grain: usize) -> Vec<Vec<u8>> {
    let end = bytes.len();
    let cuts = (0..=end)
        .filter(|cut| cut.is_multiple_of(grain) || (offset + cut).is_multiple_of(SECTOR) || *cut == end);
    let parts = cuts.flat_map(|cut| [0..cut, cut..end]);
    let torn = parts.map(|part| {
        let mut image = image.to_vec();
        overwrite(&mut image, offset + part.start, &bytes[part]);
        image
    });
    torn.collect()
}

fn overwrite(bytes: &mut Vec<u8>, offset: usize, part: &[u8]) {
    if bytes.len() < offset + part.len() {
        bytes.resize(offset + part.len(), 0);
    }
    bytes[offset..offset + part.len()].copy_from_slice(part);
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Made(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Moved(from, to) => {
                let file = names.remove(from);
                names.extend(file.map(|file| (to.clone(), file)));
            }
            Self::Removed(name) => {
                names.remove(name);
            }
        }
    }

    fn is_in(&self, folder: &Path) -> bool {
        let (Self::Made(name, _) | Self::Moved(_, name) | Self::Removed(name)) = self;
        name.parent() == Some(folder)
    }
}

fn leading_number(text: &str) -> i32 {
    text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap_or(-1)
}

/// The strings between these two characters. With `-xx`, strace writes them as \x2f\x74.
fn between(line: &str, begin: char, end: char) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((_, after)) = rest.split_once(begin) {
        let Some((text, next)) = after.split_once(end) else { break };
        found.push(text.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect());
        rest = next;
    }
    found
}
