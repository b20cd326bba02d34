//! The files of PAM modules, as libpam would load them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::elf::{self, Header};
use crate::tree::bytes_of;

/// In bytes. Only the beginning of a longer module is read.
const LONGEST: u64 = 64 * 1024 * 1024;
const ENTRY: &[u8] = b"\0pam_sm_authenticate\0";

/// Why libpam cannot load a file as a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotLoadable {
    /// It cannot be read.
    Unreadable,
    /// It is not a shared object (elf(5)).
    NotSharedObject,
    /// It is for another processor than this machine's.
    OtherProcessor,
    /// It has no `pam_sm_authenticate`.
    NotOfPam,
}

/// The modules' files that were looked at. Each is read once: many lines name the same one.
#[derive(Default)]
pub struct ModuleFiles(RefCell<BTreeMap<PathBuf, Option<NotLoadable>>>);

impl ModuleFiles {
    /// Why libpam cannot load the file at `real`; none if it can.
    pub fn not_loadable(&self, real: PathBuf) -> Option<NotLoadable> {
        *self.0.borrow_mut().entry(real).or_insert_with_key(|real| not_loadable(real))
    }
}

fn not_loadable(real: &Path) -> Option<NotLoadable> {
    let Some(bytes) = bytes_of(real, LONGEST) else { return Some(NotLoadable::Unreadable) };
    let shared = |bytes: &[u8]| Header::of(bytes).filter(|header| header.is_shared);
    let Some(header) = shared(&bytes) else { return Some(NotLoadable::NotSharedObject) };
    // A module beside it runs on this machine; without one, this command does.
    let beside = real.with_file_name("pam_permit.so");
    let head = |path: &Path| bytes_of(path, elf::LENGTH);
    let runs = head(&beside).or_else(|| head(Path::new("/proc/self/exe")));
    if runs.and_then(|bytes| shared(&bytes)).is_some_and(|here| here.processor != header.processor) {
        return Some(NotLoadable::OtherProcessor);
    }
    let has_entry = bytes.windows(ENTRY.len()).any(|window| window == ENTRY);
    (!has_entry).then_some(NotLoadable::NotOfPam)
}
