//! The module's file, where libpam looks for it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use twostep_core::pam::line::Word;
use twostep_hostconf::elf::Header;
use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::tree::bytes_of;
use twostep_hostconf::tree::is_hidden;

use super::own_line;
use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::id::Id;

/// No module is longer, in bytes; of one that is, the beginning is read.
const LONGEST: u64 = 64 * 1024 * 1024;
const NAME: &str = "pam_twostep.so";
const ENTRY: &[u8] = b"\0pam_sm_authenticate\0";
const AGAIN: &str = "Install twostep again.";

/// Everything wrong with the file that `line` names.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, line: &PamLine) -> Vec<Finding> {
    let path = files.library().path_of(line.module());
    let real = files.resolve(&path);
    if context.visibility == Visibility::Public && real.as_deref().is_some_and(is_hidden) {
        return Vec::new();
    }
    let found = real.and_then(|real| Some((fs::metadata(&real).ok()?, real)));
    let Some((meta, real)) = found.filter(|(meta, _)| meta.is_file()) else {
        return vec![missing(files, line, &path)];
    };
    let owner = context.root.system_owner().map(|uid| uid.as_raw()).unwrap_or_default();
    mode(&path, &meta, owner).into_iter().chain(content(&path, &real)).collect()
}

fn missing(files: &Files<'_>, line: &PamLine, path: &str) -> Finding {
    if is_elsewhere(files, path) {
        let remedy = own_line::clean(&corrected(files, line));
        let what = format!("there is no module {}", path);
        return Finding::problem(
            Id::ModuleMisnamed,
            line.location.clone(),
            what,
            "libpam refuses everybody at this line.",
            remedy,
        );
    }
    let remedy = Remedy::Advice { text: AGAIN.to_owned() };
    Finding::problem(
        Id::ModuleMissing,
        Location::file(path),
        "the module is missing",
        "libpam refuses everybody at each line that names it.",
        remedy,
    )
}

/// The line with a module that is there, if it names one that is not.
pub(crate) fn corrected(files: &Files<'_>, line: &PamLine) -> PamLine {
    let mut line = line.clone();
    let path = files.library().path_of(line.module());
    let is_there = files.resolve(&path).is_some_and(|real| real.is_file());
    if let Some(word) = line.words.get_mut(2).filter(|_| !is_there && is_elsewhere(files, &path)) {
        *word = Word { text: NAME.to_owned(), raw: NAME.to_owned() };
    }
    line
}

/// Whether the module lies where libpam looks for it by its name alone, which is not `path`.
fn is_elsewhere(files: &Files<'_>, path: &str) -> bool {
    let usual = files.library().path_of(NAME);
    usual != path && files.resolve(&usual).is_some_and(|real| real.is_file())
}

fn mode(path: &str, meta: &Metadata, owner: u32) -> Option<Finding> {
    let (id, what, command) = if meta.uid() != owner {
        (Id::FilesWrongOwner, "the module does not belong to root", format!("chown root:root {path}"))
    } else if meta.mode() & 0o022 != 0 {
        (Id::FilesOpenToOthers, "others than root can write the module", format!("chmod go-w {path}"))
    } else {
        return None;
    };
    let why = "It runs as root inside sshd and sudo: who can change it is root.";
    Some(Finding::problem(id, Location::file(path), what, why, Remedy::Run { command }))
}

fn content(path: &str, real: &Path) -> Option<Finding> {
    let problem = |what: &str| {
        let why = "libpam cannot load it, and refuses everybody at each line that names it.";
        let remedy = Remedy::Advice { text: AGAIN.to_owned() };
        Some(Finding::problem(Id::ModuleCannotBeLoaded, Location::file(path), what, why, remedy))
    };
    let Some(bytes) = bytes_of(real, LONGEST) else { return problem("the module cannot be read") };
    let shared = |bytes: &Vec<u8>| Header::of(bytes).filter(|header| header.is_shared);
    let Some(header) = shared(&bytes) else { return problem("the module is not a shared object") };
    // What runs on this machine lies beside it; failing that, this command does.
    let beside = real.with_file_name("pam_permit.so");
    let runs = bytes_of(&beside, LONGEST).or_else(|| bytes_of(Path::new("/proc/self/exe"), LONGEST));
    if runs.as_ref().and_then(shared).is_some_and(|here| here.processor != header.processor) {
        return problem("the module is for another kind of processor");
    }
    if !bytes.windows(ENTRY.len()).any(|window| window == ENTRY) {
        return problem("the module is not one of PAM's");
    }
    None
}
